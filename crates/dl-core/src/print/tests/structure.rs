//! Every kind of operation in every notation.

use expect_test::{Expect, expect};

use crate::ops::Order;
use crate::ops::scan::Scan;
use crate::{Expr, F32, F64, Fact, Graph, I64, Init, Named, Tensor, print};

const B: Named = Named("B");

/// One line as s-expression, as formula and as LaTeX.
fn check(build: impl for<'g> Fn(&'g Graph) -> Expr<'g>, want: Expect) {
    let g = Graph::new();
    let e = build(&g);
    g.check().unwrap();
    want.assert_eq(&format!("{e}\n{}\n{}", e.math(), e.latex()));
}

fn x(g: &Graph) -> Expr<'_> {
    g.input("x", F64, (B, 3))
}

fn w(g: &Graph) -> Expr<'_> {
    g.input("w", F64, [3, 4])
}

fn v(g: &Graph) -> Expr<'_> {
    g.input("v", F64, [3])
}

fn labels(g: &Graph) -> Expr<'_> {
    g.input("y", I64, B)
}

#[test]
fn reductions() {
    check(
        |g| x(g).sum(..),
        expect![[r#"
        (sum[0,1] x)
        Σ_{b,j} x
        \sum_{b, j} x"#]],
    );
    check(
        |g| x(g).mean(0) * 2.0,
        expect![[r#"
        (mul (div (sum[0] x) (broadcast[;3] B)) 2)
        mean_b(x)·2
        \left(\frac{1}{B} \sum_{b} x\right) \cdot 2"#]],
    );
    check(
        |g| 2.0 * (x(g) * x(g)).sum(1).mean(0),
        expect![[r#"
        (mul 2 (div (sum[0] (sum[1] (mul x x))) B))
        2·mean_b(Σ_j x²)
        2 \cdot \frac{1}{B} \sum_{b} \sum_{j} x^{2}"#]],
    );
    check(
        |g| (x(g) + 1.0).sum(..) + (-x(g)).sum(..),
        expect![[r#"
        (add (sum[0,1] (add x 1)) (sum[0,1] (neg x)))
        Σ_{b,j} (x + 1) + Σ_{b,j} (-x)
        \sum_{b, j} \left(x + 1\right) + \sum_{b, j} \left(-x\right)"#]],
    );
    check(
        |g| x(g).max(1) - x(g).min(1),
        expect![[r#"
        (sub (reduce_max[1] x) (reduce_min[1] x))
        max_j(x) - min_j(x)
        \max_{j}\left(x\right) - \min_{j}\left(x\right)"#]],
    );
    check(
        |g| x(g).prod(-1),
        expect![[r#"
        (prod[1] x)
        Π_j x
        \prod_{j} x"#]],
    );
    check(
        |g| x(g).argmax(1),
        expect![[r#"
        (argmax[1] x)
        argmax_j(x)
        \operatorname{argmax}_{j}\left(x\right)"#]],
    );
    check(
        |g| x(g).argmin(0),
        expect![[r#"
        (argmin[0] x)
        argmin_b(x)
        \operatorname{argmin}_{b}\left(x\right)"#]],
    );
    check(
        |g| x(g) / g.extent(F64, 3),
        expect![[r#"
        (div x (broadcast[;B,3] 3))
        x/3
        \frac{x}{3}"#]],
    );
    check(
        |g| x(g).sum(..) / g.extent(F64, B),
        expect![[r#"
        (div (sum[0,1] x) B)
        (Σ_{b,j} x)/B
        \frac{\sum_{b, j} x}{B}"#]],
    );
}

#[test]
fn products() {
    check(
        |g| x(g).dot(w(g)),
        expect![[r#"
        (contract[ak,kn->an] x w)
        x·w
        x\,w"#]],
    );
    check(
        |g| x(g).dot(v(g)),
        expect![[r#"
        (contract[ak,k->a] x v)
        x·v
        x\,v"#]],
    );
    check(
        |g| v(g).dot(v(g)),
        expect![[r#"
        (contract[k,k->] v v)
        vᵀ·v
        v^{\top}\,v"#]],
    );
    check(
        |g| v(g).dot(w(g)),
        expect![[r#"
        (contract[k,kn->n] v w)
        vᵀ·w
        v^{\top}\,w"#]],
    );
    check(
        |g| x(g).contract("bi,oi->bo", g.input("u", F64, [4, 3])),
        expect![[r#"
        (contract[bi,oi->bo] x u)
        x·uᵀ
        x\,u^{\top}"#]],
    );
    check(
        |g| x(g).contract("bi,bo->io", g.input("δ", F64, (B, 4))),
        expect![[r#"
        (contract[bi,bo->io] x δ)
        xᵀ·δ
        x^{\top}\,\delta"#]],
    );
    check(
        |g| x(g).contract("bi,bo->oi", g.input("δ", F64, (B, 4))),
        expect![[r#"
        (contract[bi,bo->oi] x δ)
        δᵀ·x
        \delta^{\top}\,x"#]],
    );
    check(
        |g| v(g).contract("i,j->ij", v(g)),
        expect![[r#"
        (contract[i,j->ij] v v)
        v·vᵀ
        v\,v^{\top}"#]],
    );
    check(
        |g| v(g).contract("i,j->ji", v(g) + 1.0),
        expect![[r#"
        (contract[i,j->ji] v (add v 1))
        (v + 1)·vᵀ
        \left(v + 1\right)\,v^{\top}"#]],
    );
    check(
        |g| w(g).contract("ij,ij->", w(g)),
        expect![[r#"
        (contract[ij,ij->] w w)
        ⟨w, w⟩
        \left\langle w, w\right\rangle"#]],
    );
    check(
        |g| x(g).contract("bi,bi->b", x(g) * 2.0),
        expect![[r#"
        (contract[bi,bi->b] x (mul x 2))
        einsum[bi,bi->b](x, x·2)
        \left[\sum_{i} x_{b i}\,\left(x \cdot 2\right)_{b i}\right]_{b}"#]],
    );
    check(
        |g| v(g).contract("k,nk->n", g.input("u", F64, [4, 3])),
        expect![[r#"
        (contract[k,nk->n] v u)
        u·v
        u\,v"#]],
    );
    check(
        |g| (x(g) + 1.0).dot(w(g)) * 0.5,
        expect![[r#"
        (mul (contract[ak,kn->an] (add x 1) w) 0.5)
        (x + 1)·w·0.5
        \left(x + 1\right)\,w \cdot 0.5"#]],
    );
    check(
        |g| x(g) * (x(g) * 2.0),
        expect![[r#"
        (mul x (mul x 2))
        x ⊙ (x·2)
        x \cdot \left(x \cdot 2\right)"#]],
    );
    check(
        |g| (x(g) * (x(g) + 1.0)).dot(w(g)).transpose(),
        expect![[r#"
        (permute[1,0] (contract[ak,kn->an] (mul x (add x 1)) w))
        ((x ⊙ (x + 1))·w)ᵀ
        \left(\left(x \cdot \left(x + 1\right)\right)\,w\right)^{\top}"#]],
    );
    check(
        |g| g.input("a", F64, (B, 2, 3)).dot(w(g)),
        expect![[r#"
        (contract[abk,kn->abn] a w)
        a·w
        a\,w"#]],
    );
    check(
        |g| g.input("a", F64, (B, 2, 3)).dot(g.input("b", F64, (B, 3, 4))),
        expect![[r#"
        (contract[abk,akn->abn] a b)
        einsum[abk,akn->abn](a, b)
        \left[\sum_{k} a_{a b k}\,b_{a k n}\right]_{a b n}"#]],
    );
}

#[test]
fn movement() {
    check(
        |g| x(g).reshape([&crate::Dim::from(B) * &3.into()]),
        expect![[r#"
        (reshape[3·B] x)
        reshape[3·B](x)
        \operatorname{reshape}_{\mathrm{3\cdot B}}\left(x\right)"#]],
    );
    check(
        |g| x(g).unsqueeze(0).permute(&[2, 0, 1]),
        expect![[r#"
        (permute[2,0,1] (reshape[1,B,3] x))
        permute[2,0,1](x)
        \operatorname{permute}_{\mathrm{2,0,1}}\left(x\right)"#]],
    );
    check(
        |g| g.input("a", F64, [2, 3, 4]).permute(&[1, 2, 0]),
        expect![[r#"
        (permute[1,2,0] a)
        permute[1,2,0](a)
        \operatorname{permute}_{\mathrm{1,2,0}}\left(a\right)"#]],
    );
    check(
        |g| x(g) + g.input("b", F64, [3]),
        expect![[r#"
        (add x (broadcast[1;B,3] b))
        x + b
        x + b"#]],
    );
    check(
        |g| x(g).slice(1, 0, 2),
        expect![[r#"
        (slice[:,0:2] x)
        x[:,0:2]
        x_{:, 0:2}"#]],
    );
    check(
        |g| (x(g) * 2.0).slice_by(1, 1, 3, 2).pad(1, 1, 2, -1.0),
        expect![[r#"
        (pad[0,1;B,4;1,1;-1] (slice[:,1:2:2] (mul x 2)))
        pad[0,1;B,4;1,1;-1]((x·2)[:,1:2:2])
        \operatorname{pad}_{\mathrm{0,1;B,4;1,1;-1}}\left(\left(x \cdot 2\right)_{:, 1:2:2}\right)"#]],
    );
    check(
        |g| x(g).slice(0, 1, B),
        expect![[r#"
        (slice[1:B,:] x)
        x[1:B]
        x_{1:B}"#]],
    );
    check(
        |g| x(g).pad(1, 1, 0, 0.0),
        expect![[r#"
        (pad[0,1;B,4] x)
        pad[0,1;B,4](x)
        \operatorname{pad}_{\mathrm{0,1;B,4}}\left(x\right)"#]],
    );
    check(
        |g| g.concat(1, &[x(g), x(g) * 2.0]),
        expect![[r#"
        (concat[1] x (mul x 2))
        concat[1](x, x·2)
        \operatorname{concat}_{\mathrm{1}}\left(x, x \cdot 2\right)"#]],
    );
    check(
        |g| x(g).flip([0, 1]),
        expect![[r#"
        (flip[0,1] x)
        flip[0,1](x)
        \operatorname{flip}_{\mathrm{0,1}}\left(x\right)"#]],
    );
    check(
        |g| x(g).cast(F32) + g.input("i", crate::U8, (B, 3)).cast(F32) / 255.0,
        expect![[r#"
        (add (cast[f32] x) (div (cast[f32] i) 255))
        x + i/255
        x + \frac{i}{255}"#]],
    );
    check(
        |g| x(g).cast(I64),
        expect![[r#"
        (cast[i64] x)
        cast[i64](x)
        \operatorname{cast}_{\mathrm{i64}}\left(x\right)"#]],
    );
}

#[test]
fn indices() {
    check(
        |g| x(g).pick(labels(g)),
        expect![[r#"
        (gather[1;1] x y)
        x[b,y[b]]
        x_{b, y_{b}}"#]],
    );
    check(
        |g| (x(g) + 1.0).pick(labels(g)).log(),
        expect![[r#"
        (log (gather[1;1] (add x 1) y))
        log((x + 1)[b,y[b]])
        \log\left(\left(x + 1\right)_{b, y_{b}}\right)"#]],
    );
    check(
        |g| g.input("E", F64, [100, 8]).gather(0, labels(g)),
        expect![[r#"
        (gather[0;0] E y)
        E[y]
        E_{y}"#]],
    );
    check(
        |g| x(g).gather(1, g.input("i", I64, [2])),
        expect![[r#"
        (gather[1;0] x i)
        x[:,i]
        x_{:, i}"#]],
    );
    check(
        |g| g.extent(F64, B).broadcast_to(&B.into()).scatter_add(1, 1, labels(g), &(B, 10).into()),
        expect![[r#"
            (scatter_add[1;1;B,10] y (broadcast[;B] B))
            B·one_hot(y)
            B \cdot \operatorname{one\_hot}\left(y\right)"#]],
    );
    check(
        |g| labels(g).one_hot(F64, 10),
        expect![[r#"
        (scatter_add[1;1;B,10] y 1)
        one_hot(y)
        \operatorname{one\_hot}\left(y\right)"#]],
    );
    check(
        |g| x(g).scatter_add(0, 0, labels(g), &(100, 3).into()),
        expect![[r#"
        (scatter_add[0;0;100,3] y x)
        scatter_add[0;0;100,3](y, x)
        \operatorname{scatter\_add}_{\mathrm{0;0;100,3}}\left(y, x\right)"#]],
    );
    check(
        |g| g.iota(I64, 1, (B, 10)),
        expect![[r#"
        (iota[1;B,10])
        iota[1;B,10]
        \operatorname{iota}_{\mathrm{1;B,10}}"#]],
    );
    check(
        |g| x(g).sort(1, Order::Descending),
        expect![[r#"
        (sort[1;descending] x)
        sort[1;descending](x)
        \operatorname{sort}_{\mathrm{1;descending}}\left(x\right)"#]],
    );
    check(
        |g| x(g).argsort(0, Order::Ascending),
        expect![[r#"
        (argsort[0] x)
        argsort[0](x)
        \operatorname{argsort}_{\mathrm{0}}\left(x\right)"#]],
    );
    check(
        |g| x(g).unfold(1, 2, 1, 1),
        expect![[r#"
        (unfold[1;2;1;1] x)
        unfold[1;2;1;1](x)
        \operatorname{unfold}_{\mathrm{1;2;1;1}}\left(x\right)"#]],
    );
}

#[test]
fn leaves_and_markers() {
    check(
        |g| g.random(F32, (B, 3)).lt(0.5).cast(F32),
        expect![[r#"
        (cast[f32] (lt (random[0;B,3]) 0.5))
        [random[0;B,3] < 0.5]
        \left[\operatorname{random}_{\mathrm{0;B,3}} < 0.5\right]"#]],
    );
    check(
        |g| g.step().cast(F64) + 1.0,
        expect![[r#"
        (add (cast[f64] (step)) 1)
        step + 1
        \operatorname{step} + 1"#]],
    );
    check(
        |g| g.literal(Tensor::vector(vec![1.0f64, -2.5])),
        expect![[r#"
        (literal[2;1,-2.5])
        literal[2;1,-2.5]
        \operatorname{literal}_{\mathrm{2;1,-2.5}}"#]],
    );
    check(
        |g| g.literal(Tensor::vector(vec![1i64; 9])),
        expect![[r#"
        (literal[9])
        literal[9]
        \operatorname{literal}_{\mathrm{9}}"#]],
    );
    check(
        |g| x(g).stop_gradient() * x(g).assume(Fact::Positive),
        expect![[r#"
        (mul (stop_gradient x) (assume[positive] x))
        stop_gradient(x) ⊙ x
        \operatorname{stop\_gradient}\left(x\right) \cdot x"#]],
    );
    check(
        |g| g.extent(F64, &crate::Dim::from(B) * &2.into()) * x(g).sum(..),
        expect![[r#"
        (mul 2·B (sum[0,1] x))
        2·B·Σ_{b,j} x
        2 \cdot B \cdot \sum_{b, j} x"#]],
    );
    check(
        |g| g.full(F64, (B, 2), 0.5) * g.input("a weird name", F64, (B, 2)),
        expect![[r#"
        (mul 0.5 "a weird name")
        0.5·(a weird name)
        0.5 \cdot \mathrm{a\ weird\ name}"#]],
    );
}

#[test]
fn recurrences_have_an_index() {
    let g = Graph::new();
    let x = g.input("x", F64, (Named("B"), 28, 3));
    let (w, u) = (g.parameter("W", F64, [3, 4], Init::Zeros), g.parameter("U", F64, [4, 4], Init::Zeros));
    let zeros = g.full(F64, (Named("B"), 4), 0.0);
    let run = g.scan(1, &[x], &[zeros], |h, x| {
        let next = (x[0].dot(w) + h[0].dot(u)).tanh().named("h");
        ([next], [next, next * 2.0])
    });
    let roots = [("y", run.outputs[0].sum(..)), ("z", run.finals[0]), ("d", run.outputs[1])];
    expect![[r#"
        h[t] = tanh(x[t]·W + h[t-1]·U)
        h[0] = 0
        y = Σ_{b,j,k} h
        z = h[28]
        d = stack[1](h[t]·2)"#]]
    .assert_eq(&print::math(&roots));
    expect![[r#"
        \begin{aligned}
        h_{t} &= \tanh\left(x_{t}\,W + h_{t-1}\,U\right) \\
        h_{0} &= 0 \\
        y &= \sum_{b, j, k} h \\
        z &= h_{28} \\
        d &= \operatorname{stack}_{\mathrm{1}}\left(h_{t} \cdot 2\right)
        \end{aligned}"#]]
    .assert_eq(&print::latex(&roots));
    let sums = Scan::along(1).reverse().run(&g, &[x], &[x.sum(1)], |h, x| ([h[0] + x[0]], []));
    expect![[r#"
        h1[t] = h1[t+1] + x[t]
        h1[28+1] = Σ_j x
        h1[1]"#]]
    .assert_eq(&sums.finals[0].math());
}
