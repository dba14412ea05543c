//! Whole objectives: listings, derivations, graphs.

use expect_test::expect;

use crate::print;
use crate::{Expr, F32, F64, Graph, I64, Init, Named, Program, U8};

const B: Named = Named("B");

/// The logits of a perceptron and its cross entropy, written out.
fn perceptron(g: &Graph) -> Expr<'_> {
    let x = g.input("x", U8, (B, 4)).cast(F32) / 255.0;
    let labels = g.input("y", I64, B);
    let parameter = |name: &str, shape: &[usize]| g.parameter(name, F32, shape, Init::Zeros);
    let h = (x.dot(parameter("fc1.weight", &[4, 3])) + parameter("fc1.bias", &[3])).relu().named("h");
    let z = (h.dot(parameter("fc2.weight", &[3, 2])) + parameter("fc2.bias", &[2])).named("z");
    let shifted = z - z.max(1).unsqueeze(1);
    let log_p = shifted - shifted.exp().sum(1).log().unsqueeze(1);
    (-log_p.pick(labels).mean(0)).named("J₁")
}

fn regularized(g: &Graph) -> Expr<'_> {
    let j1 = perceptron(g);
    let j2 = (g.get_parameter("fc1.weight").square().sum(..)
        + g.get_parameter("fc2.weight").square().sum(..))
    .named("J₂");
    (j1 + 1e-4 * j2).named("J")
}

#[test]
fn as_formulas() {
    let g = Graph::new();
    let j = regularized(&g);
    g.check().unwrap();
    expect![[r#"
        h = relu((x/255)·fc1.weight + fc1.bias)
        z = h·fc2.weight + fc2.bias
        J₁ = -mean_b((z - max_j(z) - log(Σ_j exp(z - max_j(z))))[b,y[b]])
        J₂ = Σ_{i,j} fc1.weight² + Σ_{i,j} fc2.weight²
        J = J₁ + 0.0001·J₂"#]]
    .assert_eq(&j.math());
    expect![[r#"
        \begin{aligned}
        h &= \operatorname{relu}(\frac{x}{255}\,W_{\mathrm{fc1}} + b_{\mathrm{fc1}}) \\
        z &= h\,W_{\mathrm{fc2}} + b_{\mathrm{fc2}} \\
        J_{1} &= -\frac{1}{B} \sum_{b} \left(z - \max_{j}\left(z\right) - \log\left(\sum_{j} e^{z - \max_{j}\left(z\right)}\right)\right)_{b, y_{b}} \\
        J_{2} &= \sum_{i, j} W_{\mathrm{fc1}}^{2} + \sum_{i, j} W_{\mathrm{fc2}}^{2} \\
        J &= J_{1} + 0.0001 \cdot J_{2}
        \end{aligned}"#]].assert_eq(&j.latex());
}

#[test]
fn as_listing() {
    let g = Graph::new();
    expect![[r#"
        input x : u8 [B, 4]
        parameter fc1.weight : f32 [4, 3]
        parameter fc1.bias : f32 [3]
        parameter fc2.weight : f32 [3, 2]
        parameter fc2.bias : f32 [2]
        input y : i64 [B]
        h = (relu (add (contract[ak,kn->an] (div (cast[f32] x) 255) fc1.weight) (broadcast[1;B,3] fc1.bias))) : f32 [B, 3]
        z = (add (contract[ak,kn->an] h fc2.weight) (broadcast[1;B,2] fc2.bias)) : f32 [B, 2]
        %1 = (sub z (broadcast[0;B,2] (reshape[B] (reshape[B,1] (reduce_max[1] z))))) : f32 [B, 2]
        J₁ = (neg (div (sum[0] (gather[1;1] (sub %1 (broadcast[0;B,2] (reshape[B] (reshape[B,1] (log (sum[1] (exp %1))))))) y)) B)) : f32 []
        J₂ = (add (sum[0,1] (mul fc1.weight fc1.weight)) (sum[0,1] (mul fc2.weight fc2.weight))) : f32 []
        J = (add J₁ (mul 0.0001 J₂)) : f32 []"#]].assert_eq(&regularized(&g).listing());
}

#[test]
fn as_a_program() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let j = (theta - 3.0).square();
    let gradient = 2.0 * (theta - 3.0);
    let builder = Program::builder(&g).derive("∂J/∂θ", gradient).output("J", j);
    let program = builder.update(theta, theta - 0.1 * gradient).without_rewriting().compile().unwrap();
    expect![[r#"
        ∂J/∂θ = 2·(θ - 3)
        J = (θ - 3)²
        θ ← θ - 0.1·∂J/∂θ"#]]
    .assert_eq(&program.math());
    expect![[r#"
        \begin{aligned}
        \frac{\partial J}{\partial \theta} &= 2 \cdot \left(\theta - 3\right) \\
        J &= \left(\theta - 3\right)^{2} \\
        \theta &\leftarrow \theta - 0.1 \cdot \frac{\partial J}{\partial \theta}
        \end{aligned}"#]]
    .assert_eq(&program.latex());
    expect![[r#"
        parameter θ : f64 []
        ∂J/∂θ = (mul 2 (sub θ 3)) : f64 []
        J = (mul (sub θ 3) (sub θ 3)) : f64 []
        θ <- (sub θ (mul 0.1 ∂J/∂θ)) : f64 []"#]]
    .assert_eq(&program.listing());
    expect![[r##"
        digraph {
          graph [rankdir=TB, ordering=in];
          node [shape=ellipse, fontname="sans-serif"];
          n0 [label="2\nf64 []", shape=plaintext];
          n1 [label="θ\nf64 []", shape=box, style=filled, fillcolor="#f5e6c8"];
          n2 [label="3\nf64 []", shape=plaintext];
          n3 [label="sub\nf64 []"];
          n1 -> n3;
          n2 -> n3;
          n4 [label="∂J/∂θ\nmul\nf64 []"];
          n0 -> n4;
          n3 -> n4;
          n5 [label="J\nmul\nf64 []"];
          n3 -> n5;
          n3 -> n5;
          n6 [label="0.1\nf64 []", shape=plaintext];
          n7 [label="mul\nf64 []"];
          n6 -> n7;
          n4 -> n7;
          n8 [label="sub\nf64 []"];
          n1 -> n8;
          n7 -> n8;
          r0 [label="∂J/∂θ", shape=box, style="rounded,filled", fillcolor="#d9ead3"];
          n4 -> r0;
          r1 [label="J", shape=box, style="rounded,filled", fillcolor="#d9ead3"];
          n5 -> r1;
          r2 [label="θ ←", shape=box, style="rounded,filled", fillcolor="#f5e6c8"];
          n8 -> r2;
        }"##]]
    .assert_eq(&program.graphviz());
}

#[test]
fn as_graph() {
    let g = Graph::new();
    let x = g.input("x \"quoted\\\"", F64, (B, 2));
    let y = (x.dot(g.parameter("w", F64, [2], Init::Zeros)) * 0.5).named("half\nline");
    expect![[r##"
        digraph {
          graph [rankdir=TB, ordering=in];
          node [shape=ellipse, fontname="sans-serif"];
          n0 [label="x \"quoted\\\"\nf64 [B, 2]", shape=box, style=filled, fillcolor="#d6e6f5"];
          n1 [label="w\nf64 [2]", shape=box, style=filled, fillcolor="#f5e6c8"];
          n2 [label="contract[ak,k->a]\nf64 [B]"];
          n0 -> n2;
          n1 -> n2;
          n3 [label="0.5\nf64 [B]", shape=plaintext];
          n4 [label="half\nline\nmul\nf64 [B]"];
          n2 -> n4;
          n3 -> n4;
          n5 [label="y\nsum[0]\nf64 []"];
          n4 -> n5;
          r0 [label="y", shape=box, style="rounded,filled", fillcolor="#d9ead3"];
          n5 -> r0;
        }"##]]
    .assert_eq(&print::dot(&[("y", y.sum(..))]));
    assert_eq!(
        print::dot::<&str>(&[]),
        "digraph {\n  graph [rankdir=TB, ordering=in];\n  node [shape=ellipse, fontname=\"sans-serif\"];\n}"
    );
}
