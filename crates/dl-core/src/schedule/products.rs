//! Recognition of contractions that are matrix products.

use crate::ops::{Contraction, Op};
use crate::plan::{Plan, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Matrices, RowArgument, Target, value_of};
use crate::schedule::{Along, BufferId, Factor, Product, Sizes, Source, StepId};

impl Draft<'_> {
    /// Rows by a whole matrix, if the contraction is that: the letters that both have are summed, and the
    /// others stand in the result as they stand in the operands, first the rows'.
    pub(super) fn by_whole(&mut self, spec: &Contraction, step: &Step) -> Result<Option<Matrices>, String> {
        let (left, right) = (value_of(step, 0), value_of(step, 1));
        let (x, w, x_letters, w_letters) = match (self.is_rows(left), self.is_rows(right)) {
            (true, false) => (left, right, &spec.lhs, &spec.rhs),
            (false, true) => (right, left, &spec.rhs, &spec.lhs),
            _ => return Ok(None),
        };
        let dtype = self.plan.value(step.result).dtype;
        // Rows stay in place: only letters that the left operand ends with are summed.
        let kept = x_letters.iter().take_while(|l| spec.out.contains(l)).count();
        let ends = x_letters[kept..].iter().all(|l| !spec.out.contains(l))
            && spec.out.starts_with(&x_letters[..kept]);
        let found = matrix((x_letters, self.row(x)), (w_letters, self.row(w)), &spec.out);
        let Some(Matrix { sizes, right, .. }) = found.filter(|_| dtype.is_float() && ends) else {
            return Ok(None);
        };
        let left = self.dense(x)?;
        Ok(Some(Matrices {
            step: self.step,
            dtype,
            sizes,
            along: Along::M,
            left: (left, (sizes.k, 1)),
            right: (RowArgument::Buffer(self.held(w)), right),
            out: Target::Row(left),
        }))
    }

    /// Rows by rows into a whole value, if the contraction is one matrix product: common letters come first
    /// and are summed, the others are the rows and columns of the result.
    pub(super) fn by_rows(
        &mut self,
        spec: &Contraction,
        step: &Step,
        out: BufferId,
    ) -> Result<Option<Matrices>, String> {
        let (mut left, mut right) = (value_of(step, 0), value_of(step, 1));
        let dtype = self.plan.value(step.result).dtype;
        let common =
            spec.lhs.iter().zip(&spec.rhs).take_while(|(a, b)| a == b && !spec.out.contains(a)).count();
        let (rows, columns) = (&spec.lhs[common..], &spec.rhs[common..]);
        let straight = [rows, columns].concat() == spec.out;
        let crossed = [columns, rows].concat() == spec.out;
        if !dtype.is_float() || common == 0 || !(straight || crossed) {
            return Ok(None);
        }
        if !straight {
            (left, right) = (right, left);
        }
        let (x, y) = (self.row(left), self.row(right));
        let k = x[..common].iter().product();
        let (m, n) = (x[common..].iter().product(), y[common..].iter().product());
        let (a, b) = (self.dense(left)?, self.dense(right)?);
        Ok(Some(Matrices {
            step: self.step,
            dtype,
            sizes: Sizes { m, k, n },
            along: Along::K,
            left: (a, (1, m)),
            right: (RowArgument::Row(b), (n, 1)),
            out: Target::Fold(out),
        }))
    }
}

/// A product of whole values, if the contraction is one.
pub(super) fn whole(
    plan: &Plan,
    (id, step): (StepId, &Step),
    shape: impl Fn(ValueId) -> Vec<usize>,
    mut buffer: impl FnMut(ValueId) -> BufferId,
) -> Option<Product> {
    let Op::Contract(spec) = &step.op else { return None };
    let (left, right) = (value_of(step, 0), value_of(step, 1));
    let (x, y) = (shape(left), shape(right));
    // The operand whose letters come first in the result is the left one.
    let straight = matrix((&spec.lhs, &x), (&spec.rhs, &y), &spec.out).map(|m| (m, left, right));
    let crossed = || matrix((&spec.rhs, &y), (&spec.lhs, &x), &spec.out).map(|m| (m, right, left));
    let (matrix, left, right) = straight.or_else(crossed)?;
    let dtype = plan.value(step.result).dtype;
    if !dtype.is_float() {
        return None;
    }
    let mut factor = |value: ValueId, (row, column): (usize, usize)| Factor {
        source: Source::Buffer(buffer(value)),
        row,
        column,
    };
    let (left, right) = (factor(left, matrix.left), factor(right, matrix.right));
    Some(Product {
        step: id,
        dtype,
        sizes: matrix.sizes,
        along: Along::Nothing,
        left,
        right,
        out: Some(buffer(step.result)),
        epilogue: None,
    })
}

/// A contraction as a matrix product: its sizes, and the operands' distances between rows and columns.
struct Matrix {
    sizes: Sizes,
    left: (usize, usize),
    right: (usize, usize),
}

/// The product that a contraction is, of a left operand whose letters are the first of the result; none
/// where an axis goes in step through both operands and the result, or where elements lie otherwise.
fn matrix((x, x_shape): Axes<'_>, (y, y_shape): Axes<'_>, out: &[u8]) -> Option<Matrix> {
    let kept = out.iter().take_while(|l| x.contains(l)).count();
    let (rows, columns) = out.split_at(kept);
    let summed: Vec<u8> = x.iter().copied().filter(|l| !out.contains(l)).collect();
    // As many letters as are summed or columns: none of the rows goes through both operands.
    let fits = columns.iter().all(|l| y.contains(l) && !x.contains(l))
        && summed.iter().all(|l| y.contains(l))
        && y.len() == summed.len() + columns.len();
    if !fits {
        return None;
    }
    let (m, k) = (merged((x, x_shape), rows)?, merged((x, x_shape), &summed)?);
    let (down, n) = (merged((y, y_shape), &summed)?, merged((y, y_shape), columns)?);
    Some(Matrix { sizes: Sizes { m: m.0, k: k.0, n: n.0 }, left: (m.1, k.1), right: (down.1, n.1) })
}

/// Letters of an operand's axes, and their sizes.
type Axes<'a> = (&'a [u8], &'a [usize]);

/// The size of several axes taken as one, and the distance between neighbours along it, where there is one.
fn merged((letters, shape): Axes<'_>, taken: &[u8]) -> Option<(usize, usize)> {
    let distance = |axis: usize| shape[axis + 1..].iter().map(|n| (*n).max(1)).product::<usize>();
    let axes = taken.iter().map(|l| letters.iter().position(|own| own == l));
    let axes: Vec<(usize, usize)> =
        axes.map(|a| a.map(|a| (shape[a], distance(a)))).collect::<Option<_>>()?;
    let size = axes.iter().map(|(n, _)| n).product();
    let mut real = axes.iter().filter(|(n, _)| *n != 1).rev();
    let Some((mut together, first)) = real.next().copied() else {
        return Some((size, 1));
    };
    for (n, distance) in real {
        if *distance != first * together {
            return None;
        }
        together *= n;
    }
    Some((size, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spec: &str, x: &[usize], y: &[usize]) -> Option<(Sizes, [(usize, usize); 2])> {
        let spec: Contraction = spec.parse().expect("a contraction");
        let matrix = matrix((&spec.lhs, x), (&spec.rhs, y), &spec.out)?;
        Some((matrix.sizes, [matrix.left, matrix.right]))
    }

    #[test]
    fn products_are_recognised_by_their_letters() {
        let sizes = |m, k, n| Sizes { m, k, n };
        assert_eq!(of("ij,jk->ik", &[2, 3], &[3, 5]), Some((sizes(2, 3, 5), [(3, 1), (5, 1)])));
        assert_eq!(of("ij,kj->ik", &[2, 3], &[5, 3]), Some((sizes(2, 3, 5), [(3, 1), (1, 3)])));
        assert_eq!(of("ji,jk->ik", &[3, 2], &[3, 5]), Some((sizes(2, 3, 5), [(1, 2), (5, 1)])));
        assert_eq!(of("abc,cd->abd", &[2, 3, 4], &[4, 5]), Some((sizes(6, 4, 5), [(4, 1), (5, 1)])));
        assert_eq!(of("i,i->", &[3], &[3]), Some((sizes(1, 3, 1), [(1, 1), (1, 1)])));
    }

    #[test]
    fn other_contractions_are_no_products() {
        // An axis in step, and one of which only a part is summed, with the other between.
        assert_eq!(of("bij,bjk->bik", &[2, 3, 4], &[2, 4, 5]), None);
        assert_eq!(of("acb,cd->abd", &[2, 4, 3], &[4, 5]), None);
    }
}
