//! Directional derivatives: forward mode, vector-Jacobian and Hessian-vector products from gradients.

use crate::graph::Expr;
use crate::ops::Op;

impl<'g> Expr<'g> {
    /// The derivative of `self`, of any shape, as `wrt` moves along `tangents`, which are constant in
    /// this: forward mode. Like [`grad`](Expr::grad) it is a request, resolved after the passes have
    /// made `self` stable, and can be differentiated again.
    ///
    /// The product with the Jacobian is the transpose of the product with its transpose, so this
    /// differentiates the reverse sweep by its cotangent, in which it is linear; nothing of the
    /// sweep is left in the result. Number, shapes or element types that do not fit are recorded as
    /// a mistake at the caller's line.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, [2]);
    /// let tangent = (x * x).jvp(&[x], &[g.full(F64, [2], 1.0)]);
    /// let value = eval_expr(tangent, &[("x", Tensor::vector(vec![3.0, 5.0]))])?;
    /// assert_eq!(value.to_f64(), [6.0, 10.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn jvp(self, wrt: &[Expr<'g>], tangents: &[Expr<'g>]) -> Expr<'g> {
        let (wrt, tangents) = (&self.beside_all(wrt)[..], &self.beside_all(tangents)[..]);
        if let Some(wrong) = misfit(self, wrt, tangents) {
            return self.graph().fail(wrong);
        }
        let graph = self.graph();
        let zeros = graph.full(self.dtype(), self.shape(), 0.0);
        let cotangent = zeros.apply(Op::Variable(graph.next_variable()), &[]);
        let gradients = (self * cotangent).sum(..).grad(wrt);
        along(graph.constant(self.dtype(), 0.0), &gradients, tangents).grad(&[cotangent])[0]
    }

    /// The gradients of `(self · cotangent).sum()`, where `cotangent`, of the shape of `self`, is
    /// constant: what reverse mode computes.
    #[track_caller]
    pub fn vjp(self, wrt: &[Expr<'g>], cotangent: Expr<'g>) -> Vec<Expr<'g>> {
        let (wrt, cotangent) = (&self.beside_all(wrt)[..], self.beside(cotangent));
        if let Some(wrong) = misfit(self, &[self], &[cotangent]) {
            return vec![self.graph().fail(wrong); wrt.len()];
        }
        let (value, variables) = self.graph().independent(self, wrt);
        requests((value * cotangent).sum(..), &variables)
    }

    /// The products of the Hessian of `self`, a float scalar, with `directions`, which are constant
    /// in this: one expression per `wrt`, the derivative of its gradient along all directions.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let (x, v) = (g.input("x", F64, [2]), g.input("v", F64, [2]));
    /// let product = (x * x * x).sum(..).hvp(&[x], &[v])[0];
    /// let (at, along) = (Tensor::vector(vec![1.0, 2.0]), Tensor::vector(vec![1.0, 10.0]));
    /// assert_eq!(eval_expr(product, &[("x", at), ("v", along)])?.to_f64(), [6.0, 120.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn hvp(self, wrt: &[Expr<'g>], directions: &[Expr<'g>]) -> Vec<Expr<'g>> {
        let (wrt, directions) = (&self.beside_all(wrt)[..], &self.beside_all(directions)[..]);
        if let Some(wrong) = misfit(self, wrt, directions) {
            return vec![self.graph().fail(wrong); wrt.len()];
        }
        let (value, variables) = self.graph().independent(self, wrt);
        let gradients = requests(value, &variables);
        let slope = along(self.graph().constant(self.dtype(), 0.0), &gradients, directions);
        requests(slope, &variables)
    }
}

// Loops in what follows, since a closure does not know the caller's line.

#[track_caller]
fn requests<'g>(objective: Expr<'g>, variables: &[Expr<'g>]) -> Vec<Expr<'g>> {
    let mut gradients = Vec::with_capacity(variables.len());
    for v in variables {
        gradients.push(objective.apply(Op::Grad, &[*v]));
    }
    gradients
}

/// The scalar product of gradients and directions, in the element type of `zero`.
#[track_caller]
fn along<'g>(zero: Expr<'g>, gradients: &[Expr<'g>], directions: &[Expr<'g>]) -> Expr<'g> {
    let mut sum = None;
    for (g, v) in gradients.iter().zip(directions) {
        let term = (*g * *v).sum(..).cast(zero.dtype());
        sum = match sum {
            Some(sum) => Some(sum + term),
            None => Some(term),
        };
    }
    sum.unwrap_or(zero)
}

fn misfit<'g>(of: Expr<'g>, wrt: &[Expr<'g>], directions: &[Expr<'g>]) -> Option<String> {
    if !of.is_poison() && !of.dtype().is_float() {
        return Some(format!("derivative of {}: only floats have derivatives", of.dtype()));
    }
    if wrt.len() != directions.len() {
        return Some(format!("{} directions for {} values", directions.len(), wrt.len()));
    }
    wrt.iter().zip(directions).filter(|(x, v)| !x.is_poison() && !v.is_poison()).find_map(|(x, v)| {
        let fits = x.shape() == v.shape() && x.dtype() == v.dtype();
        (!fits).then(|| {
            format!(
                "direction {} {} for a value {} {}: both must agree",
                v.dtype(),
                v.shape(),
                x.dtype(),
                x.shape()
            )
        })
    })
}
