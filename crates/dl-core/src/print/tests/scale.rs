//! Deep chains and graphs whose trees are exponential: no recursion, no explosion.

use expect_test::expect;

use crate::print;
use crate::{Expr, F64, Graph};

const DEPTH: usize = 100_000;

fn chain(g: &Graph) -> Expr<'_> {
    let x = g.input("x", F64, ());
    (0..DEPTH).fold(x, |e, _| (e + 1.0).sin())
}

#[test]
fn a_chain_of_any_length() {
    let g = Graph::new();
    let e = chain(&g);
    let line = e.to_string();
    assert!(
        line.starts_with("(sin (add (sin (add ") && line.ends_with(" 1)) 1))"),
        "{}",
        &line[line.len() - 20..]
    );
    assert_eq!(line.matches("(sin ").count(), DEPTH);
    for text in [e.listing(), e.math(), e.latex()] {
        assert!(text.lines().all(|l| l.chars().count() < 1_000));
        assert_eq!(text.matches("sin").count(), DEPTH);
    }
    assert_eq!(e.graphviz().matches("[label=\"sin\\n").count(), DEPTH);
}

fn doubling(g: &Graph, times: usize) -> Expr<'_> {
    let x = g.input("x", F64, ());
    (0..times).fold(x, |e, i| (e + 1.0 + i as f64) * (e.exp() - e))
}

#[test]
fn a_tree_of_exponential_size() {
    let g = Graph::new();
    let e = doubling(&g, 4);
    expect!["(let (%1 (mul (add (add x 1) 0) (sub (exp x) x))) (%2 (mul (add (add %1 1) 1) (sub (exp %1) %1))) (%3 (mul (add (add %2 1) 2) (sub (exp %2) %2))) (mul (add (add %3 1) 3) (sub (exp %3) %3)))"].assert_eq(&e.to_string());
    expect![[r#"
        input x : f64 []
        %1 = (mul (add (add x 1) 0) (sub (exp x) x)) : f64 []
        %2 = (mul (add (add %1 1) 1) (sub (exp %1) %1)) : f64 []
        %3 = (mul (add (add %2 1) 2) (sub (exp %2) %2)) : f64 []
        (mul (add (add %3 1) 3) (sub (exp %3) %3)) : f64 []"#]]
    .assert_eq(&e.listing());
    expect![[r#"
        t₁ = (x + 1 + 0)·(exp(x) - x)
        t₂ = (t₁ + 1 + 1)·(exp(t₁) - t₁)
        t₃ = (t₂ + 1 + 2)·(exp(t₂) - t₂)
        (t₃ + 1 + 3)·(exp(t₃) - t₃)"#]]
    .assert_eq(&e.math());
    let e = doubling(&g, 500);
    for text in [e.to_string(), e.listing(), e.math(), e.latex(), e.graphviz()] {
        assert!(text.len() < 200_000, "{}", text.len());
    }
}

#[test]
fn many_shared_values() {
    let g = Graph::new();
    let x = g.input("x", F64, ());
    let shared: Vec<Expr<'_>> =
        (0..20_000).map(|i| ((x + f64::from(i)).sin() * (x - f64::from(i)).cos()).tanh()).collect();
    let total = shared.iter().fold(x, |sum, e| sum + e.exp() * *e);
    assert!(print::math(&[("J", total)]).lines().count() > 20_000);
    assert!(print::sexpr(&[("J", total)]).lines().count() > 20_000);
}
