//! What Adam and its relatives share: running moments of the gradient, and weight decay of two kinds.

use crate::graph::Expr;
use crate::nn::Gradient;

/// The running means `m ← β₁m + (1-β₁)g` and `v ← β₂v + (1-β₂)g²`, and how many gradients are in them.
pub(super) struct Moments<'g> {
    /// The new mean of the gradient.
    pub(super) m: Expr<'g>,
    /// The new mean of its square.
    pub(super) v: Expr<'g>,
    /// The number of this update, from 1.
    pub(super) t: Expr<'g>,
    /// The updates of their state: `{kind}.m({path})`, `{kind}.v({path})` and `{kind}.t({path})`.
    pub(super) updates: Vec<(Expr<'g>, Expr<'g>)>,
}

impl<'g> Moments<'g> {
    pub(super) fn of(
        kind: &str,
        (beta1, beta2): (f64, f64),
        of: &Gradient<'g>,
        gradient: Expr<'g>,
    ) -> Moments<'g> {
        let (old_m, old_v) = (of.state(&format!("{kind}.m")), of.state(&format!("{kind}.v")));
        let (old_t, t) = of.count(&format!("{kind}.t"));
        let m = beta1 * old_m + (1.0 - beta1) * gradient;
        let v = beta2 * old_v + (1.0 - beta2) * gradient.square();
        Moments { m, v, t, updates: vec![(old_m, m), (old_v, v), (old_t, t)] }
    }
}

/// `1 - βᵗ` as `-expm1(t·log β)`: in `f32`, `1 - 0.999` alone would lose four digits.
pub(super) fn correction(beta: f64, t: Expr<'_>) -> Expr<'_> {
    -(t * libm::log(beta)).expm1()
}

/// Weight decay `λ`: coupled, as `λθ` in the gradient, or decoupled, as `θ·(1 - αλ)` in the update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay {
    pub(super) factor: f64,
    pub(super) decoupled: bool,
}

impl Decay {
    /// The gradient, with `λθ` if that is where the decay belongs.
    pub(super) fn gradient<'g>(self, of: &Gradient<'g>) -> Expr<'g> {
        of.decayed(if self.decoupled { 0.0 } else { self.factor })
    }

    /// The parameter, shrunk at `rate` if that is where the decay belongs.
    pub(super) fn parameter<'g>(self, of: &Gradient<'g>, rate: Expr<'g>) -> Expr<'g> {
        match self {
            Decay { factor, decoupled: true } if factor != 0.0 => (1.0 - factor * rate) * of.parameter,
            _ => of.parameter,
        }
    }
}
