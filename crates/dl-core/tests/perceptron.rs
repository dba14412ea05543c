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
        %31 = and(%27, %30): bool [B]  frees %27 %30
        %32 = log(%28): f32 [B]
        %33 = sub(%29, %22): f32 [B]  frees %29 %22
        %34 = sub(%32, %33): f32 [B]  frees %32 %33
        %35 = select(%31, -inf, 0): f32 [B]  frees %31
        %36 = add(%34, %35): f32 [B]  frees %34 %35
        %37 = softplus(%36): f32 [B]
        %38 = sum[0](%37): f32 []  frees %37
        %39 = div(%38, B): f32 []  frees %38
        %40 = constant[-1](): f32 []
        %41 = div(%40, B): f32 []  frees %40
        %42 = broadcast(%41): f32 [B]  frees %41
        %43 = sigmoid(%36): f32 [B]  frees %36
        %44 = mul(%42, %43): f32 [B]  frees %42 %43
        %45 = scatter_add[1;1](%3, %44): f32 [B, 10]
        %46 = div(%44, %28): f32 [B]  frees %44 %28
        %47 = broadcast[0](%46): f32 [B, 10]  frees %46
        %48 = mul(%25, %47): f32 [B, 10]  frees %25 %47
        %49 = sub(%45, %48): f32 [B, 10]  frees %45 %48
        %50 = sum[0](%49): f32 [10]
        %51 = contract[an,kn->ak](%49, %10): f32 [B, 128]
        %52 = contract[ak,an->kn](%9, %49): f32 [128, 10]  frees %9 %49
        %53 = gt(%8, 0): bool [B, 128]  frees %8
        %54 = select(%53, %51, 0): f32 [B, 128]  frees %53 %51
        %55 = sum[0](%54): f32 [128]
        %56 = contract[ak,an->kn](%2, %54): f32 [784, 128]  frees %2 %54
        %57 = mul(0.01, %56): f32 [784, 128]  frees %56
        %58 = sub(%4, %57): f32 [784, 128]  frees %57
        %59 = mul(0.01, %55): f32 [128]  frees %55
        %60 = sub(%6, %59): f32 [128]  frees %59
        %61 = mul(0.01, %52): f32 [128, 10]  frees %52
        %62 = sub(%10, %61): f32 [128, 10]  frees %61
        %63 = mul(0.01, %50): f32 [10]  frees %50
        %64 = sub(%12, %63): f32 [10]  frees %63
        update     fc1.weight ← %58
        update     fc1.bias ← %60
        update     fc2.weight ← %62
        update     fc2.bias ← %64
        output     J = %39
    "#]]
    .assert_eq(&Plan::new(&step()).to_string());
}

#[test]
fn rules() {
    let counts: Vec<String> = step().trace().counts().iter().map(|(rule, n)| format!("{rule} {n}")).collect();
    expect![[r#"
        div-neg 1
        fold-constants 1
        merge-broadcasts 1
        sum-of-neg 1
        sum-of-scatter 1"#]]
    .assert_eq(&counts.join("\n"));
}

#[test]
fn mathematics() {
    expect![[r#"
        t₁ = (x/255)·fc1.weight + fc1.bias
        t₂ = relu(t₁)·fc2.weight + fc2.bias
        t₃ = -1/B·one_hot(y) - (-1/B·softmax_j(t₂))
        t₄ = (t₃·fc2.weightᵀ if t₁ > 0 else 0)
        ∂J/∂fc1.weight = (x/255)ᵀ·t₄
        ∂J/∂fc1.bias = Σ_b t₄
        ∂J/∂fc2.weight = relu(t₁)ᵀ·t₃
        ∂J/∂fc2.bias = Σ_b t₃
        J = -mean_b(log_softmax_j(t₂)[b,y[b]])
        fc1.weight ← fc1.weight - 0.01·∂J/∂fc1.weight
        fc1.bias ← fc1.bias - 0.01·∂J/∂fc1.bias
        fc2.weight ← fc2.weight - 0.01·∂J/∂fc2.weight
        fc2.bias ← fc2.bias - 0.01·∂J/∂fc2.bias"#]]
    .assert_eq(&step().math());
}
