//! Optimizers as operators.

use dl_core::Expr;

use crate::call::{Call, Out, X};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    const PREFIX: &str = "ai.onnx.preview.training.";
    Some(match c.op.strip_prefix(PREFIX)? {
        "Adagrad" => each(c, 3, |c, rate, t, v| {
            let rate = rate / (t * c.float("decay_factor", 0.0) + 1.0);
            let g = v[0] * c.float("norm_coefficient", 0.0) + v[1];
            let h = v[2] + g * g;
            vec![v[0] - rate * g / (h.sqrt() + c.float("epsilon", 0.0)), h]
        }),
        "Adam" => each(c, 4, |c, rate, t, v| {
            let (alpha, beta) = (c.float("alpha", 0.9), c.float("beta", 0.999));
            let g = v[0] * c.float("norm_coefficient", 0.0) + v[1];
            let m = v[2] * alpha + g * (1.0 - alpha);
            let h = v[3] * beta + g * g * (1.0 - beta);
            let power = |b: f64| (t * b.ln()).exp();
            let corrected = rate * (1.0 - power(beta)).sqrt() / (1.0 - power(alpha));
            let rate = t.gt(0.0).select(corrected, rate);
            let x = v[0] - rate * (m / (h.sqrt() + c.float("epsilon", 0.0)));
            vec![x * (1.0 - c.float("norm_coefficient_post", 0.0)), m, h]
        }),
        "Momentum" => each(c, 3, |c, rate, t, v| {
            let g = v[0] * c.float("norm_coefficient", 0.0) + v[1];
            let beta = t.gt(0.0).select(t * 0.0 + c.float("beta", 1.0), 1.0);
            let m = v[2] * c.float("alpha", 0.9) + beta * g;
            match c.text("mode", "standard").as_str() {
                "standard" => vec![v[0] - rate * m, m],
                _ => vec![v[0] - rate * (g + m * c.float("alpha", 0.9)), m],
            }
        }),
        _ => return None,
    })
}

/// Of each parameter: `f(rate, step, [value, gradient, state…])` gives a value and states.
fn each<'g>(
    c: &Call<'_, 'g>,
    kinds: usize,
    f: impl Fn(&Call<'_, 'g>, Expr<'g>, Expr<'g>, &[Expr<'g>]) -> Vec<Expr<'g>>,
) -> Out<'g> {
    let n = (c.inputs.len() - 2) / kinds;
    let (rate, first) = (c.x(0)?.e, c.x(2)?);
    let t = c.x(1)?.e.cast(first.e.dtype());
    let mut results: Vec<Vec<Expr<'g>>> = vec![vec![]; kinds - 1];
    for i in 0..n {
        let values = (0..kinds).map(|k| Ok(c.x(2 + k * n + i)?.e)).collect::<Result<Vec<_>, String>>()?;
        for (list, e) in results.iter_mut().zip(f(c, rate, t, &values)) {
            list.push(e);
        }
    }
    Ok(results.into_iter().flatten().map(|e| X::new(e, first.ty).like(e)).collect())
}
