//! Selection by indices, made of gather, scatter and sorting: the largest elements, elements along an
//! axis, and arrays with some of their elements replaced.

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Axes, Expr};
use crate::ops::{Op, Order, Scatter};
use crate::shape::Shape;

impl<'g> Expr<'g> {
    /// The first `k` elements in `order` along `axis`, and their indices (`i64`): with
    /// [`Order::Descending`] the largest ones, largest first. Of equal elements the earlier comes first;
    /// NaN comes last. The gradient of the values goes to the elements chosen.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or it has fewer than `k` elements.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr, ops::Order};
    /// let g = Graph::new();
    /// let x = g.literal(Tensor::vector(vec![3.0, 1.0, 4.0, 1.5]));
    /// let (values, indices) = x.top_k(2, 0, Order::Descending);
    /// assert_eq!(eval_expr(values, &[])?.to_f64(), [4.0, 3.0]);
    /// assert_eq!(eval_expr(indices, &[])?.to_f64(), [2.0, 0.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn top_k(self, k: usize, axis: isize, order: Order) -> (Expr<'g>, Expr<'g>) {
        let shape = self.shape();
        let axis = match axis.resolve(shape.rank()) {
            Ok(axes) => axes[0],
            Err(message) => {
                let poison = self.fail(format!("top_k {message} of {shape}"));
                return (poison, poison);
            }
        };
        if shape[axis].size().is_some_and(|n| n < k) {
            let poison = self.fail(format!("the first {k} of {} along axis {axis} of {shape}", shape[axis]));
            return (poison, poison);
        }
        let indices = self.argsort(axis as isize, order).slice(axis, 0, k);
        (self.take_along_axis(axis as isize, indices), indices)
    }

    /// At each place the element of `self` that the index (`i64`) there names along `axis`; along the
    /// other axes, `indices` has the shape of `self` and goes in step. The result has the shape of
    /// `indices`. An index outside the axis is an error of the run.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or the other axes differ.
    #[track_caller]
    pub fn take_along_axis(self, axis: isize, indices: Expr<'g>) -> Expr<'g> {
        let indices = self.beside(indices);
        match self.in_step("take_along_axis", axis, indices) {
            Ok(swap) => {
                let last = swap.len() - 1;
                self.permute(&swap).gather_in_step(last, last, indices.permute(&swap)).permute(&swap)
            }
            Err(poison) => poison,
        }
    }

    /// A copy of `self` in which the slices at `indices` (`i64`, one axis or more) along `axis` are
    /// combined with `updates`, which have the shape that [`gather`](Expr::gather) by the indices gives:
    /// [`Scatter::Set`] replaces them (of several updates of one place, the last in row-major order
    /// stands), the others add or take the extreme. An index outside the axis is an error of the run.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or types or shapes do not fit.
    ///
    /// ```
    /// use dl_core::{F64, Graph, I64, Tensor, interp::eval_expr, ops::Scatter};
    /// let g = Graph::new();
    /// let x = g.full(F64, [4], 1.0);
    /// let i = g.literal(Tensor::vector(vec![2i64, 0, 2]));
    /// let set = x.scatter(Scatter::Set, 0, i, g.literal(Tensor::vector(vec![5.0, 6.0, 7.0])));
    /// assert_eq!(eval_expr(set, &[])?.to_f64(), [6.0, 1.0, 7.0, 1.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn scatter(self, kind: Scatter, axis: isize, indices: Expr<'g>, updates: Expr<'g>) -> Expr<'g> {
        let (indices, updates) = (self.beside(indices), self.beside(updates));
        match axis.resolve(self.shape().rank()) {
            Ok(axes) => self.combined(kind, (axes[0], 0), indices, updates),
            Err(message) => self.fail(format!("scatter {message} of {}", self.shape())),
        }
    }

    /// A copy of `self` in which the elements that the indices name along `axis` are combined with
    /// `updates`: the counterpart of [`take_along_axis`](Expr::take_along_axis), by whose rules shapes
    /// fit. `updates` has the shape of `indices`.
    ///
    /// # Errors
    /// As for [`scatter`](Expr::scatter).
    #[track_caller]
    pub fn scatter_along_axis(
        self,
        kind: Scatter,
        axis: isize,
        indices: Expr<'g>,
        updates: Expr<'g>,
    ) -> Expr<'g> {
        let (indices, updates) = (self.beside(indices), self.beside(updates));
        if indices.shape() != updates.shape() && !indices.is_poison() && !updates.is_poison() {
            let shapes = format!("indices {} and updates {}", indices.shape(), updates.shape());
            return self.fail(format!("scatter_along_axis by {shapes}: shapes differ"));
        }
        match self.in_step("scatter_along_axis", axis, indices) {
            Ok(swap) => {
                let last = swap.len() - 1;
                let (indices, updates) = (indices.permute(&swap), updates.permute(&swap));
                self.permute(&swap).combined(kind, (last, last), indices, updates).permute(&swap)
            }
            Err(poison) => poison,
        }
    }

    /// The elements or slices at `indices`, one array (`i64`) for each of the first axes; the arrays
    /// broadcast, and their shape stands in place of those axes: `x.index(&[i, j])` is `x[i, j]` of
    /// NumPy. An index outside its axis is an error of the run.
    ///
    /// # Errors
    /// Recorded when there are more arrays than axes, or they do not broadcast.
    #[track_caller]
    pub fn index(self, indices: &[Expr<'g>]) -> Expr<'g> {
        match self.flat(indices) {
            Ok((flat, place)) => flat.gather(0, place),
            Err(message) => self.fail(format!("index {message}")),
        }
    }

    /// A copy of `self` in which the elements or slices at `indices`, as [`index`](Expr::index) names
    /// them, are combined with `updates`, which broadcast to the shape that `index` gives.
    ///
    /// # Errors
    /// As for [`index`](Expr::index) and [`scatter`](Expr::scatter).
    #[track_caller]
    pub fn index_put(self, kind: Scatter, indices: &[Expr<'g>], updates: Expr<'g>) -> Expr<'g> {
        let updates = self.beside(updates);
        match self.flat(indices) {
            Ok((flat, place)) => {
                let wanted = flat.gather(0, place).shape();
                flat.combined(kind, (0, 0), place, updates.broadcast_to(&wanted)).reshape(self.shape())
            }
            Err(message) => self.fail(format!("index_put {message}")),
        }
    }

    /// The axes that indices name as one, and the place in it of each tuple of them.
    #[track_caller]
    fn flat(self, indices: &[Expr<'g>]) -> Result<(Expr<'g>, Expr<'g>), String> {
        let shape = self.shape();
        let indices = self.beside_all(indices);
        if indices.is_empty() || indices.len() > shape.rank() {
            return Err(format!("of {shape} by {} arrays: from one to one for each axis", indices.len()));
        }
        let common = indices.iter().try_fold(Shape::scalar(), |s, i| s.broadcast(&i.shape()))?;
        let (front, rest) = shape.split_at(indices.len());
        let mut place = self.graph().full(DType::I64, common.clone(), 0.0);
        for (axis, index) in indices.iter().enumerate() {
            if index.dtype() != DType::I64 && !index.is_poison() {
                return Err(format!("needs i64 indices, got {}: cast them", index.dtype()));
            }
            let size = self.graph().extent(DType::I64, front[axis].clone());
            // An index outside its own axis must not become one inside of another row.
            let inside = index.ge(0.0).and(index.lt(size));
            let own = inside.select(*index, -1.0);
            let next = place * size + own;
            place = (place.lt(0.0)).or(!inside).broadcast_to(&common).select(-1.0, next);
        }
        let count = front.iter().fold(Dim::Size(1), |n, d| &n * d);
        let flat: Shape = [count].into_iter().chain(rest.iter().cloned()).collect();
        Ok((self.reshape(flat), place))
    }

    /// [`Op::Gather`] whose first `batch` axes go in step.
    #[track_caller]
    pub(crate) fn gather_in_step(self, axis: usize, batch: usize, indices: Expr<'g>) -> Expr<'g> {
        self.apply(Op::Gather { axis, batch }, &[indices])
    }

    /// `self` combined with updates at the indices.
    #[track_caller]
    fn combined(
        self,
        kind: Scatter,
        (axis, batch): (usize, usize),
        indices: Expr<'g>,
        updates: Expr<'g>,
    ) -> Expr<'g> {
        let shape = self.shape();
        if updates.dtype() != self.dtype() && !updates.is_poison() && !self.is_poison() {
            return self.fail(format!("scatter of {} into {}: cast one", updates.dtype(), self.dtype()));
        }
        let scattered = updates.scattered(kind, (axis, batch), indices, &shape);
        match kind {
            _ if scattered.is_poison() => scattered,
            Scatter::Add => self + scattered,
            Scatter::Max => self.maximum(scattered),
            Scatter::Min => self.minimum(scattered),
            Scatter::Set => {
                // Where an index leads: along the batch axes and the axis alone.
                let line: Shape = shape[..batch].iter().chain([&shape[axis]]).cloned().collect();
                let ones = self.graph().full(DType::I64, indices.shape(), 1.0);
                let hit = ones.scatter_add(batch, batch, indices, &line).gt(0.0);
                let axes: Vec<usize> = (0..batch).chain([axis]).collect();
                hit.broadcast_along(&axes, &shape).select(scattered, self)
            }
        }
    }

    /// The order of axes that swaps `axis` with the last one, if `indices` goes in step along the others.
    #[track_caller]
    fn in_step(self, what: &str, axis: isize, indices: Expr<'g>) -> Result<Vec<usize>, Expr<'g>> {
        if self.is_poison() || indices.is_poison() {
            return Err(self.graph().poison());
        }
        let (shape, own) = (self.shape(), indices.shape());
        let axis = match axis.resolve(shape.rank()) {
            Ok(axes) => axes[0],
            Err(message) => return Err(self.fail(format!("{what} {message} of {shape}"))),
        };
        if own.rank() != shape.rank() || shape.without(&[axis]) != own.without(&[axis]) {
            return Err(
                self.fail(format!("{what} of {shape} along axis {axis} by {own}: the other axes must agree"))
            );
        }
        let mut swap: Vec<usize> = (0..shape.rank()).collect();
        swap.swap(axis, shape.rank() - 1);
        Ok(swap)
    }
}
