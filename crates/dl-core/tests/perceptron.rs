//! The tutorial's perceptron, as it is compiled: the steps that a careful person would write by hand.

use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Plan, Program, Target, U8};
use expect_test::expect;

fn step() -> Program {
    const B: Named = Named("B");
    let g = Graph::new();
    let x = g.input("x", U8, (B, 784)).cast(F32) / 255.0;
    let y = g.input("y", I64, B);
    let h = nn::dense(x, "fc1", 128).relu();
    let j = nn::cross_entropy(nn::dense(h, "fc2", 10), y).mean(..).named("J");
    j.minimize(Sgd::new(0.01)).expect("the tutorial's network is right")
}

#[test]
fn plan() {
    expect![[r#"
        input      %0 = x: u8 [B, 784]
        input      %3 = y: i64 [B]
        parameter  %4 = fc1.weight: f32 [784, 128]
        parameter  %6 = fc1.bias: f32 [128]
        parameter  %10 = fc2.weight: f32 [128, 10]
        parameter  %12 = fc2.bias: f32 [10]
        %1 = cast(%0): f32 [B, 784]
        %2 = div(%1, 255): f32 [B, 784]  frees %1
        %5 = contract(%2, %4): f32 [B, 128]
        %7 = broadcast(%6): f32 [B, 128]
        %8 = add(%5, %7): f32 [B, 128]  frees %5 %7
        %9 = relu(%8): f32 [B, 128]
        %11 = contract(%9, %10): f32 [B, 10]
        %13 = broadcast(%12): f32 [B, 10]
        %14 = add(%11, %13): f32 [B, 10]  frees %11 %13
        %15 = reduce_max(%14): f32 [B]
        %16 = is_finite(%15): bool [B]
        %17 = select(%16, %15, 0): f32 [B]  frees %16 %15
        %18 = broadcast(%17): f32 [B, 10]  frees %17
        %19 = sub(%14, %18): f32 [B, 10]  frees %14 %18
        %20 = exp(%19): f32 [B, 10]
        %21 = sum(%20): f32 [B]
        %22 = eq(%21, 0): bool [B]
        %23 = select(%22, 1, %21): f32 [B]  frees %21
        %24 = log(%23): f32 [B]
        %25 = broadcast(%24): f32 [B, 10]  frees %24
        %26 = sub(%19, %25): f32 [B, 10]  frees %19 %25
        %27 = gather(%26, %3): f32 [B]  frees %26
        %28 = sum(%27): f32 []  frees %27
        %29 = div(%28, B): f32 []  frees %28
        %30 = neg(%29): f32 []  frees %29
        %31 = constant(): f32 []
        %32 = div(%31, B): f32 []  frees %31
        %33 = broadcast(%32): f32 [B]  frees %32
        %34 = scatter_add(%3, %33): f32 [B, 10]  frees %33
        %35 = constant(): f32 []
        %36 = div(%35, B): f32 []  frees %35
        %37 = broadcast(%36): f32 [B]  frees %36
        %38 = div(%37, %23): f32 [B]  frees %37 %23
        %39 = select(%22, 0, %38): f32 [B]  frees %22 %38
        %40 = broadcast(%39): f32 [B, 10]  frees %39
        %41 = mul(%40, %20): f32 [B, 10]  frees %40 %20
        %42 = add(%34, %41): f32 [B, 10]  frees %34 %41
        %43 = sum(%42): f32 [10]
        %44 = contract(%42, %10): f32 [B, 128]
        %45 = contract(%9, %42): f32 [128, 10]  frees %9 %42
        %46 = gt(%8, 0): bool [B, 128]  frees %8
        %47 = select(%46, %44, 0): f32 [B, 128]  frees %46 %44
        %48 = sum(%47): f32 [128]
        %49 = contract(%2, %47): f32 [784, 128]  frees %2 %47
        %50 = mul(0.01, %49): f32 [784, 128]  frees %49
        %51 = sub(%4, %50): f32 [784, 128]  frees %50
        %52 = mul(0.01, %48): f32 [128]  frees %48
        %53 = sub(%6, %52): f32 [128]  frees %52
        %54 = mul(0.01, %45): f32 [128, 10]  frees %45
        %55 = sub(%10, %54): f32 [128, 10]  frees %54
        %56 = mul(0.01, %43): f32 [10]  frees %43
        %57 = sub(%12, %56): f32 [10]  frees %56
        update     fc1.weight ← %51
        update     fc1.bias ← %53
        update     fc2.weight ← %55
        update     fc2.bias ← %57
        output     J = %30
    "#]]
    .assert_eq(&Plan::new(&step(), &Target::default()).to_string());
}

#[test]
fn rules() {
    let counts: Vec<String> = step().trace().counts().iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    expect![[r#"
        div-neg 1
        empty-sum-mask 1
        fold-constants 2
        lift-broadcast 1
        neg-quotient 1
        sum-of-neg 2
        sum-of-scatter 1"#]]
    .assert_eq(&counts.join("\n"));
}

#[test]
fn mathematics() {
    expect![[r#"
        t₁ = (x/255)·fc1.weight + fc1.bias
        t₂ = relu(t₁)·fc2.weight + fc2.bias
        t₃ = t₂ - (max_j(t₂) if is_finite(max_j(t₂)) else 0)
        t₄ = (1 if Σ_j exp(t₃) = 0 else Σ_j exp(t₃))
        t₅ = -1/B·one_hot(y) + (0 if Σ_j exp(t₃) = 0 else 1/B/t₄) ⊙ exp(t₃)
        t₆ = (t₅·fc2.weightᵀ if t₁ > 0 else 0)
        ∂J/∂fc1.weight = (x/255)ᵀ·t₆
        ∂J/∂fc1.bias = Σ_b t₆
        ∂J/∂fc2.weight = relu(t₁)ᵀ·t₅
        ∂J/∂fc2.bias = Σ_b t₅
        J = -mean_b((t₃ - log(t₄))[b,y[b]])
        fc1.weight ← fc1.weight - 0.01·∂J/∂fc1.weight
        fc1.bias ← fc1.bias - 0.01·∂J/∂fc1.bias
        fc2.weight ← fc2.weight - 0.01·∂J/∂fc2.weight
        fc2.bias ← fc2.bias - 0.01·∂J/∂fc2.bias"#]]
    .assert_eq(&step().math());
}
