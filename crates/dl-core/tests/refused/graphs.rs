//! Expressions of two graphs in one.

use std::panic::Location;

use dl_core::nn::{self, Parameters, Sgd};
use dl_core::ops::Reduce;
use dl_core::{Expr, F32, Graph, I64, Init, Named, Program, print};

use crate::{faults, refused};

const B: Named = Named("B");

/// Values of one graph and of another; the other's have places that the first does not have.
struct Two<'g> {
    g: &'g Graph,
    x: Expr<'g>,
    y: Expr<'g>,
}

/// Asserts that `mix` is refused in the first graph with both names and lines.
#[track_caller]
fn check(mix: impl for<'g> FnOnce(Two<'g>)) {
    let (g, h) = (Graph::new(), Graph::new());
    let x = g.parameter("x_of_g", F32, [3], Init::Zeros);
    for i in 0..9 {
        h.constant(F32, f64::from(i));
    }
    let y = h.parameter("y_of_h", F32, [3], Init::Zeros);
    mix(Two { g: &g, x, y });
    let at = Location::caller();
    let file = at.file();
    let says = [format!("y_of_h ({file}:"), format!("({file}:{}) and", at.line()), "different graphs".into()];
    refused(&g, file, at.line(), &says.each_ref().map(String::as_str));
    h.check().unwrap();
}

#[test]
#[rustfmt::skip] // each mix on the line of its check
fn in_one_operation() {
    check(|t| { let _ = t.x + t.y; });
    check(|t| { let _ = t.x * t.y; });
    check(|t| { let _ = t.x.maximum(t.y); });
    check(|t| { let _ = t.x.clip(0.0, t.y); });
    check(|t| { let _ = t.x.dot(t.y); });
    check(|t| { let _ = t.x.contract("i,i->", t.y); });
    check(|t| { let _ = t.x.scatter_add(0, 0, t.y, &t.x.shape()); });
    check(|t| { let _ = t.x.gather(0, t.y); });
    check(|t| { let _ = t.x.pick(t.y); });
    check(|t| { let _ = nn::mse(t.x, t.y); });
    check(|t| { let _ = t.x.sum(..).grad(&[t.y]); });
    check(|t| { let _ = t.x.sum(..).hvp(&[t.y], &[t.x]); });
    check(|t| { let _ = t.x.jvp(&[t.x], &[t.y]); });
    check(|t| { let _ = t.x.vjp(&[t.y], t.x); });
    check(|t| { let _ = t.x.vjp(&[t.x], t.y); });
}

/// Asserts that the compiled `mix` fails at the line of the check with `says` and the value's name.
#[track_caller]
fn check_program(mix: impl for<'g> FnOnce(Two<'g>) -> dl_core::Result<Program>) {
    let (g, h) = (Graph::new(), Graph::new());
    let x = g.parameter("x_of_g", F32, [3], Init::Zeros);
    let y = h.parameter("y_of_h", F32, [3], Init::Zeros);
    let error = mix(Two { g: &g, x, y }).expect_err("two graphs");
    let at = Location::caller().to_string();
    let place = at.rsplit_once(':').unwrap().0;
    let first = error.faults()[0].to_string();
    assert!(first.starts_with(place), "{first} is not at {place}");
    assert!(first.contains("y_of_h (") && first.contains("belong"), "{first}");
}

#[test]
#[rustfmt::skip]
fn in_one_program() {
    check_program(|t| Program::builder(t.g).output("y", t.y).compile());
    check_program(|t| Program::builder(t.g).output("x", t.x).derive("y", t.y).compile());
    check_program(|t| Program::builder(t.g).update(t.x, t.y).compile());
    check_program(|t| Program::builder(t.g).update(t.y, t.x).compile());
    check_program(|t| nn::l2(t.x).minimize_over(t.y, Sgd::new(0.1)));
    check_program(|t| nn::l2(Parameters::new(t.g, [t.x, t.y])).minimize(Sgd::new(0.1)));
    check_program(|t| Program::builder(t.g).output("c", t.g.concat(0, &[t.y, t.y])).compile());
    check_program(|t| Program::builder(t.g).output("c", t.g.concat(0, &[t.x, t.y])).compile());
}

#[test]
fn a_selection_of_two_graphs_names_the_other() {
    let (g, h) = (Graph::new(), Graph::new());
    let (x, y) = (g.parameter("x", F32, (), Init::Zeros), h.parameter("y", F32, (), Init::Zeros));
    nn::l2([x, y]);
    assert!(faults(&g)[0].message.starts_with("y ("), "{:?}", faults(&g));
}

#[test]
fn a_program_is_found_in_its_own_graph_only() {
    let g = Graph::new();
    let x = g.input("x", F32, B);
    let program = Program::builder(&g).output("y", x.exp()).compile().unwrap();
    let own = program.to_graph();
    let y = program.outputs()[0].node;
    assert_eq!(program.expr(&own, y).to_string(), "(exp x)");
    let other = Graph::new();
    other.input("i", I64, B).cast(F32);
    program.expr(&other, y);
    let line = line!() - 1;
    refused(&other, file!(), line, &["node 1 of a program is not in this graph"]);
}

#[test]
fn values_of_two_graphs_are_printed_one_graph_after_the_other() {
    let (g, h) = (Graph::new(), Graph::new());
    let (x, y) = (g.input("x", F32, ()), h.input("y", F32, ()).exp().reduce(Reduce::Sum, ..));
    assert_eq!(print::math(&[("a", x + 1.0), ("b", y), ("c", x)]), "a = x + 1\nc = x\nb = exp(y)");
}
