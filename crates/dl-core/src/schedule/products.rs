//! Recognition of contractions that are matrix products.

use crate::ops::{Contraction, Op};
use crate::plan::{Plan, Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Level, Matrices, RowArgument, Target, Work, value_of};
use crate::schedule::view::View;
use crate::schedule::{
    Along, Axes, BufferId, Factor, Operand, Overlap, Product, Sizes, Source, StepId, each,
};

impl Draft<'_> {
    /// Rows by a whole matrix, if the contraction is that: the letters that both have are summed, and the
    /// others stand in the result as rows, then columns; or the result is windows of images, which are the
    /// value beside it.
    pub(super) fn by_whole(
        &mut self,
        spec: &Contraction,
        step: &Step,
    ) -> Result<Option<(Matrices, Option<ValueId>)>, String> {
        let (left, right) = (value_of(step, 0), value_of(step, 1));
        let (x, w, x_letters, w_letters) = match (self.is_rows(left), self.is_rows(right)) {
            (true, false) => (left, right, &spec.lhs, &spec.rhs),
            (false, true) => (right, left, &spec.rhs, &spec.lhs),
            _ => return Ok(None),
        };
        let dtype = self.plan.value(step.result).dtype;
        let (rows, mut columns): (Vec<u8>, Vec<u8>) = spec.out.iter().partition(|l| x_letters.contains(l));
        let (view, images) = (self.view(x), self.readers.folded(step.result, |v| self.row(v)));
        let in_order = [&*rows, &*columns].concat() == spec.out;
        let known =
            columns.iter().all(|l| w_letters.contains(l)) && !rows.iter().any(|l| w_letters.contains(l));
        if !dtype.is_float() || !known || !(in_order || images.is_some()) {
            return Ok(None);
        }
        if let Some(images) = &images {
            sort(&mut columns, &spec.out, images);
        }
        let mut summed: Vec<u8> = x_letters.iter().copied().filter(|l| !spec.out.contains(l)).collect();
        sort(&mut summed, x_letters, &view);
        let of_x = |letters: &[u8]| view.axes(self.row(x), x_letters, letters);
        let (whole, shape) = (View::dense(w, self.row(w)), self.row(w));
        let of_w = |letters: &[u8]| whole.axes(shape, w_letters, letters).filter(|a| a.distance().is_some());
        let out_shape = self.row(step.result);
        let overlap = images.as_ref().map(|images| {
            let of_out = |letters: &[u8]| images.axes(out_shape, &spec.out, letters);
            let len = self.row(images.of).iter().product();
            Some(Overlap { rows: of_out(&rows)?, columns: of_out(&columns)?, len })
        });
        let (Some(left), Some(inner), Some(down), Some(across)) =
            (of_x(&rows), of_x(&summed), of_w(&summed), of_w(&columns))
        else {
            return Ok(None);
        };
        let sizes = Sizes { m: left.size(), k: inner.size(), n: across.size() };
        let of = self.dense(view.of)?;
        let product = Matrices {
            step: self.step,
            dtype,
            sizes,
            along: Along::M,
            left: (of, [left, inner]),
            right: (RowArgument::Buffer(self.held(w)), [down, across]),
            bias: None,
            overlap: overlap.flatten().map(Box::new),
            loops: None,
            out: Target::Row(of),
        };
        Ok(Some((product, images.map(|images| images.of))))
    }

    /// Rows by rows into a whole value, if the contraction is one matrix product: common letters are summed,
    /// the others are the rows and columns of the result, in this order.
    pub(super) fn by_rows(
        &mut self,
        spec: &Contraction,
        step: &Step,
        out: BufferId,
    ) -> Result<Option<Matrices>, String> {
        let (left, right) = (value_of(step, 0), value_of(step, 1));
        let dtype = self.plan.value(step.result).dtype;
        let crossed = spec.out.first().is_some_and(|l| !spec.lhs.contains(l));
        let (x, y, x_letters, y_letters) = match crossed {
            false => (left, right, &spec.lhs, &spec.rhs),
            true => (right, left, &spec.rhs, &spec.lhs),
        };
        let (rows, columns): (Vec<u8>, Vec<u8>) = spec.out.iter().partition(|l| x_letters.contains(l));
        let own = |l: &u8| y_letters.contains(l);
        let in_order = [&*rows, &*columns].concat() == spec.out && !rows.iter().any(own);
        if !dtype.is_float() || !in_order {
            return Ok(None);
        }
        let summed: Vec<u8> = x_letters.iter().copied().filter(own).collect();
        // Only the left operand is read as windows.
        let (view, other) = (self.view(x), View::dense(y, self.row(y)));
        let of_x = |letters: &[u8]| view.axes(self.row(x), x_letters, letters);
        let of_y = |letters: &[u8]| {
            other.axes(self.row(y), y_letters, letters).filter(|axes| axes.distance().is_some())
        };
        let (Some(down), Some(inner), Some(along), Some(across)) =
            (of_x(&rows), of_x(&summed), of_y(&summed), of_y(&columns))
        else {
            return Ok(None);
        };
        let sizes = Sizes { m: down.size(), k: inner.size(), n: across.size() };
        let (a, b) = (self.dense(view.of)?, self.dense(y)?);
        Ok(Some(Matrices {
            step: self.step,
            dtype,
            sizes,
            along: Along::K,
            left: (a, [down, inner]),
            right: (RowArgument::Row(b), [along, across]),
            bias: None,
            overlap: None,
            loops: None,
            out: Target::Fold(out),
        }))
    }

    /// A product of rows. Its result is the step's, or what that becomes: images, or a permuted value.
    pub(super) fn product(&mut self, mut product: Matrices, becomes: Option<ValueId>) -> Result<(), String> {
        let (stage, made) = (self.stage(), self.at().result);
        let mut value = becomes.unwrap_or(made);
        let biased = self.readers.biased(made).filter(|biased| {
            let known = self.batch.part(biased.sum).stage() == stage && !self.is_rows(biased.vector);
            let along = self.row(biased.vector) == [product.sizes.n]
                && biased.axis + 1 == self.row(biased.repeated).len();
            // Of a single row, the sum is an epilogue's.
            known && along && becomes.is_none() && product.loops.is_none() && product.sizes.m > 1
        });
        if let Some(biased) = biased {
            product.bias = Some(self.held(biased.vector));
            value = biased.sum;
            self.passed.extend([biased.sum, biased.repeated]);
        }
        let level = self.level(stage, &product.reads()) + 1;
        let out = self.computed(stage, product.dtype, self.row(value).iter().product(), level);
        product.out = Target::Row(out);
        self.push(Level::After(level), Work::Product(product));
        self.operands[value.index()] = Some(Operand::Register(out));
        self.values[out.index()].of = Some(value);
        if becomes.is_some() {
            self.passed.extend(self.readers.steps_to(made, value));
        }
        Ok(())
    }
}

/// Letters in the order of their distances, the largest first, so that axes go on where others end.
fn sort(letters: &mut [u8], all: &[u8], view: &View) {
    let distance = |l: &u8| all.iter().position(|own| own == l).map(|axis| view.distances[axis]);
    letters.sort_by_key(|l| std::cmp::Reverse(distance(l)));
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
    let dtype = plan.value(step.result).dtype;
    if !dtype.is_float() {
        return None;
    }
    // The operand whose letters come first in the result is the left one.
    let straight = matrix((&spec.lhs, &x), (&spec.rhs, &y), &spec.out).map(|m| (m, left, right));
    let crossed = || matrix((&spec.rhs, &y), (&spec.lhs, &x), &spec.out).map(|m| (m, right, left));
    let Some((matrix, left, right)) = straight.or_else(crossed) else {
        let batched = each::whole(spec, step, shape)?;
        let (left, right) = if batched.crossed { (right, left) } else { (left, right) };
        let mut factor = |value: ValueId, [rows, columns]: [Axes; 2]| Factor {
            source: Source::Buffer(buffer(value)),
            rows,
            columns,
        };
        return Some(Product {
            step: id,
            dtype,
            sizes: batched.sizes,
            along: Along::Nothing,
            left: factor(left, batched.left),
            right: factor(right, batched.right),
            out: Some(buffer(step.result)),
            bias: None,
            overlap: None,
            loops: Some(Box::new(batched.loops)),
            epilogue: None,
        });
    };
    let mut factor = |value: ValueId, size: (usize, usize), (row, column): (usize, usize)| Factor {
        source: Source::Buffer(buffer(value)),
        rows: Axes::plain(size.0, row),
        columns: Axes::plain(size.1, column),
    };
    let Sizes { m, k, n } = matrix.sizes;
    let (left, right) = (factor(left, (m, k), matrix.left), factor(right, (k, n), matrix.right));
    Some(Product {
        step: id,
        dtype,
        sizes: matrix.sizes,
        along: Along::Nothing,
        left,
        right,
        out: Some(buffer(step.result)),
        bias: None,
        overlap: None,
        loops: None,
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
fn matrix((x, x_shape): Lettered<'_>, (y, y_shape): Lettered<'_>, out: &[u8]) -> Option<Matrix> {
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
type Lettered<'a> = (&'a [u8], &'a [usize]);

/// The size of several axes taken as one, and the distance between neighbours along it, where there is one.
fn merged((letters, shape): Lettered<'_>, taken: &[u8]) -> Option<(usize, usize)> {
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
