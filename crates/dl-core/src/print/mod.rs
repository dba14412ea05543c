//! Showing expressions and programs: s-expressions, LaTeX, Graphviz.

pub mod sexpr;
