//! Newton-CG: Newton's direction by conjugate gradients on Hessian-vector products, as far as needed.

use dl_backends::Session;
use dl_core::TensorRef;

use crate::error::{Error, Result};
use crate::full_batch::descent::{Limits, Report, descend};
use crate::full_batch::objective::{Objective, Point, Problem};
use crate::full_batch::{add_scaled, dot, tolerance};

/// Newton's method with truncated conjugate gradients and a line search for the strong Wolfe
/// conditions.
///
/// Each direction solves `H·d = -g` to a residual of `min(½, √‖g‖)·‖g‖`, which makes convergence
/// superlinear, and turns to what it has where the curvature is not positive. The Hessian is never
/// formed.
///
/// Nocedal, Wright: "Numerical optimization", 2006, algorithm 7.1.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use dl_backends::{Cpu, Session};
/// use dl_core::{F64, Graph, Init};
/// use dl_train::{NewtonCg, Objective};
/// let g = Graph::new();
/// let (x, y) = (g.parameter("x", F64, (), Init::Zeros), g.parameter("y", F64, (), Init::Zeros));
/// let rosenbrock = (1.0 - x).square() + 100.0 * (y - x.square()).square();
/// let mut session = Session::new(Cpu::default(), 7);
/// let objective = Objective::with_products(&mut session, rosenbrock)?;
/// let report = NewtonCg::new().minimize(&mut session, &objective, &[])?;
/// assert!(report.gradient < 1e-8 && (session.get("y")?.item()? - 1.0).abs() < 1e-8);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct NewtonCg {
    iterations: usize,
    products: usize,
    gradient: f64,
}

impl Default for NewtonCg {
    fn default() -> Self {
        NewtonCg::new()
    }
}

impl NewtonCg {
    /// At most 100 iterations of at most 100 products, until no element of the gradient is larger than
    /// 10⁻⁸.
    pub fn new() -> NewtonCg {
        NewtonCg { iterations: 100, products: 100, gradient: 1e-8 }
    }

    /// At most so many iterations.
    pub fn iterations(self, iterations: usize) -> NewtonCg {
        NewtonCg { iterations, ..self }
    }

    /// At most so many Hessian-vector products in an iteration.
    pub fn products(self, products: usize) -> NewtonCg {
        NewtonCg { products, ..self }
    }

    /// Stops where no element of the gradient is larger.
    pub fn gradient(self, tolerance: f64) -> NewtonCg {
        NewtonCg { gradient: tolerance, ..self }
    }

    /// Minimizes from the session's parameters on, and leaves the best ones there.
    ///
    /// # Errors
    /// When the objective was compiled without products, the tolerance is negative or no number, an input
    /// does not fit, the device refuses, or the objective or its gradient is not finite at the start. The parameters are then as before, or
    /// the best found.
    pub fn minimize(
        &self,
        session: &mut Session,
        objective: &Objective,
        inputs: &[(&str, TensorRef<'_>)],
    ) -> Result<Report> {
        tolerance("newton-cg with gradient tolerance", self.gradient)?;
        let mut problem = Problem::new(session, objective, inputs);
        if !problem.has_products() {
            return Err(Error::value(
                "newton-cg needs hessian-vector products: see Objective::with_products",
            ));
        }
        let limits = Limits {
            iterations: self.iterations,
            evaluations: usize::MAX,
            gradient: self.gradient,
            change: 0.0,
            // Near the minimum a Newton step gains less than the objective's last digit.
            noise: 4.0 * f64::EPSILON,
        };
        descend(&mut problem, limits, |problem, at| Ok((self.direction(problem, at)?, 1.0)))
    }

    /// `d` with `H·d ≈ -g`, by conjugate gradients from 0.
    fn direction(&self, problem: &mut Problem<'_>, at: &Point) -> Result<Vec<f64>> {
        problem.place(&mut at.x.clone())?;
        let mut d = vec![0.0; at.x.len()];
        let mut residual = at.gradient.clone();
        let mut p: Vec<f64> = residual.iter().map(|x| -x).collect();
        let mut square = dot(&residual, &residual);
        let enough = square.sqrt().sqrt().min(0.5) * square.sqrt();
        for i in 0..self.products {
            let hp = problem.product(&p)?;
            let curvature = dot(&p, &hp);
            if !(curvature > 0.0 && curvature.is_finite()) {
                return Ok(if i == 0 { p } else { d });
            }
            let alpha = square / curvature;
            add_scaled(&mut d, alpha, &p);
            add_scaled(&mut residual, alpha, &hp);
            let next = dot(&residual, &residual);
            if next.sqrt() <= enough {
                break;
            }
            let beta = next / square;
            p.iter_mut().zip(&residual).for_each(|(p, r)| *p = beta * *p - r);
            square = next;
        }
        Ok(d)
    }
}
