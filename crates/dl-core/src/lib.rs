//! Training objectives as mathematics: graph, differentiation, rewriting, plans and the reference interpreter.
