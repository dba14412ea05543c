//! A physics-informed network for the heat equation. Raissi, Perdikaris, Karniadakis: "Physics-informed neural
//! networks", Journal of Computational Physics 378, 2019.
//!
//! A rod of length 1 with ends at 0 degrees starts as `sin πx`; `∂u/∂t = α·∂²u/∂x²` has the solution
//! `e^(-απ²t)·sin πx`. The network is the temperature `u(x, t)`, and its loss asks for the equation inside, by
//! its own first and second derivatives, and for the values at the start and at both ends.

use std::f64::consts::PI;

use dl_backends::Session;
use dl_core::{DType, Expr, F64, Graph, Init, Named, Program, Tensor, nn};
use dl_train::{Lbfgs, Objective, Report};

/// The diffusivity α.
pub const ALPHA: f64 = 0.1;

/// Points at which the equation is asked for.
const N: Named = Named("N");
/// Points at which values are known.
const M: Named = Named("M");

/// A network `[n, 1]`, `[n, 1]` → `[n, 1]` with three hidden layers, smooth as its derivatives have to be.
fn temperature<'g>(x: Expr<'g>, t: Expr<'g>) -> Expr<'g> {
    let mut h = x.graph().concat(1, &[x, t]);
    for (i, width) in (1..).zip([24, 24, 24]) {
        h = nn::dense(h, &format!("fc{i}"), width).tanh();
    }
    nn::dense(h, "fc4", 1)
}

/// The loss: inputs `x`, `t` `[N, 1]`, and `x₀`, `t₀`, `u₀` `[M, 1]`, where the temperature is known.
pub fn loss(g: &Graph) -> Expr<'_> {
    let (x, t) = (g.input("x", F64, (N, 1)), g.input("t", F64, (N, 1)));
    let u = temperature(x, t);
    // Each point's u depends on its own x and t only, so the gradient of the sum has every point's derivative.
    let first = u.sum(..).grad(&[x, t]);
    let (u_x, u_t) = (first[0], first[1]);
    let u_xx = u_x.sum(..).grad(&[x])[0];
    let equation = (u_t - ALPHA * u_xx).square().mean(..).named("equation");
    let [x0, t0, u0] = ["x₀", "t₀", "u₀"].map(|name| g.input(name, F64, (M, 1)));
    let known = nn::mse(temperature(x0, t0), u0).mean(..).named("known");
    equation + known
}

/// What the temperature is.
pub fn solution(x: f64, t: f64) -> f64 {
    (-ALPHA * PI * PI * t).exp() * (PI * x).sin()
}

/// A network that is being fitted.
pub struct Rod {
    session: Session,
    objective: Objective,
    inputs: Vec<(&'static str, Tensor)>,
}

impl Rod {
    /// With so many points a side, on which the equation is asked for.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn new(mut session: Session, side: usize, seed: u64) -> dl_train::Result<Self> {
        let g = Graph::new();
        let objective = Objective::new(&mut session, loss(&g))?;
        let inside = Init::Uniform { low: 0.0, high: 1.0 };
        let drawn = |name: &str| inside.sample(DType::F64, &[side * side, 1], seed, name);
        let places = (0..=side).map(|i| i as f64 / side as f64);
        let start = places.clone().map(|x| [x, 0.0]);
        let ends = places.flat_map(|t| [[0.0, t], [1.0, t]]);
        let known: Vec<[f64; 2]> = start.chain(ends).collect();
        let column =
            |of: fn(&[f64; 2]) -> f64| Tensor::new::<f64>([known.len(), 1], known.iter().map(of).collect());
        let inputs = vec![
            ("x", drawn("x")?),
            ("t", drawn("t")?),
            ("x₀", column(|at| at[0])?),
            ("t₀", column(|at| at[1])?),
            ("u₀", column(|at| solution(at[0], at[1]))?),
        ];
        Ok(Rod { session, objective, inputs })
    }

    /// Minimizes the loss by L-BFGS.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn fit(&mut self, iterations: usize) -> dl_train::Result<Report> {
        let inputs: Vec<_> = self.inputs.iter().map(|(name, value)| (*name, value.view())).collect();
        Lbfgs::new().iterations(iterations).minimize(&mut self.session, &self.objective, &inputs)
    }

    /// The network's temperatures at `places`, each `[x, t]`.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn temperatures(&mut self, places: &[[f64; 2]]) -> dl_backends::Result<Vec<f64>> {
        let g = Graph::new();
        let u = temperature(g.input("x", F64, (N, 1)), g.input("t", F64, (N, 1)));
        let program = self.session.compile(&Program::builder(&g).output("u", u).compile()?)?;
        let column =
            |axis: usize| Tensor::new::<f64>([places.len(), 1], places.iter().map(|at| at[axis]).collect());
        let (x, t) = (column(0)?, column(1)?);
        Ok(self.session.run(&program, &[x.view(), t.view()])?.read("u")?.to_f64())
    }

    /// The relative error on a grid: `‖u - u*‖/‖u*‖`.
    ///
    /// # Errors
    /// What the executor refuses.
    pub fn error(&mut self) -> dl_backends::Result<f64> {
        let at = |i: usize| i as f64 / 20.0;
        let grid: Vec<[f64; 2]> = (0..=20).flat_map(|i| (0..=20).map(move |j| [at(i), at(j)])).collect();
        let found = self.temperatures(&grid)?;
        let (mut miss, mut all) = (0.0, 0.0);
        for ([x, t], u) in grid.iter().zip(found) {
            let truth = solution(*x, *t);
            miss += (u - truth) * (u - truth);
            all += truth * truth;
        }
        Ok((miss / all).sqrt())
    }
}
