//! Derivations of known formulas, and every line of others against the compiler's gradients.

use std::collections::HashMap;

use expect_test::expect;

use super::Derivation;
use crate::dim::Dims;
use crate::graph::Expr;
use crate::nn::{self, Mode};
use crate::testing::gradient;
use crate::{DType, F32, F64, Graph, I64, Init, Named, Tensor};

const B: Named = Named("B");

/// Numbers that are neither small nor equal.
fn numbers(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let count: usize = shape.iter().product();
    let number = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 197) as f64 / 79.0 - 1.2;
    let label = |i: usize| ((i * 31 + seed) % 2) as f64;
    let all: Vec<f64> = (0..count).map(|i| if dtype == I64 { label(i) } else { number(i) }).collect();
    Tensor::from_f64(dtype, shape, &all).unwrap()
}

/// Evaluates the lines one by one, each from those that it stands on, and compares its gradients with the
/// compiler's. Gives the derivation.
fn holds<'g>(objective: Expr<'g>) -> Derivation {
    let g = objective.graph();
    let sizes = Dims::new().with("B", 3);
    let mut data: Vec<(String, Tensor)> = vec![];
    for (i, decl) in g.input_decls().into_iter().enumerate() {
        data.push((decl.name.to_string(), numbers(decl.dtype, &decl.shape.eval(&sizes).unwrap(), i)));
    }
    let parameters: Vec<_> = g.parameter_decls().into_iter().filter(|d| d.trainable).collect();
    for (i, decl) in parameters.iter().enumerate() {
        data.push((decl.name.to_string(), numbers(decl.dtype, &decl.shape.eval(&sizes).unwrap(), i + 50)));
    }
    let variables: Vec<Expr<'g>> = parameters.iter().map(|d| g.get_parameter(&d.name)).collect();
    let derivation = Derivation::of(objective, &variables).unwrap();
    let lines = derivation.lines();
    let inputs = g.input_decls();
    let (given, own) = data.split_at(inputs.len());
    let given: Vec<_> = given.iter().map(|(name, value)| (&**name, value.view())).collect();
    let own: Vec<_> = own.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect();
    let values = derivation.evaluate(&given, &own).unwrap();
    let known: HashMap<String, Tensor> = lines
        .iter()
        .zip(values)
        .map(|(line, value)| {
            (line.name().to_string(), value.unwrap_or_else(|| panic!("{}", derivation.math())))
        })
        .collect();
    let bound: Vec<(&str, Tensor)> = data.iter().map(|(name, value)| (&**name, value.clone())).collect();
    let objective_name = lines[0].name();
    for (variable, decl) in variables.into_iter().zip(&parameters) {
        let want = gradient(objective, variable, &bound);
        let got = known[&format!("∂{objective_name}/∂{}", decl.name)].to_f64();
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        let same = got.len() == want.len() && got.iter().zip(&want).all(near);
        assert!(same, "{}: {got:?} is not {want:?}\n{}", decl.name, derivation.math());
    }
    derivation
}

#[test]
fn the_perceptron_reads_like_a_lecture_note() {
    let g = Graph::new();
    let b = Named("B");
    let (x, y) = (g.input("x", F32, (b, 784)), g.input("y", I64, b));
    let h = nn::dense(x, "fc1", 128).relu();
    let j1 = nn::cross_entropy(nn::dense(h, "fc2", 10), y).mean(..).named("J₁");
    let j2 = nn::l2(g.parameters().matching("*.weight")).named("J₂");
    let j = (j1 + 1e-4 * j2).named("J");
    let all: Vec<_> = ["fc2.weight", "fc2.bias", "fc1.weight", "fc1.bias"].map(|n| g.get_parameter(n)).into();
    let derivation = Derivation::of(j, &all).unwrap();
    expect![[r#"
        J = J₁ + 0.0001·J₂
        J₁ = mean_b(ℓ)
        J₂ = Σ_{i,j} fc1.weight² + Σ_{i,j} fc2.weight²
        ℓ = cross_entropy(z₂, y) = -log_softmax_j(z₂)[b,y[b]]
        z₂ = h·fc2.weight + fc2.bias
        h = relu(z₁)
        z₁ = x·fc1.weight + fc1.bias
        ∂J/∂z₂ = (softmax_j(z₂) - one_hot(y))/B
        ∂J/∂fc2.weight = hᵀ·∂J/∂z₂ + 0.0002·fc2.weight
        ∂J/∂fc2.bias = Σ_b ∂J/∂z₂
        ∂J/∂h = ∂J/∂z₂·fc2.weightᵀ
        ∂J/∂z₁ = ∂J/∂h ⊙ [z₁ > 0]
        ∂J/∂fc1.weight = xᵀ·∂J/∂z₁ + 0.0002·fc1.weight
        ∂J/∂fc1.bias = Σ_b ∂J/∂z₁"#]]
    .assert_eq(&derivation.math());
    expect![[r#"
        \begin{aligned}
        J &= J_{1} + 0.0001 \cdot J_{2} \\
        J_{1} &= \frac{1}{B} \sum_{b} \ell \\
        J_{2} &= \sum_{i, j} W_{\mathrm{fc1}}^{2} + \sum_{i, j} W_{\mathrm{fc2}}^{2} \\
        \ell &= \operatorname{cross\_entropy}\left(z_{2}, y\right) = -\left(\log \operatorname{softmax}_{j}\left(z_{2}\right)\right)_{b, y_{b}} \\
        z_{2} &= h\,W_{\mathrm{fc2}} + b_{\mathrm{fc2}} \\
        h &= \operatorname{relu}(z_{1}) \\
        z_{1} &= x\,W_{\mathrm{fc1}} + b_{\mathrm{fc1}} \\
        \frac{\partial J}{\partial z_{2}} &= \frac{\operatorname{softmax}_{j}\left(z_{2}\right) - \operatorname{one\_hot}\left(y\right)}{B} \\
        \frac{\partial J}{\partial W_{\mathrm{fc2}}} &= h^{\top}\,\frac{\partial J}{\partial z_{2}} + 0.0002 \cdot W_{\mathrm{fc2}} \\
        \frac{\partial J}{\partial b_{\mathrm{fc2}}} &= \sum_{b} \frac{\partial J}{\partial z_{2}} \\
        \frac{\partial J}{\partial h} &= \frac{\partial J}{\partial z_{2}}\,W_{\mathrm{fc2}}^{\top} \\
        \frac{\partial J}{\partial z_{1}} &= \frac{\partial J}{\partial h} \cdot \left[z_{1} > 0\right] \\
        \frac{\partial J}{\partial W_{\mathrm{fc1}}} &= x^{\top}\,\frac{\partial J}{\partial z_{1}} + 0.0002 \cdot W_{\mathrm{fc1}} \\
        \frac{\partial J}{\partial b_{\mathrm{fc1}}} &= \sum_{b} \frac{\partial J}{\partial z_{1}}
        \end{aligned}"#]].assert_eq(&derivation.latex());
}

#[test]
fn the_tutorial_s_formulas() {
    let g = Graph::new();
    let (theta, lambda) = (g.input("θ", F64, ()), g.input("λ", F64, ()));
    let j = (theta - 3.0).square() + lambda * theta.square();
    expect![[r#"
        J = (θ - 3)² + λ·θ²
        ∂J/∂θ = 2·(θ - 3) + 2·λ·θ"#]]
    .assert_eq(&Derivation::of(j, &[theta]).unwrap().math());
}

/// A parameter without much of a first value.
fn weight<'g>(g: &'g Graph, name: &str, shape: &[usize]) -> Expr<'g> {
    g.parameter(name, F64, shape, Init::Zeros)
}

#[test]
fn logistic_regression() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 4)), g.input("y", F64, B));
    let w = weight(&g, "w", &[4]);
    let j = (1.0 + (-y * x.dot(w)).exp()).log().mean(..) + 0.1 * w.square().sum(..);
    expect![[r#"
        J = mean_b(log(1 + exp(z))) + 0.1·Σ_i w²
        z = -y ⊙ x·w
        ∂J/∂z = σ(z)/B
        ∂J/∂w = -xᵀ·(∂J/∂z ⊙ y) + 0.2·w"#]]
    .assert_eq(&holds(j).math());
}

#[test]
fn least_squares_and_named_residuals() {
    let g = Graph::new();
    let (x, y) = (g.input("X", F64, (B, 4)), g.input("y", F64, B));
    let r = (x.dot(weight(&g, "w", &[4])) - y).named("r");
    expect![[r#"
        L = 0.5·Σ_b r²
        r = X·w - y
        ∂L/∂r = r
        ∂L/∂w = Xᵀ·∂L/∂r"#]]
    .assert_eq(&holds((0.5 * r.square().sum(..)).named("L")).math());
}

#[test]
fn every_line_holds() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 4)), g.input("y", I64, B));
    let h = nn::dense(nn::dense(x, "a", 5).tanh(), "b", 3).sigmoid();
    holds(nn::cross_entropy(nn::dense(h, "c", 2), y).mean(..));

    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 5, 4)), g.input("y", I64, B));
    let last = nn::lstm(x, "lstm", 3).mean(1);
    holds(nn::cross_entropy(nn::dense(last, "out", 2), y).mean(..));

    let g = Graph::new();
    let x = g.input("x", F64, (B, 6, 6, 1));
    let maps = nn::Conv::new([3, 3], 2).apply(x, "conv").relu();
    holds(nn::dense(nn::flatten(maps), "out", 1).square().mean(..));

    let g = Graph::new();
    let x = g.input("x", F64, (B, 6));
    let normed = nn::LayerNorm::new().apply(nn::dense(x, "a", 4), "norm");
    holds(nn::dense(normed, "b", 2).abs().sum(..) + nn::l1(g.parameters()));

    // Encoder and decoder with tied weights, and a value that is used three times.
    let g = Graph::new();
    let x = g.input("x", F64, (B, 4));
    let w = weight(&g, "W", &[4, 3]);
    let code = nn::dropout(x.dot(w).sigmoid(), 0.5, Mode::Evaluate).named("code");
    let back = code.contract("bk,ik->bi", w);
    holds((back - x).square().mean(..) + (code * code.log()).sum(..) / 7.0);

    let g = Graph::new();
    let (a, b) = (weight(&g, "a", &[]), weight(&g, "b", &[3]));
    let e = (a * b).exp();
    holds((e / (1.0 + e)).sum(..) - a.sin() * b.square().sum(..).sqrt() + (3.0 - a).abs());
}

#[test]
fn the_least_formulas() {
    let derives = |f: for<'g> fn(Expr<'g>) -> Expr<'g>, want: &str| {
        let g = Graph::new();
        assert_eq!(holds(f(weight(&g, "x", &[]))).math(), want);
    };
    derives(|x| x, "J = x\n∂J/∂x = 1");
    derives(|x| -x, "J = -x\n∂J/∂x = -1");
    derives(|x| x - x, "J = x - x\n∂J/∂x = 0");
    derives(|x| 0.0 * x + 2.0, "J = 0·x + 2\n∂J/∂x = 0");
    derives(|x| (2.0 * x).named("y"), "y = 2·x\n∂y/∂x = 2");
    derives(|x| x.square().named("y").square(), "J = y²\ny = x²\n∂J/∂y = 2·y\n∂J/∂x = 2·∂J/∂y·x");
}

#[test]
fn what_has_no_derivation_is_refused() {
    let g = Graph::new();
    let (x, n) = (g.input("x", F64, [3]), g.input("n", I64, ()));
    let fails = |result: crate::Result<Derivation>, want: &str| {
        assert_eq!(result.unwrap_err().to_string(), want);
    };
    fails(Derivation::of(x, &[x]), "derivation of f64 [3]: expected a float scalar");
    fails(Derivation::of(n, &[x]), "derivation of i64 []: expected a float scalar");
    let why = "derivation by (mul x x) : f64 [3]: expected an input or parameter of floats of the same graph";
    fails(Derivation::of(x.sum(..), &[x * x]), why);
    let text = Derivation::of(x.sum(..), &[g.input("other", F64, [2])]).unwrap().math();
    assert_eq!(text, "J = Σ_i x\n∂J/∂other = 0");
}

#[test]
fn values_say_which_function_made_them() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let h = nn::LayerNorm::new().apply(nn::dense(x, "fc1", 4).gelu(), "norm");
    let j = (nn::Focal::new().each(nn::dense(h, "fc2", 2), y).mean(..)).named("J");
    let derivation = holds(j);
    let functions: Vec<_> =
        derivation.lines().iter().filter_map(|l| Some(l.function()?.to_string())).collect();
    expect![[r#"
        ["focal", "layer_norm", "gelu"]
        J = mean_b(ℓ)
        ℓ = focal(h₂·fc2.weight + fc2.bias, y) = exp(-2·softplus(-u₃)) ⊙ softplus(u₃)
        t₁ = stop_gradient(max_j(z₂))
        u₃ = log((1 if u₂ = 0 else u₂)) - (z₃ - (t₁ if is_finite(t₁) else 0)) + (-∞ if u₂ = 0 ∧ z₃ ≠ (-∞) else 0)
        t₂ = stop_gradient(max_j(z₂))
        u₂ = Σ_j exp(z₂ - (t₂ if is_finite(t₂) else 0))
        z₂ = h₂·fc2.weight + fc2.bias + (-∞ if iota[1;B,2] = y else 0)
        z₃ = (h₂·fc2.weight + fc2.bias)[b,y[b]]
        h₂ = layer_norm(h₁) = u₁/√(mean_j(u₁²) + 10⁻⁵) ⊙ norm.weight + norm.bias
        u₁ = h₁ - mean_j(h₁)
        h₁ = gelu(z₁) = z₁ ⊙ (0.5·(1 + erf(z₁·0.7071067811865476)))
        z₁ = x·fc1.weight + fc1.bias
        t₃ = exp(-2·softplus(-u₃))
        ∂J/∂u₃ = (t₃ ⊙ σ(u₃) + 2·σ(-u₃) ⊙ softplus(u₃) ⊙ t₃)/B
        ∂J/∂z₃ = -∂J/∂u₃
        ∂J/∂u₂ = ∂J/∂u₃/(1 if u₂ = 0 else u₂) ⊙ [u₂ ≠ 0]
        ∂J/∂z₂ = ∂J/∂u₂ ⊙ exp(z₂ - (max_j(z₂) if is_finite(max_j(z₂)) else 0))
        ∂J/∂fc2.weight = h₂ᵀ·(∂J/∂z₃·one_hot(y)) + h₂ᵀ·∂J/∂z₂
        ∂J/∂fc2.bias = Σ_b ∂J/∂z₃·one_hot(y) + Σ_b ∂J/∂z₂
        ∂J/∂h₂ = (∂J/∂z₃·one_hot(y))·fc2.weightᵀ + ∂J/∂z₂·fc2.weightᵀ
        ∂J/∂norm.weight = Σ_b ∂J/∂h₂ ⊙ (u₁/√(mean_j(u₁²) + 10⁻⁵))
        ∂J/∂norm.bias = Σ_b ∂J/∂h₂
        t₄ = √(mean_j(u₁²) + 10⁻⁵)
        ∂J/∂u₁ = ∂J/∂h₂ ⊙ norm.weight/t₄ + 2·((-0.5·Σ_j ∂J/∂h₂ ⊙ norm.weight ⊙ (u₁/t₄)/t₄)/t₄/4) ⊙ u₁
        ∂J/∂h₁ = ∂J/∂u₁ + (-mean_j(∂J/∂u₁))
        t₅ = z₁·0.7071067811865476
        ∂J/∂z₁ = 0.5·∂J/∂h₁ ⊙ (1 + erf(t₅)) + 0.3989422804014327·∂J/∂h₁ ⊙ z₁ ⊙ exp(-t₅²)
        ∂J/∂fc1.weight = xᵀ·∂J/∂z₁
        ∂J/∂fc1.bias = Σ_b ∂J/∂z₁"#]].assert_eq(&format!("{functions:?}\n{}", derivation.math()));
    // A name that was made for a part of a line means nothing else in another.
    let text = derivation.math();
    let made: Vec<&str> = text
        .lines()
        .filter_map(|l| l.split_once(" = "))
        .map(|(l, _)| l)
        .filter(|l| l.starts_with('t'))
        .collect();
    assert!(made.len() > 2 && (1..made.len()).all(|i| !made[..i].contains(&made[i])), "{made:?}");
    // What is as short as what it does is written as that; one function in another is part of it.
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, (B, 3)), g.input("t", F64, (B, 2)));
    let j = nn::mse(nn::dense(x, "fc1", 2), t).mean(..)
        + 0.1 * nn::info_nce(nn::dense(x, "key", 2), t, 0.5).mean(..);
    expect![[r#"
        J = mean_{b,j}(z₁²) + 0.1·mean_b(ℓ)
        z₁ = x·fc1.weight + fc1.bias - t
        ℓ = info_nce(x·key.weight + key.bias, t) = -log_softmax_j(z₂)[b,iota[0;B][b]]
        z₂ = (x·key.weight + key.bias)·tᵀ/0.5
        ∂J/∂z₂ = (softmax_j(z₂) - one_hot(iota[0;B]))/(10·B)
        ∂J/∂key.weight = xᵀ·((∂J/∂z₂/0.5)·(tᵀ)ᵀ)
        ∂J/∂key.bias = Σ_b (∂J/∂z₂/0.5)·(tᵀ)ᵀ
        ∂J/∂z₁ = 2·z₁/(2·B)
        ∂J/∂fc1.weight = xᵀ·∂J/∂z₁
        ∂J/∂fc1.bias = Σ_b ∂J/∂z₁"#]]
    .assert_eq(&holds(j).math());
}

#[test]
fn by_elements() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
    let h = nn::dense(x, "fc1", 4).tanh();
    let j1 = nn::cross_entropy(nn::dense(h, "fc2", 2), y).mean(..).named("J₁");
    let j = (j1 + 1e-4 * nn::l2(g.parameters().matching("*.weight"))).named("J");
    let all: Vec<_> = ["fc2.weight", "fc2.bias", "fc1.weight", "fc1.bias"].map(|n| g.get_parameter(n)).into();
    let derivation = Derivation::of(j, &all).unwrap().by_elements();
    expect![[r#"
        J = J₁ + 0.0001·(Σ_{i,j} fc1.weight[i,j]² + Σ_{i,j} fc2.weight[i,j]²)
        J₁ = mean_b(ℓ[b])
        ℓ[b] = cross_entropy(z₂, y)[b] = -log_softmax_j(z₂)[b,y[b]]
        z₂[b,j] = Σ_k h[b,k]·fc2.weight[k,j] + fc2.bias[j]
        h[b,j] = tanh(z₁[b,j])
        z₁[b,j] = Σ_k x[b,k]·fc1.weight[k,j] + fc1.bias[j]
        (∂J/∂z₂)[b,j] = (softmax_j(z₂)[b,j] - [j = y[b]])/B
        (∂J/∂fc2.weight)[i,j] = Σ_b h[b,i]·(∂J/∂z₂)[b,j] + 0.0002·fc2.weight[i,j]
        (∂J/∂fc2.bias)[i] = Σ_b (∂J/∂z₂)[b,i]
        (∂J/∂h)[b,j] = Σ_k (∂J/∂z₂)[b,k]·fc2.weight[j,k]
        (∂J/∂z₁)[b,j] = (∂J/∂h)[b,j]·(1 - h[b,j]²)
        (∂J/∂fc1.weight)[i,j] = Σ_b x[b,i]·(∂J/∂z₁)[b,j] + 0.0002·fc1.weight[i,j]
        (∂J/∂fc1.bias)[i] = Σ_b (∂J/∂z₁)[b,i]"#]]
    .assert_eq(&derivation.math());
    expect![[r#"
        \begin{aligned}
        J &= J_{1} + 0.0001 \cdot \left(\sum_{i, j} {W_{\mathrm{fc1}}}_{i, j}^{2} + \sum_{i, j} {W_{\mathrm{fc2}}}_{i, j}^{2}\right) \\
        J_{1} &= \frac{1}{B} \sum_{b} \ell_{b} \\
        \ell_{b} &= {\operatorname{cross\_entropy}\left(z_{2}, y\right)}_{b} = -\left(\log \operatorname{softmax}_{j}\left(z_{2}\right)\right)_{b, y_{b}} \\
        {z_{2}}_{b, j} &= \sum_{k} h_{b, k} \cdot {W_{\mathrm{fc2}}}_{k, j} + {b_{\mathrm{fc2}}}_{j} \\
        h_{b, j} &= \tanh\left({z_{1}}_{b, j}\right) \\
        {z_{1}}_{b, j} &= \sum_{k} x_{b, k} \cdot {W_{\mathrm{fc1}}}_{k, j} + {b_{\mathrm{fc1}}}_{j} \\
        \left(\frac{\partial J}{\partial z_{2}}\right)_{b, j} &= \frac{{\operatorname{softmax}_{j}\left(z_{2}\right)}_{b, j} - \left[j = y_{b}\right]}{B} \\
        \left(\frac{\partial J}{\partial W_{\mathrm{fc2}}}\right)_{i, j} &= \sum_{b} h_{b, i} \cdot \left(\frac{\partial J}{\partial z_{2}}\right)_{b, j} + 0.0002 \cdot {W_{\mathrm{fc2}}}_{i, j} \\
        \left(\frac{\partial J}{\partial b_{\mathrm{fc2}}}\right)_{i} &= \sum_{b} \left(\frac{\partial J}{\partial z_{2}}\right)_{b, i} \\
        \left(\frac{\partial J}{\partial h}\right)_{b, j} &= \sum_{k} \left(\frac{\partial J}{\partial z_{2}}\right)_{b, k} \cdot {W_{\mathrm{fc2}}}_{j, k} \\
        \left(\frac{\partial J}{\partial z_{1}}\right)_{b, j} &= \left(\frac{\partial J}{\partial h}\right)_{b, j} \cdot \left(1 - h_{b, j}^{2}\right) \\
        \left(\frac{\partial J}{\partial W_{\mathrm{fc1}}}\right)_{i, j} &= \sum_{b} x_{b, i} \cdot \left(\frac{\partial J}{\partial z_{1}}\right)_{b, j} + 0.0002 \cdot {W_{\mathrm{fc1}}}_{i, j} \\
        \left(\frac{\partial J}{\partial b_{\mathrm{fc1}}}\right)_{i} &= \sum_{b} \left(\frac{\partial J}{\partial z_{1}}\right)_{b, i}
        \end{aligned}"#]].assert_eq(&derivation.latex());
    // No index is called as something else is.
    let g = Graph::new();
    let (x, w, b) = (g.input("x", F64, (B, 3)), g.input("i", F64, [3, 2]), g.input("b", F64, [2]));
    let j = (x.dot(w) + b).square().sum(..).named("J");
    expect![[r#"
        J = Σ_{j,k} z[j,k]²
        z[j,k] = Σ_l x[j,l]·i[l,k] + b[k]
        (∂J/∂z)[j,k] = 2·z[j,k]
        (∂J/∂i)[j,k] = Σ_l x[l,j]·(∂J/∂z)[l,k]
        (∂J/∂b)[j] = Σ_k (∂J/∂z)[k,j]"#]]
    .assert_eq(&Derivation::of(j, &[w, b]).unwrap().by_elements().math());
    // Products of three axes, a permuted one, a sum of squares, a part that is written of arrays.
    let g = Graph::new();
    let w = g.parameter("w", F64, [2, 3, 4], Init::Zeros);
    let (a, b) = (g.input("a", F64, [4, 5]), g.input("b", F64, [3, 5]));
    let u = w.contract("ijk,kl->jil", a).permute(&[1, 0, 2]).sum(0) * b.flip(1);
    let j = (u.logsumexp(1).sum(..) + u.square().mean(..)).named("J");
    expect![[r#"
        J = Σ_i logsumexp_j(z[i,j]) + mean_{i,j}(z[i,j]²)
        z[i,j] = (Σ_k Σ_l w[k,i,l]·a[l,j])·flip[1](b)[i,j]
        (∂J/∂z)[i,j] = softmax_j(z)[i,j] + 2·z[i,j]/15
        (∂J/∂w)[i,j,k] = Σ_l (∂J/∂z)[j,l]·flip[1](b)[j,l]·a[k,l]"#]]
    .assert_eq(&Derivation::of(j, &[w]).unwrap().by_elements().math());
}
