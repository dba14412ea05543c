//! `dl derive`: what it prints, and what it says of mistakes.
#![allow(clippy::unwrap_used)]

mod said;
mod textbook;

use dl_cli::formula::Formula;
use expect_test::{Expect, expect};
use said::said;
use textbook::{HARMED, HEALTHY, MORE};

/// The derivation, without what the compiler makes of it.
fn derives(formula: &str, wrt: &str, want: Expect) {
    let all = said(&["derive", formula, "--wrt", wrt]).unwrap();
    want.assert_eq(all.split_once("\n\nWhat runs").unwrap().0);
}

#[test]
fn the_whole_of_it() {
    let formula = "log(1 + exp(-y * dot(x, w))) + lambda * sum(w^2)";
    expect![[r#"
        y: number   x: [N]   w: [N]   λ: number

        J = log(1 + exp(z)) + λ·Σ_n w²
        z = -y·xᵀ·w
        ∂J/∂z = σ(z)
        ∂J/∂w = -∂J/∂z·y·x + 2·λ·w

        What runs, by the rules add-twice, log-of-exponentials, mul-neg, mul-one:

        J = softplus(-y·xᵀ·w) + λ·Σ_n w²
        ∂J/∂w = 2·(λ·w) + x·(-σ(-y·xᵀ·w)·y)
    "#]]
    .assert_eq(&said(&["derive", formula, "--wrt", "w"]).unwrap());
    expect![[r#"
        \begin{aligned}
        J &= \log\left(1 + e^{z}\right) + \lambda \cdot \sum_{n} w^{2} \\
        z &= -y \cdot x^{\top}\,w \\
        \frac{\partial J}{\partial z} &= \sigma\left(z\right) \\
        \frac{\partial J}{\partial w} &= -\frac{\partial J}{\partial z} \cdot y \cdot x + 2 \cdot \lambda \cdot w
        \end{aligned}

        % What runs:
        \begin{aligned}
        J &= \operatorname{softplus}(-y \cdot x^{\top}\,w) + \lambda \cdot \sum_{n} w^{2} \\
        \frac{\partial J}{\partial w} &= 2 \cdot \left(\lambda \cdot w\right) + x \cdot \left(-\sigma\left(-y \cdot x^{\top}\,w\right) \cdot y\right)
        \end{aligned}
    "#]].assert_eq(&said(&["derive", formula, "--wrt", "w", "--latex"]).unwrap());
}

#[test]
fn formulas_of_textbooks() {
    derives(
        "(theta - 3)^2 + lambda*theta^2",
        "theta",
        expect![[r#"
        θ: number   λ: number

        J = (θ - 3)² + λ·θ²
        ∂J/∂θ = 2·(θ - 3) + 2·λ·θ"#]],
    );
    derives(
        "r = X @ w - y; L = r @ r / 2 + λ*norm1(w)",
        "w",
        expect![[r#"
        X: [N, M]   w: [M]   y: [N]   λ: number

        L = rᵀ·r/2 + λ·Σ_m |w|
        r = X·w - y
        ∂L/∂r = r
        ∂L/∂w = Xᵀ·∂L/∂r + λ·sign(w)"#]],
    );
    derives(
        "mean(i, (y[i] - sum(j, X[i,j] * w[j]))²)",
        "w",
        expect![[r#"
        y: [I]   X: [I, J]   w: [J]

        J = mean_i(z²)
        z = y - X·w
        ∂J/∂z = 2·z/I
        ∂J/∂w = -Xᵀ·∂J/∂z"#]],
    );
    derives(
        "X: [B, 784]; h = tanh(X @ W + b)\nz = h @ V + c\nmean(cross_entropy(z, y))",
        "W,b,V,c",
        expect![[r#"
            X: [B, 784]   W: [784, N]   b: [N]   V: [N, M]   c: [M]   y: int [B]

            J = mean_b(ℓ)
            ℓ = cross_entropy(z, y) = -log_softmax_m(z)[b,y[b]]
            z = h·V + c
            h = tanh(s)
            s = X·W + b
            ∂J/∂z = (softmax_m(z) - one_hot(y))/B
            ∂J/∂V = hᵀ·∂J/∂z
            ∂J/∂c = Σ_b ∂J/∂z
            ∂J/∂h = ∂J/∂z·Vᵀ
            ∂J/∂s = ∂J/∂h ⊙ (1 - h²)
            ∂J/∂W = Xᵀ·∂J/∂s
            ∂J/∂b = Σ_b ∂J/∂s"#]],
    );
    derives(
        "sum(k, max(0, 1 - y[k]*sum(j, X[k,j]*w[j]))) + λ*(w @ w)",
        "w",
        expect![[r#"
        y: [K]   X: [K, J]   w: [J]   λ: number

        J = Σ_k max(0, z) + λ·wᵀ·w
        z = 1 - y ⊙ X·w
        ∂J/∂z = (0.5 if 0 = z else (0 if 0 > z else 1))
        ∂J/∂w = -Xᵀ·(∂J/∂z ⊙ y) + 2·λ·w"#]],
    );
    derives(
        "e = exp(a·x); sum((σ(A @ e + b) − y)²)",
        "A, a, b",
        expect![[r#"
        a: [N]   x: [N]   A: [M, N]   b: [M]   y: [M]

        J = Σ_m (σ(z) - y)²
        z = A·e + b
        e = exp(a ⊙ x)
        ∂J/∂z = 2·(σ(z) - y) ⊙ σ(z) ⊙ (1 - σ(z))
        ∂J/∂A = ∂J/∂z·eᵀ
        ∂J/∂b = ∂J/∂z
        ∂J/∂e = Aᵀ·∂J/∂z
        ∂J/∂a = ∂J/∂e ⊙ e ⊙ x"#]],
    );
    derives(
        "log(sum(exp(a)))",
        "a",
        expect![[r#"
        a: [N]

        J = log(Σ_n exp(a))
        ∂J/∂a = softmax_n(a)"#]],
    );
    derives(
        "mu = mean(x); sum((x - mu)^2) / tau",
        "x,tau",
        expect![[r#"
        x: [N]   τ: number

        J = (Σ_n (x - μ)²)/τ
        μ = mean_n(x)
        ∂J/∂τ = -(Σ_n (x - μ)²)/τ²
        ∂J/∂μ = -(2·Σ_n (x - μ))/τ
        ∂J/∂x = ∂J/∂μ/N + 2·(x - μ)/τ"#]],
    );
    derives(
        "where(abs(r) <= delta, r²/2, delta*(abs(r) - delta/2))",
        "r",
        expect![[r#"
            r: number   δ: number

            J = (r²/2 if |r| ≤ δ else δ·(|r| - δ/2))
            ∂J/∂r = [|r| ≤ δ]·r + [|r| > δ]·δ·sign(r)"#]],
    );
    derives(
        "x' @ A @ x / 2 - b @ x",
        "x",
        expect![[r#"
        x: [N]   A: [N, N]   b: [N]

        J = zᵀ·x/2 - bᵀ·x
        z = xᵀ·A
        ∂J/∂z = 0.5·x
        ∂J/∂x = A·∂J/∂z + 0.5·z - b"#]],
    );
}

#[test]
fn a_step_and_other_notations() {
    let step = said(&["derive", "(theta - 3)^2", "--wrt", "theta", "--rate", "0.1"]).unwrap();
    assert!(step.contains("∂J/∂θ = 2·(θ - 3)\nθ ← θ - α·∂J/∂θ\nα = 0.1\n"), "{step}");
    let python = said(&["derive", "x*w + w^2", "--wrt", "w", "--sympy"]).unwrap();
    assert!(python.contains("print('v_w:', simplify(diff(J, v_w) - "), "{python}");
}

/// Each of an element's tags is closed within it, and nothing else is marked.
fn is_well_formed(text: &str) -> bool {
    let mut open: Vec<&str> = vec![];
    for part in text.split('<').skip(1) {
        let Some((tag, rest)) = part.split_once('>') else { return false };
        match tag.strip_prefix('/') {
            Some(name) if open.pop() == Some(name) => {}
            Some(_) => return false,
            None => open.push(tag.split(' ').next().unwrap_or(tag)),
        }
        let entities = rest.split('&').skip(1).all(|e| e.find(';').is_some_and(|at| at < 8));
        if rest.contains('>') || !entities {
            return false;
        }
    }
    open.is_empty()
}

#[test]
fn markdown_has_a_row_for_each_line() {
    let text = said(&["derive", "abs(dot(x, w)) + sqrt(x @ x)", "--wrt", "w,x", "--markdown"]).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows.iter().all(|row| row.matches('|').count() == 4), "{text}");
    assert!(rows.iter().all(|row| row.matches('$').count() % 2 == 0), "{text}");
    assert!(rows.contains(&r"| value | $z_{1} = x^{\top}\,w$ | number |"), "{text}");
}

#[test]
fn mathml_is_well_formed() {
    for (name, formula) in HARMED.iter().chain(&HEALTHY).chain(&MORE) {
        let parsed = Formula::parse(formula, &[]).unwrap();
        let all = parsed.variables().collect::<Vec<_>>().join(",");
        let text = said(&["derive", "--wrt", &all, "--mathml", "--", formula]).unwrap();
        assert!(
            text.starts_with("<math display=\"block\">") && is_well_formed(text.trim()),
            "{name}: {text}"
        );
    }
    expect![[r#"
        <math display="block"><mtable columnalign="right center left"><mtr><mtd style="text-align: right; padding: 0.3em 0.2em"><mrow><mi>J</mi></mrow></mtd><mtd style="text-align: center; padding: 0.3em 0.2em"><mrow><mo>=</mo></mrow></mtd><mtd style="text-align: left; padding: 0.3em 0.2em"><mrow><mfrac><mrow><msup><mrow><mo>(</mo><mi>θ</mi><mo>−</mo><mn>3</mn><mo>)</mo></mrow><mn>2</mn></msup></mrow><mrow><mn>2</mn></mrow></mfrac></mrow></mtd></mtr><mtr><mtd style="text-align: right; padding: 0.3em 0.2em"><mrow><mfrac><mrow><mo>∂</mo><mi>J</mi></mrow><mrow><mo>∂</mo><mi>θ</mi></mrow></mfrac></mrow></mtd><mtd style="text-align: center; padding: 0.3em 0.2em"><mrow><mo>=</mo></mrow></mtd><mtd style="text-align: left; padding: 0.3em 0.2em"><mrow><mi>θ</mi><mo>−</mo><mn>3</mn></mrow></mtd></mtr></mtable></math>
    "#]].assert_eq(&said(&["derive", "(theta - 3)^2/2", "--wrt", "theta", "--mathml"]).unwrap());
    assert!(
        !is_well_formed("<a><b></a></b>") && !is_well_formed("<a>&b</a>") && is_well_formed("<a>&lt;</a>")
    );
}

#[test]
fn mistakes_are_shown_at_their_place() {
    let fails = |formula: &str, want: Expect| {
        let message = said(&["derive", formula, "--wrt", "x"]).unwrap_err();
        want.assert_eq(&message);
    };
    fails(
        "log(sofmax(x))",
        expect![[r#"
        there is no function sofmax; did you mean softmax?
          log(sofmax(x))
              ^^^^^^"#]],
    );
    fails(
        "(x + 1",
        expect![[r#"
        expected ) for the ( that is marked, found the end
          (x + 1
          ^"#]],
    );
    fails(
        "x + 1)",
        expect![[r#"
        expected an operator or the end, found )
          x + 1)
               ^"#]],
    );
    fails(
        "x y",
        expect![[r#"
        expected an operator or the end, found y; products are written with *
          x y
            ^"#]],
    );
    fails(
        "sum(x^2) +",
        expect![[r#"
        expected a value, found the end
          sum(x^2) +
                    ^"#]],
    );
    fails(
        "A @ x",
        expect![[r#"
        the value has the shape [N]; an objective is one number: sum(…) or mean(…)
          A @ x
          ^^^^^"#]],
    );
    fails(
        "exp(x)*|y|",
        expect![[r#"
        no sign |: absolute values are written abs(x), norms norm(x)
          exp(x)*|y|
                 ^"#]],
    );
    fails(
        "sum(i, x)",
        expect![[r#"
        sum takes 1 arguments, got 2: sum(i, x[i])
          sum(i, x)
          ^^^^^^^^^"#]],
    );
    fails(
        "x[i]",
        expect![[r#"
        i is no index here: sum(i, …) makes it one
          x[i]
            ^"#]],
    );
    fails(
        "3x",
        expect![[r#"
        a number and a name without a sign between: 3*x?
          3x
          ^^"#]],
    );
    fails(
        "max(x, y, z)",
        expect![[r#"
        max takes 1 or 2 arguments, got 3
          max(x, y, z)
          ^^^^^^^^^^^^"#]],
    );
    fails(
        "norm(x) > 3",
        expect![[r#"
        the value is bool; an objective is a real number
          norm(x) > 3
          ^^^^^^^^^^^"#]],
    );
    fails(
        "f = sum(x)\nf = 2*f",
        expect![[r#"
        f is defined or used before
          f = 2*f
          ^"#]],
    );
    fails(
        "x: [3]; w: [4]\ny = 2*x\n\tdot(x, w)",
        expect![[r#"
        [3] @ [4]: the last size on the left is not the first on the right
          	dot(x, w)
          	^^^^^^^^^"#]],
    );
    // Brackets of Chinese take two columns each, and so does the space under them.
    fails(
        "（x + 1） * sofmax（x）",
        expect![[r#"
        there is no function sofmax; did you mean softmax?
          （x + 1） * sofmax（x）
          　     　   ^^^^^^"#]],
    );
    fails(
        "x + 误差(x)",
        expect![[r#"
        there is no function 误差
          x + 误差(x)
              ^^^^"#]],
    );
    fails(
        "x: [3]; w: [4]; sum(x + w)",
        expect![[r#"
        shapes [3] and [4] do not go together
          x: [3]; w: [4]; sum(x + w)
                              ^^^^^"#]],
    );
    fails(
        "sum(i, x[i,i]*y[i]) + sum(x[0])",
        expect![[r#"
        x is [?, ?], and has 1 indices here
          sum(i, x[i,i]*y[i]) + sum(x[0])
                                    ^^^^"#]],
    );
    fails(
        "x: [0]; sum(x)",
        expect![[r#"
        expected a size: a whole number from 1 on, or a name, found 0
          x: [0]; sum(x)
              ^"#]],
    );
    fails("", expect!["an empty formula"]);
    fails(
        "x $ 2",
        expect![[r#"
        no sign '$' in formulas
          x $ 2
            ^"#]],
    );
}

#[test]
fn command_lines_that_are_wrong_are_named() {
    let fails = |arguments: &[&str], want: &str| {
        let message = said(arguments).unwrap_err();
        assert!(message.starts_with(want), "{message}");
    };
    fails(&["derive", "x*y"], "--wrt NAMES is missing: by which of x, y?");
    fails(
        &["derive", "wieght*y", "--wrt", "weight"],
        "--wrt weight: the formula's real inputs are wieght, y; did you",
    );
    fails(
        &["derive", "3", "--wrt", "x"],
        "the formula has no real inputs: there is nothing to differentiate by",
    );
    fails(&["derive", "x", "y"], "a second formula, y: is the first in quotes?");
    fails(
        &["derive", "-x", "--wrt", "x"],
        "there is no option -x; a formula that begins with - stands after --",
    );
    fails(&["derive", "x", "--latx"], "there is no option --latx; did you mean latex?");
    fails(&["drive", "x"], "there is no command drive; did you mean derive?");
    fails(&["derive"], "no formula; dl --help has an example");
    fails(&["derive", "--file", "/nowhere/at/all", "--wrt", "x"], "/nowhere/at/all: ");
    fails(&["derive", "x@w", "--wrt", "x", "--shape", "x = 3"], "expected a shape: x: [B, 3]");
    assert!(said(&["derive", "--wrt", "x", "--", "-x*x"]).unwrap().contains("∂J/∂x = -2·x"));
    assert!(said(&["--help"]).unwrap().starts_with("usage: dl COMMAND"));
    let shaped = said(&["derive", "sum((x - m)^2)", "--wrt", "m", "--shape", "x: [B, 3]; m: [3]"]).unwrap();
    assert!(shaped.starts_with("x: [B, 3]   m: [3]"), "{shaped}");
}

/// Mistyped formulas are refused or mean something; none ends the program.
#[test]
fn whatever_is_typed_is_answered() {
    let formulas = [
        "log(1 + exp(-y * dot(x, w))) + lambda * sum(w^2)",
        "mean(i, (y[i] - sum(j, X[i,j] * w[j]))²)",
        "X: [B, 7]; z = tanh(X @ W + b) @ V; mean(cross_entropy(z, y))",
        "where(abs(r) <= delta, r²/2, delta*(abs(r) - delta/2)) # Huber",
        "x' @ A @ x / 2 - b @ x + softmax(x)[0]*1e-3 ** 2",
    ];
    let pieces = [
        "(", ")", "[", "]", ",", "@", "'", "^", "-", "sum(", "i", "x", "0", "1e9", ";", "\n", "=", ":", "²",
        "W", "<", "é",
    ];
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut right = 0;
    for round in 0..4000 {
        let mut text: Vec<char> = formulas[round % formulas.len()].chars().collect();
        for _ in 0..1 + next(3) {
            let at = next(text.len());
            match next(3) {
                0 => drop(text.remove(at)),
                1 => text.splice(at..at, pieces[next(pieces.len())].chars()).for_each(drop),
                _ => text.truncate(text.len() - next(text.len().min(5))),
            }
        }
        let text: String = text.into_iter().collect();
        let Ok(formula) = Formula::parse(&text, &[]) else { continue };
        let graph = dl_core::Graph::new();
        right += usize::from(formula.objective(&graph, dl_core::F64).is_ok());
    }
    assert!(right > 300, "{right} of the mutants mean something");
    let deep = "(".repeat(5000) + "x";
    assert!(Formula::parse(&deep, &[]).unwrap_err().what().contains("within each other"));
    assert!(Formula::parse(&"-".repeat(5000), &[]).unwrap_err().what().contains("within each other"));
    assert!(Formula::parse(&"x^".repeat(5000), &[]).unwrap_err().what().contains("within each other"));
    assert!(Formula::parse(&"x".repeat(70_000), &[]).unwrap_err().what().contains("at most"));
}
