//! The tutorial's perceptron, as it is compiled: the steps that a careful person would write by hand.

use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Plan, Program, U8};
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
        %5 = contract[ak,kn->an](%2, %4): f32 [B, 128]
        %7 = broadcast[1](%6): f32 [B, 128]
        %8 = add(%5, %7): f32 [B, 128]  frees %5 %7
        %9 = relu(%8): f32 [B, 128]
        %11 = contract[ak,kn->an](%9, %10): f32 [B, 10]
        %13 = broadcast[1](%12): f32 [B, 10]
        %14 = add(%11, %13): f32 [B, 10]  frees %11 %13
        %15 = iota[1](): i64 [B, 10]
        %16 = broadcast[0](%3): i64 [B, 10]
        %17 = eq(%15, %16): bool [B, 10]  frees %15 %16
        %18 = select(%17, -inf, 0): f32 [B, 10]  frees %17
        %19 = add(%14, %18): f32 [B, 10]  frees %18
        %20 = reduce_max[1](%19): f32 [B]
        %21 = is_finite(%20): bool [B]
        %22 = select(%21, %20, 0): f32 [B]  frees %21 %20
        %23 = broadcast[0](%22): f32 [B, 10]
        %24 = sub(%19, %23): f32 [B, 10]  frees %19 %23
        %25 = exp(%24): f32 [B, 10]  frees %24
        %26 = sum[1](%25): f32 [B]
        %27 = eq(%26, 0): bool [B]
        %28 = select(%27, 1, %26): f32 [B]  frees %26
        %29 = gather[1;1](%14, %3): f32 [B]  frees %14
        %30 = ne(%29, -inf): bool [B]
        %31 = and(%27, %30): bool [B]  frees %30
        %32 = log(%28): f32 [B]
        %33 = sub(%29, %22): f32 [B]  frees %29 %22
        %34 = sub(%32, %33): f32 [B]  frees %32 %33
        %35 = select(%31, -inf, 0): f32 [B]  frees %31
        %36 = add(%34, %35): f32 [B]  frees %34 %35
        %37 = softplus(%36): f32 [B]
        %38 = sum[0](%37): f32 []  frees %37
        %39 = div(%38, B): f32 []  frees %38
        %40 = constant[1](): f32 []
        %41 = div(%40, B): f32 []  frees %40
        %42 = broadcast(%41): f32 [B]  frees %41
        %43 = sigmoid(%36): f32 [B]  frees %36
        %44 = mul(%42, %43): f32 [B]  frees %42 %43
        %45 = neg(%44): f32 [B]
        %46 = div(%44, %28): f32 [B]  frees %44 %28
        %47 = scatter_add[1;1](%3, %45): f32 [B, 10]  frees %45
        %48 = select(%27, 0, %46): f32 [B]  frees %27 %46
        %49 = broadcast[0](%48): f32 [B, 10]  frees %48
        %50 = mul(%49, %25): f32 [B, 10]  frees %49 %25
        %51 = add(%47, %50): f32 [B, 10]  frees %47 %50
        %52 = sum[0](%51): f32 [10]
        %53 = contract[an,kn->ak](%51, %10): f32 [B, 128]
        %54 = contract[ak,an->kn](%9, %51): f32 [128, 10]  frees %9 %51
        %55 = gt(%8, 0): bool [B, 128]  frees %8
        %56 = select(%55, %53, 0): f32 [B, 128]  frees %55 %53
        %57 = sum[0](%56): f32 [128]
        %58 = contract[ak,an->kn](%2, %56): f32 [784, 128]  frees %2 %56
        %59 = mul(0.01, %58): f32 [784, 128]  frees %58
        %60 = sub(%4, %59): f32 [784, 128]  frees %59
        %61 = mul(0.01, %57): f32 [128]  frees %57
        %62 = sub(%6, %61): f32 [128]  frees %61
        %63 = mul(0.01, %54): f32 [128, 10]  frees %54
        %64 = sub(%10, %63): f32 [128, 10]  frees %63
        %65 = mul(0.01, %52): f32 [10]  frees %52
        %66 = sub(%12, %65): f32 [10]  frees %65
        update     fc1.weight ← %60
        update     fc1.bias ← %62
        update     fc2.weight ← %64
        update     fc2.bias ← %66
        output     J = %39
    "#]]
    .assert_eq(&Plan::new(&step()).to_string());
}

#[test]
fn rules() {
    let counts: Vec<String> = step().trace().counts().iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    expect!["empty-sum-mask 1"].assert_eq(&counts.join("\n"));
}

#[test]
fn mathematics() {
    expect![[r#"
        t₁ = (x/255)·fc1.weight + fc1.bias
        t₂ = relu(t₁)·fc2.weight + fc2.bias
        t₃ = t₂ + (-∞ if iota[1;B,10] = y else 0)
        t₄ = (max_j(t₃) if is_finite(max_j(t₃)) else 0)
        t₅ = (1 if Σ_j exp(t₃ - t₄) = 0 else Σ_j exp(t₃ - t₄))
        t₆ = log(t₅) - (t₂[b,y[b]] - t₄) + (-∞ if Σ_j exp(t₃ - t₄) = 0 ∧ t₂[b,y[b]] ≠ (-∞) else 0)
        t₇ = -1/B·σ(t₆)·one_hot(y) + (0 if Σ_j exp(t₃ - t₄) = 0 else 1/B·σ(t₆)/t₅) ⊙ exp(t₃ - t₄)
        t₈ = (t₇·fc2.weightᵀ if t₁ > 0 else 0)
        ∂J/∂fc1.weight = (x/255)ᵀ·t₈
        ∂J/∂fc1.bias = Σ_b t₈
        ∂J/∂fc2.weight = relu(t₁)ᵀ·t₇
        ∂J/∂fc2.bias = Σ_b t₇
        J = mean_b(softplus(t₆))
        fc1.weight ← fc1.weight - 0.01·∂J/∂fc1.weight
        fc1.bias ← fc1.bias - 0.01·∂J/∂fc1.bias
        fc2.weight ← fc2.weight - 0.01·∂J/∂fc2.weight
        fc2.bias ← fc2.bias - 0.01·∂J/∂fc2.bias"#]]
    .assert_eq(&step().math());
}
