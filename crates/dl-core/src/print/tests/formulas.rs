//! Scalars: precedence, signs, fractions, powers, numbers, names.

use expect_test::{Expect, expect};

use super::check;
use crate::ops::{Binary, Op, Unary};
use crate::print;
use crate::{Expr, F32, F64, Graph, I64, Init, Named};

#[test]
fn parentheses_where_grouping_needs_them() {
    check(
        |x, y, t| x + y + t,
        expect![[r#"
        x + y + θ
        x + y + \theta"#]],
    );
    check(
        |x, y, t| x + (y + t),
        expect![[r#"
        x + (y + θ)
        x + \left(y + \theta\right)"#]],
    );
    check(
        |x, y, t| x - (y - t),
        expect![[r#"
        x - (y - θ)
        x - \left(y - \theta\right)"#]],
    );
    check(
        |x, y, t| (x + y) * t,
        expect![[r#"
        (x + y)·θ
        \left(x + y\right) \cdot \theta"#]],
    );
    check(
        |x, y, t| x * y + t,
        expect![[r#"
        x·y + θ
        x \cdot y + \theta"#]],
    );
    check(
        |x, y, t| x * (y * t),
        expect![[r#"
        x·(y·θ)
        x \cdot \left(y \cdot \theta\right)"#]],
    );
    check(
        |x, y, t| x * y / t,
        expect![[r#"
        x·y/θ
        \frac{x \cdot y}{\theta}"#]],
    );
    check(
        |x, y, t| x / (y * t),
        expect![[r#"
        x/(y·θ)
        \frac{x}{y \cdot \theta}"#]],
    );
    check(
        |x, y, t| x * (y / t),
        expect![[r#"
        x·(y/θ)
        x \cdot \frac{y}{\theta}"#]],
    );
}

#[test]
fn signs() {
    check(
        |x, y, _| -x + y,
        expect![[r#"
        -x + y
        -x + y"#]],
    );
    check(
        |x, y, _| x + -y,
        expect![[r#"
        x + (-y)
        x + \left(-y\right)"#]],
    );
    check(
        |x, y, _| x - (-y) * 2.0,
        expect![[r#"
        x - (-y·2)
        x - \left(-y \cdot 2\right)"#]],
    );
    check(
        |x, y, _| -(x + y),
        expect![[r#"
        -(x + y)
        -\left(x + y\right)"#]],
    );
    check(
        |x, y, _| -(x * y),
        expect![[r#"
        -x·y
        -x \cdot y"#]],
    );
    check(
        |x, _, _| -(-x),
        expect![[r#"
        -(-x)
        -\left(-x\right)"#]],
    );
    check(
        |x, _, _| x * -2.0,
        expect![[r#"
        x·(-2)
        x \cdot \left(-2\right)"#]],
    );
    check(
        |x, _, _| -2.0 * x,
        expect![[r#"
        -2·x
        -2 \cdot x"#]],
    );
    check(
        |x, _, _| (-x).square(),
        expect![[r#"
        (-x)²
        \left(-x\right)^{2}"#]],
    );
    check(
        |x, y, _| (-x).pow(y),
        expect![[r#"
        (-x)^y
        {\left(-x\right)}^{y}"#]],
    );
}

#[test]
fn fractions_and_powers() {
    check(
        |x, y, t| (x / y) / (t / (x + 1.0)),
        expect![[r#"
        x/y/(θ/(x + 1))
        \frac{\frac{x}{y}}{\frac{\theta}{x + 1}}"#]],
    );
    check(
        |x, y, _| (x / y).square(),
        expect![[r#"
        (x/y)²
        \left(\frac{x}{y}\right)^{2}"#]],
    );
    check(
        |x, _, _| x.pow(3.0),
        expect![[r#"
        x³
        {x}^{3}"#]],
    );
    check(
        |x, _, _| x.pow(-1.0),
        expect![[r#"
        x⁻¹
        {x}^{-1}"#]],
    );
    check(
        |x, _, _| x.pow(0.5),
        expect![[r#"
        x^0.5
        {x}^{0.5}"#]],
    );
    check(
        |x, y, t| x.pow(y).pow(t),
        expect![[r#"
        (x^y)^θ
        {\left({x}^{y}\right)}^{\theta}"#]],
    );
    check(
        |x, y, t| x.pow(y.pow(t)),
        expect![[r#"
        x^(y^θ)
        {x}^{{y}^{\theta}}"#]],
    );
    check(
        |x, y, _| (x * y).square().square(),
        expect![[r#"
        ((x·y)²)²
        \left(\left(x \cdot y\right)^{2}\right)^{2}"#]],
    );
    check(
        |x, y, _| (x + y).exp().square(),
        expect![[r#"
        exp(x + y)²
        \left(e^{x + y}\right)^{2}"#]],
    );
    check(
        |x, y, _| x.sqrt() * (x + y).sqrt(),
        expect![[r#"
        √x·√(x + y)
        \sqrt{x} \cdot \sqrt{x + y}"#]],
    );
    check(
        |x, _, _| (x - 1.0).log1p() + (-x).log1p(),
        expect![[r#"
        log1p(x - 1) + log1p(-x)
        \log\left(1+\left(x - 1\right)\right) + \log\left(1+\left(-x\right)\right)"#]],
    );
    check(
        |x, y, _| x.sigmoid().log() - y.abs().floor(),
        expect![[r#"
        log(σ(x)) - ⌊|y|⌋
        \log\left(\sigma\left(x\right)\right) - \left\lfloor \left|y\right|\right\rfloor"#]],
    );
}

#[test]
fn conditions() {
    check(
        |x, y, _| x.gt(y).select(x * 2.0, 0.0),
        expect![[r#"
        (x·2 if x > y else 0)
        \begin{cases} x \cdot 2 & \text{if } x > y \\ 0 & \text{otherwise} \end{cases}"#]],
    );
    check(
        |x, y, _| 2.0 * x.gt(y).select(x, 0.0) * y,
        expect![[r#"
        2·(x if x > y else 0)·y
        \left(2 \cdot \begin{cases} x & \text{if } x > y \\ 0 & \text{otherwise} \end{cases}\right) \cdot y"#]],
    );
    check(
        |x, y, t| x.lt(y).and(y.le(t)).or(x.eq(t)).cast(F64),
        expect![[r#"
        [x < y ∧ y ≤ θ ∨ x = θ]
        \left[x < y \land y \le \theta \lor x = \theta\right]"#]],
    );
    check(
        |x, y, t| x.lt(y).and(y.le(t).or(x.eq(t))).cast(F64) * 2.0,
        expect![[r#"
        [x < y ∧ (y ≤ θ ∨ x = θ)]·2
        \left[x < y \land \left(y \le \theta \lor x = \theta\right)\right] \cdot 2"#]],
    );
    check(
        |x, y, _| x.ne(y).eq(x.ge(0.0)).cast(F64),
        expect![[r#"
        [(x ≠ y) = (x ≥ 0)]
        \left[\left(x \neq y\right) = \left(x \ge 0\right)\right]"#]],
    );
    check(
        |x, y, _| x.maximum(y - 1.0).minimum(-1.0),
        expect![[r#"
        min(max(x, y - 1), -1)
        \min\left(\max\left(x, y - 1\right), -1\right)"#]],
    );
}

#[test]
fn numbers_are_clean() {
    check(
        |x, _, _| 1e-4 * x + 1e-8,
        expect![[r#"
        0.0001·x + 10⁻⁸
        0.0001 \cdot x + 10^{-8}"#]],
    );
    check(
        |x, _, _| -1.5e-9 * x,
        expect![[r#"
        -1.5·10⁻⁹·x
        -1.5 \cdot 10^{-9} \cdot x"#]],
    );
    check(
        |x, _, _| x * 2.5e12 - 60000.0,
        expect![[r#"
        x·(2.5·10¹²) - 60000
        x \cdot \left(2.5 \cdot 10^{12}\right) - 60000"#]],
    );
    check(
        |x, _, _| x.maximum(f64::NEG_INFINITY) + f64::NAN,
        expect![[r#"
        max(x, -∞) + NaN
        \max\left(x, -\infty\right) + \mathrm{NaN}"#]],
    );
    let g = Graph::new();
    let x = g.input("x", F32, ());
    assert_eq!((f64::from(0.1f32) * x).math(), "0.1·x");
}

#[test]
fn a_step_of_gradient_descent() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let lambda = g.constant(F64, 0.01).named("λ");
    let j1 = (theta - 3.0).square().named("J₁");
    let j = j1 + lambda * theta.square();
    let step = theta - 0.1 * (2.0 * (theta - 3.0) + 2.0 * lambda * theta);
    let roots = [("J", j), ("θ", step)];
    expect![[r#"
        J₁ = (θ - 3)²
        λ = 0.01
        J = J₁ + λ·θ²
        θ ← θ - 0.1·(2·(θ - 3) + 2·λ·θ)"#]]
    .assert_eq(&print::math(&roots));
    expect![[r#"
        \begin{aligned}
        J_{1} &= \left(\theta - 3\right)^{2} \\
        \lambda &= 0.01 \\
        J &= J_{1} + \lambda \cdot \theta^{2} \\
        \theta &\leftarrow \theta - 0.1 \cdot \left(2 \cdot \left(\theta - 3\right) + 2 \cdot \lambda \cdot \theta\right)
        \end{aligned}"#]].assert_eq(&print::latex(&roots));
}

#[test]
fn gradients_that_are_only_asked_for() {
    check(
        |x, y, t| ((x - t).square() * y).grad(&[t])[0],
        expect![[r#"
        ∇_θ ((x - θ)²·y)
        \nabla_{\theta} \left(\left(x - \theta\right)^{2} \cdot y\right)"#]],
    );
    check(
        |_, _, t| 2.0 * t.square().named("J").grad(&[t])[0] * t,
        expect![[r#"
        J = θ²
        (2·∇_θ J)·θ
        \begin{aligned}
        J &= \theta^{2} \\
        &\left(2 \cdot \nabla_{\theta} J\right) \cdot \theta
        \end{aligned}"#]],
    );
}

#[test]
fn names_that_would_look_alike_stay_apart() {
    let g = Graph::new();
    let a = g.input("theta", F64, ());
    let b = g.parameter("θ", F64, (), Init::Zeros);
    expect![[r#"\theta \cdot \mathrm{\theta }"#]].assert_eq(&(a * b).latex());
    let odd = g.input("50% \\evil{}_x\n", F64, ());
    expect![[r#"\mathrm{50\%\ \backslash evil\{\}\_x\ } \cdot \theta"#]].assert_eq(&(odd * a).latex());
}

#[test]
fn a_value_that_is_a_name_already() {
    let g = Graph::new();
    let x = g.input("x", F64, ());
    assert_eq!(print::math(&[("y", x), ("z", x)]), "y = x\nz = x");
    assert_eq!(x.math(), "x");
    let double = (x * 2.0).named("double");
    assert_eq!(print::math(&[("y", double), ("z", double)]), "y = 2·x\nz = y".replace("2·x", "x·2"));
    assert_eq!(print::math::<&str>(&[]), "");
    assert_eq!(print::latex::<&str>(&[]), "");
}

#[test]
fn every_row_of_the_tables_prints() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, ()) + 1.0, g.input("y", F64, ()) + 2.0);
    let mut text = String::new();
    for row in crate::ops::unary::UNARY {
        let arg = if row.op == Unary::Not { x.lt(y) } else { x };
        let e = arg.apply(Op::Unary(row.op), &[]);
        text.push_str(&format!("{e}    {}    {}\n", e.math(), e.latex()));
    }
    for row in crate::ops::binary::BINARY {
        let logic = matches!(row.op, Binary::And | Binary::Or);
        let (a, b) = if logic { (x.lt(y), x.gt(y)) } else { (x, y) };
        let e = a.apply(Op::Binary(row.op), &[b]);
        text.push_str(&format!("{e}    {}    {}\n", e.math(), e.latex()));
    }
    g.check().unwrap();
    expect![[r#"
        (neg (add x 1))    -(x + 1)    -\left(x + 1\right)
        (abs (add x 1))    |x + 1|    \left|x + 1\right|
        (sign (add x 1))    sign(x + 1)    \operatorname{sign}(x + 1)
        (exp (add x 1))    exp(x + 1)    e^{x + 1}
        (expm1 (add x 1))    expm1(x + 1)    \left(e^{x + 1}-1\right)
        (log (add x 1))    log(x + 1)    \log\left(x + 1\right)
        (log1p (add x 1))    log1p(x + 1)    \log\left(1+\left(x + 1\right)\right)
        (sqrt (add x 1))    √(x + 1)    \sqrt{x + 1}
        (sin (add x 1))    sin(x + 1)    \sin\left(x + 1\right)
        (cos (add x 1))    cos(x + 1)    \cos\left(x + 1\right)
        (tanh (add x 1))    tanh(x + 1)    \tanh\left(x + 1\right)
        (sigmoid (add x 1))    σ(x + 1)    \sigma\left(x + 1\right)
        (softplus (add x 1))    softplus(x + 1)    \operatorname{softplus}(x + 1)
        (relu (add x 1))    relu(x + 1)    \operatorname{relu}(x + 1)
        (erf (add x 1))    erf(x + 1)    \operatorname{erf}(x + 1)
        (floor (add x 1))    ⌊x + 1⌋    \left\lfloor x + 1\right\rfloor
        (ceil (add x 1))    ⌈x + 1⌉    \left\lceil x + 1\right\rceil
        (round (add x 1))    round(x + 1)    \operatorname{round}(x + 1)
        (log2 (add x 1))    log2(x + 1)    \log_{2}\left(x + 1\right)
        (exp2 (add x 1))    exp2(x + 1)    2^{x + 1}
        (tan (add x 1))    tan(x + 1)    \tan\left(x + 1\right)
        (sinh (add x 1))    sinh(x + 1)    \sinh\left(x + 1\right)
        (cosh (add x 1))    cosh(x + 1)    \cosh\left(x + 1\right)
        (asin (add x 1))    asin(x + 1)    \arcsin\left(x + 1\right)
        (acos (add x 1))    acos(x + 1)    \arccos\left(x + 1\right)
        (atan (add x 1))    atan(x + 1)    \arctan\left(x + 1\right)
        (erfc (add x 1))    erfc(x + 1)    \operatorname{erfc}(x + 1)
        (erfcx (add x 1))    erfcx(x + 1)    \operatorname{erfcx}(x + 1)
        (erfinv (add x 1))    erfinv(x + 1)    \operatorname{erfinv}(x + 1)
        (log_ndtr (add x 1))    log_ndtr(x + 1)    \log \Phi\left(x + 1\right)
        (lgamma (add x 1))    lgamma(x + 1)    \log \Gamma\left(x + 1\right)
        (digamma (add x 1))    ψ(x + 1)    \psi\left(x + 1\right)
        (is_finite (add x 1))    is_finite(x + 1)    \operatorname{finite}(x + 1)
        (not (lt (add x 1) (add y 2)))    ¬(x + 1 < y + 2)    \neg \left(x + 1 < y + 2\right)
        (add (add x 1) (add y 2))    x + 1 + (y + 2)    x + 1 + \left(y + 2\right)
        (sub (add x 1) (add y 2))    x + 1 - (y + 2)    x + 1 - \left(y + 2\right)
        (mul (add x 1) (add y 2))    (x + 1)·(y + 2)    \left(x + 1\right) \cdot \left(y + 2\right)
        (div (add x 1) (add y 2))    (x + 1)/(y + 2)    \frac{x + 1}{y + 2}
        (pow (add x 1) (add y 2))    (x + 1)^(y + 2)    {\left(x + 1\right)}^{y + 2}
        (max (add x 1) (add y 2))    max(x + 1, y + 2)    \max\left(x + 1, y + 2\right)
        (min (add x 1) (add y 2))    min(x + 1, y + 2)    \min\left(x + 1, y + 2\right)
        (eq (add x 1) (add y 2))    x + 1 = y + 2    x + 1 = y + 2
        (ne (add x 1) (add y 2))    x + 1 ≠ y + 2    x + 1 \neq y + 2
        (lt (add x 1) (add y 2))    x + 1 < y + 2    x + 1 < y + 2
        (le (add x 1) (add y 2))    x + 1 ≤ y + 2    x + 1 \le y + 2
        (gt (add x 1) (add y 2))    x + 1 > y + 2    x + 1 > y + 2
        (ge (add x 1) (add y 2))    x + 1 ≥ y + 2    x + 1 \ge y + 2
        (and (lt (add x 1) (add y 2)) (gt (add x 1) (add y 2)))    x + 1 < y + 2 ∧ x + 1 > y + 2    x + 1 < y + 2 \land x + 1 > y + 2
        (or (lt (add x 1) (add y 2)) (gt (add x 1) (add y 2)))    x + 1 < y + 2 ∨ x + 1 > y + 2    x + 1 < y + 2 \lor x + 1 > y + 2
        (atan2 (add x 1) (add y 2))    atan2(x + 1, y + 2)    \operatorname{atan2}\left(x + 1, y + 2\right)
        (floor_divide (add x 1) (add y 2))    floor_divide(x + 1, y + 2)    \operatorname{floor\_divide}\left(x + 1, y + 2\right)
        (remainder (add x 1) (add y 2))    remainder(x + 1, y + 2)    \operatorname{remainder}\left(x + 1, y + 2\right)
        (ierfcx (add x 1) (add y 2))    ierfcx(x + 1, y + 2)    \operatorname{ierfcx}\left(x + 1, y + 2\right)
        (polygamma (add x 1) (add y 2))    polygamma(x + 1, y + 2)    \psi^{\left(x + 1\right)}\left(y + 2\right)
    "#]].assert_eq(&text);
}

#[test]
fn softmax_by_its_names() {
    let g = Graph::new();
    let z = g.input("z", F64, (Named("B"), 3));
    let check = |e: Expr<'_>, want: Expect| want.assert_eq(&format!("{}\n{}", e.math(), e.latex()));
    check(
        z.logsumexp(1),
        expect![[r#"
        logsumexp_j(z)
        \operatorname{logsumexp}_{j}\left(z\right)"#]],
    );
    check(
        z.logsumexp(..),
        expect![[r#"
        logsumexp_{b,j}(z)
        \operatorname{logsumexp}_{b, j}\left(z\right)"#]],
    );
    check(
        2.0 * z.log_softmax(1),
        expect![[r#"
        2·log_softmax_j(z)
        2 \cdot \log \operatorname{softmax}_{j}\left(z\right)"#]],
    );
    check(
        z.log_softmax(1).square(),
        expect![[r#"
        log_softmax_j(z)²
        \left(\log \operatorname{softmax}_{j}\left(z\right)\right)^{2}"#]],
    );
    check(
        z.softmax(1) - z.softmax(0),
        expect![[r#"
        softmax_j(z) - softmax_b(z)
        \operatorname{softmax}_{j}\left(z\right) - \operatorname{softmax}_{b}\left(z\right)"#]],
    );
    check(
        -z.log_softmax(1).pick(g.input("y", I64, Named("B"))),
        expect![[r#"
        -log_softmax_j(z)[b,y[b]]
        -\left(\log \operatorname{softmax}_{j}\left(z\right)\right)_{b, y_{b}}"#]],
    );
    check(
        z.log_softmax(1).named("l").exp(),
        expect![[r#"
        l = log_softmax_j(z)
        exp(l)
        \begin{aligned}
        l &= \log \operatorname{softmax}_{j}\left(z\right) \\
        &e^{l}
        \end{aligned}"#]],
    );
}
