//! What is read, and what is refused with its place.

use crate::dim::Named;
use crate::dtype::DType::{F32, F64, I64};
use crate::graph::Graph;
use crate::print::read_latex;
use crate::shape::Shape;

fn sheet() -> Graph {
    let g = Graph::new();
    let (n, m) = (Named("N"), Named("M"));
    g.input("X", F64, (n, m));
    g.input("S", F64, (n, n));
    g.input("v", F64, n);
    g.input("w", F64, m);
    g.input("y", I64, n);
    g.input("θ", F64, ());
    g.input("σ", F64, ());
    g
}

/// What is read, as it is printed again.
fn again(text: &str) -> String {
    let g = sheet();
    let read = read_latex(&g, text, None).unwrap_or_else(|e| panic!("{text}: {e}"));
    g.check().unwrap();
    read.last().unwrap().value.latex()
}

#[test]
fn what_was_read_is_printed_the_same() {
    for text in [
        "\\theta",
        "-\\theta \\cdot v",
        "1.5 \\cdot 10^{-8} \\cdot \\theta",
        "\\theta - \\left(1 - \\theta\\right)",
        "\\sigma\\left(\\sigma\\right) \\cdot \\sigma",
        "\\left(e^{\\theta}-1\\right) + \\log\\left(1+\\theta\\right) + \\log\\left(1 + \\theta\\right)",
        "{\\theta}^{\\sigma - 1}",
        "\\frac{1}{M \\cdot N} \\sum_{n, m} X^{2}",
        "\\left(\\sum_{n} v\\right) \\cdot \\max_{m}\\left(w\\right)",
        "X\\,w + v",
        "X^{\\top}\\,v",
        "v^{\\top}\\,S",
        "v\\,w^{\\top} + X",
        "\\left(X^{\\top}\\right)^{\\top}",
        "\\left(\\log \\operatorname{softmax}_{m}\\left(X\\right)\\right)_{n, y_{n}}",
        "\\operatorname{softmax}_{m}\\left(X\\right) - \\operatorname{one\\_hot}\\left(y\\right)",
        "X_{y}",
        "X_{:, 0:1}",
        "v_{1:N}",
        "\\begin{cases} v & \\text{if } v > 0 \\land v < 1 \\\\ 0 & \\text{otherwise} \\end{cases}",
        "\\left[\\neg \\left(v \\ge \\theta\\right)\\right] \\cdot v",
        "\\operatorname{argmax}_{m}\\left(X\\right)",
        "\\operatorname{pad}_{\\mathrm{0:1;N}}\\left(1\\right) \\cdot v",
    ] {
        assert_eq!(again(text), text);
    }
    // A product of matrices by its elements is one.
    let product = "\\left[\\sum_{c} X_{a c}\\,X_{b c}\\right]_{b a}";
    assert_eq!(again(product), "X\\,X^{\\top}");
    assert_eq!(again("\\left\\langle X, X\\right\\rangle"), "\\sum_{n, m} X^{2}");
}

#[test]
fn shapes_say_where_an_array_repeats() {
    let g = sheet();
    let value = |text| read_latex(&g, text, None).map(|read| read[0].value.shape().to_string());
    // Along the rows, and along the columns, because nothing else fits.
    assert_eq!(value("X + w").unwrap(), "[N, M]");
    assert_eq!(value("X - \\max_{m}\\left(X\\right)").unwrap(), "[N, M]");
    let e = value("S + v").unwrap_err();
    assert_eq!(
        e.to_string(),
        "LaTeX, byte 4: [N] could repeat in [N, N] along more than one axis: formulas do not show which"
    );
    let (n, m) = (Named("N"), Named("M"));
    let zero = read_latex(&g, "J = 0", Some(&Shape::from((n, m)))).unwrap();
    assert_eq!(zero[0].value.shape(), Shape::from((n, m)));
}

#[test]
fn lines_see_those_before_them() {
    let g = sheet();
    let text =
        "\\begin{aligned}\nt_{1} &= X\\,w \\\\\n\\theta &\\leftarrow t_{1}^{\\top}\\,v\n\\end{aligned}";
    let read = read_latex(&g, text, None).unwrap();
    assert_eq!((read[0].left, read[0].update), (Some("t_{1}"), false));
    assert_eq!((read[1].left, read[1].update), (Some("\\theta"), true));
    assert_eq!(read[1].value.shape(), Shape::scalar());
}

#[test]
fn what_is_not_printed_so_is_refused_with_its_place() {
    let g = sheet();
    let refused = |text: &str, at: usize, what: &str| {
        let e = read_latex(&g, text, None).expect_err(text);
        assert!(e.at() == at && e.to_string().contains(what), "{text}: {e}");
        // It leaves no fault behind.
        g.check().unwrap();
    };
    refused("", 0, "expected a name, a number or a function, found the end");
    refused("\\theta+1", 6, "expected the end, found +1");
    refused("\\theta \\cdot x", 13, "found x");
    refused("\\theta < 1 < 2", 10, "expected the end");
    refused("\\left(\\theta", 12, "expected \\right), found the end");
    refused("\\frac{2}{N} \\sum_{n} v", 11, "expected an operator");
    refused("\\sum_{k} v", 0, "no axis of [N] has the index k");
    refused("X\\,v", 3, "the inner sizes or types differ");
    refused("X + v\\,w", 7, "no matrix product");
    refused("\\operatorname{one\\_hot}\\left(y\\right)", 0, "how many classes");
    refused("\\operatorname{sort}_{\\mathrm{0}}\\left(v\\right)", 0, "sort cannot be read back");
    refused("v_{q}", 0, "no name and no range");
    refused("J = 1 \\\\\nK = 2", 5, "expected the end");
    refused("\\begin{aligned}\nJ &= 1 \\\\\nJ &= 2\n\\end{aligned}", 26, "two meanings");
    refused(&"\\left(".repeat(101), 600, "nested deeper than 100");
    refused(&"\\neg ".repeat(5000), 500, "nested deeper than 100");
    refused(&"-".repeat(70_000), 65_536, "expected at most 65536");
}

#[test]
fn names_that_look_alike_are_refused() {
    let g = Graph::new();
    g.input("theta", F64, ());
    g.input("θ", F64, ());
    g.input("N", F64, Named("N"));
    g.input("e", F64, ());
    g.input("x", F32, ());
    let said = |text| read_latex(&g, text, None).unwrap_err().to_string();
    assert_eq!(said("\\theta"), "LaTeX, byte 0: \\theta stands for two things");
    assert_eq!(said("N"), "LaTeX, byte 0: N stands for two things");
    assert!(said("e^{2}").contains("expected another name"));
    assert!(said("x + e").contains("f32 beside f64"));
    assert!(read_latex(&g, "e + 1", None).is_ok());
}
