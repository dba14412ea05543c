//! What is computed of a row of exponentials, each part once.

use crate::graph::Expr;
use crate::stable::{self, Shift};

/// A row `x` along axes, and what its logarithms and weights are made of.
pub(super) struct Parts<'g> {
    /// `x - max x`, or `x` where the author took the maximum off.
    shifted: Expr<'g>,
    /// `exp(shifted)`.
    pub(super) powers: Expr<'g>,
    /// `max x`; nothing where the author took it off.
    max: Option<Expr<'g>>,
    /// `Σ powers - 1`.
    rest: Expr<'g>,
    /// `Σ powers`, not 0.
    total: Expr<'g>,
    kept: Vec<usize>,
}

impl<'g> Parts<'g> {
    /// Of `x` along `axes`, of which the author may have taken the maximum. Where only weights are asked for,
    /// the total is what it is; otherwise it is 1 and the rest.
    pub(super) fn new(x: Expr<'g>, axes: &[usize], is_shifted: bool, only_weights: bool) -> Self {
        let kept = (0..x.shape().rank()).filter(|a| !axes.contains(a)).collect();
        let (shifted, powers, max, safe_total) = if is_shifted {
            (x, x.exp(), None, x.exp().sum(axes.to_vec()))
        } else {
            let shift = Shift::by(x.max(axes.to_vec()), x, axes.to_vec());
            (shift.shifted, shift.weights, Some(shift.max), shift.safe_total)
        };
        let rest = stable::rest(shifted, axes);
        let total = if only_weights { safe_total } else { 1.0 + rest };
        Parts { shifted, powers, max, rest, total, kept }
    }

    fn wide(&self, narrow: Expr<'g>) -> Expr<'g> {
        narrow.broadcast_along(&self.kept, &self.shifted.shape())
    }

    /// `log Σ exp(x)`.
    pub(super) fn log_sum(&self) -> Expr<'g> {
        let log = self.rest.log1p();
        self.max.map_or(log, |max| log + max)
    }

    /// `log softmax(x)`.
    pub(super) fn logs(&self) -> Expr<'g> {
        self.shifted - self.wide(self.rest.log1p())
    }

    /// `softmax(x)`.
    pub(super) fn weights(&self) -> Expr<'g> {
        self.powers / self.wide(self.total)
    }

    /// The same times a factor for each row, which meets the total before both are repeated.
    pub(super) fn share(&self, factor: Option<Expr<'g>>) -> Expr<'g> {
        factor.map_or_else(|| self.weights(), |factor| self.powers * self.wide(factor / self.total))
    }

    /// `from ± share/total`, or its opposite. Where the largest weight is nearly 1, what it is less than 1 is
    /// what the others add: `y - w·z/(1 + t)` is `((y - w·z) + y·t)/(1 + t)`, where the largest `w` is 1. Whether
    /// `from` is known to be finite comes with it.
    pub(super) fn difference(
        &self,
        (from, finite): (Expr<'g>, bool),
        share: Expr<'g>,
        adds: bool,
        is_opposite: bool,
    ) -> Expr<'g> {
        let left = from * self.wide(self.rest);
        // Where there are no others, nothing is left of an infinity either.
        let left = if finite { left } else { from.is_finite().select(left, 0.0) };
        let sum = match (adds, is_opposite) {
            (true, _) => (from + share) + left,
            (false, false) => (from - share) + left,
            (false, true) => (share - from) - left,
        };
        sum / self.wide(self.total)
    }
}

/// What is computed of a row of which nothing is asked but its label's probability.
pub(super) struct Label<'g> {
    labels: Expr<'g>,
    /// The logarithm of `(1 - p)/p`.
    pub(super) odds: Expr<'g>,
    /// All but the label.
    others: Shift<'g>,
}

impl<'g> Label<'g> {
    /// Of rows along the last axis.
    pub(super) fn new(x: Expr<'g>, labels: Expr<'g>) -> Self {
        let (others, last) = (stable::others(x, labels), x.shape().rank() - 1);
        let others = Shift::by(others.max(vec![last]), others, vec![last]);
        Label { labels, odds: stable::against(x, labels, &others), others }
    }

    /// `u·(one_hot(label) - softmax(x))` or its opposite: what the label lacks, from which the others have
    /// their parts.
    pub(super) fn residual(&self, updates: Expr<'g>, is_opposite: bool) -> Expr<'g> {
        let shape = self.others.weights.shape();
        let last = shape.rank() - 1;
        let lacks = updates * self.odds.sigmoid();
        let hot = lacks.scatter_add(last, last, self.labels, &shape);
        let kept: Vec<usize> = (0..last).collect();
        let parts = self.others.weights * (lacks / self.others.safe_total).broadcast_along(&kept, &shape);
        if is_opposite { parts - hot } else { hot - parts }
    }
}
