//! Matrix products, einsums, determinants.

use dl_core::Expr;

use crate::call::{Call, Out, one, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "MatMul" => (|| {
            let (x, y) = (c.x(0)?, c.x(1)?);
            Ok(vec![x.like(product(x.e, y.e))])
        })(),
        "MatMulInteger" => (|| {
            let shifted = |i: usize| -> Result<Expr<'g>, String> {
                let x = c.x(i)?.e;
                Ok(c.optional(i + 2)?.map_or(x, |z| x - zero_point(z.e, i)))
            };
            one(product(shifted(0)?, shifted(1)?), Ty::Int(32, true))
        })(),
        "Gemm" => (|| {
            let turned = |i: usize, name: &str| -> Result<Expr<'g>, String> {
                let e = c.x(i)?.e;
                Ok(if c.int(name, 0) == 1 { e.transpose() } else { e })
            };
            let y = turned(0, "transA")?.dot(turned(1, "transB")?) * c.float("alpha", 1.0);
            let x = c.x(0)?;
            Ok(vec![x.like(match c.optional(2)? {
                Some(bias) => y + bias.e * c.float("beta", 1.0),
                None => y,
            })])
        })(),
        "Einsum" => (|| {
            let operands = (0..c.inputs.len()).map(|i| Ok(c.x(i)?.e)).collect::<Result<Vec<_>, String>>()?;
            Ok(vec![c.x(0)?.like(c.g.einsum(&c.text("equation", ""), &operands))])
        })(),
        "Det" => (|| {
            let x = c.x(0)?;
            Ok(vec![x.like(determinant(x.e))])
        })(),
        _ => return None,
    })
}

/// NumPy's matrix product.
pub(super) fn product<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let spec = match (x.shape().rank(), y.shape().rank()) {
        (1, 1) => "j,j->",
        (1, _) => "j,...jk->...k",
        (_, 1) => "...ij,j->...i",
        _ => "...ij,...jk->...ik",
    };
    x.graph().einsum(spec, &[x, y])
}

/// A zero point of a matrix: one, or one for each row or column.
pub(super) fn zero_point<'g>(z: Expr<'g>, axis: usize) -> Expr<'g> {
    match sizes(z).as_slice() {
        [n] if *n > 1 && axis == 0 => z.reshape([*n, 1]),
        [1] => z.reshape(()),
        _ => z,
    }
}

/// By the first row, as long as matrices are small.
fn determinant(x: Expr<'_>) -> Expr<'_> {
    let rank = x.shape().rank();
    let n = sizes(x)[rank - 1];
    let outer: Vec<usize> = sizes(x)[..rank - 2].to_vec();
    if n == 1 {
        return x.reshape(outer.as_slice());
    }
    let rest = x.slice(rank - 2, 1, n);
    let mut sum = None;
    for k in 0..n {
        let minor = x.graph().concat(rank - 1, &[rest.slice(rank - 1, 0, k), rest.slice(rank - 1, k + 1, n)]);
        let first = x.slice(rank - 2, 0, 1).slice(rank - 1, k, k + 1).reshape(outer.as_slice());
        let term = first * determinant(minor) * (if k % 2 == 0 { 1.0 } else { -1.0 });
        sum = Some(sum.map_or(term, |sum| sum + term));
    }
    sum.unwrap_or(x)
}
