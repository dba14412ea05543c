//! Settings of optimizers: what does not fit is recorded, all of it at once.

use crate::graph::{Expr, Graph};
use crate::nn::{Gradient, LearningRate};

/// The settings of one optimizer, being checked.
pub(super) struct Settings<'g> {
    graph: &'g Graph,
    optimizer: &'static str,
    fit: bool,
}

impl<'g> Settings<'g> {
    pub(super) fn of(optimizer: &'static str, graph: &'g Graph) -> Self {
        Settings { graph, optimizer, fit: true }
    }

    pub(super) fn rate(self, rate: &LearningRate) -> Self {
        let need = rate.need();
        self.needs(need.is_none(), &format!("with learning rate {rate:?}: {}", need.unwrap_or_default()))
    }

    pub(super) fn at_least_0(self, what: &str, value: f64) -> Self {
        self.needs(at_least_0(value), &format!("with {what} {value}: at least 0 is needed"))
    }

    pub(super) fn above_0(self, what: &str, value: f64) -> Self {
        self.needs(value > 0.0, &format!("with {what} {value}: more than 0 is needed"))
    }

    /// The fraction of the old in a running mean that never forgets where it is 1.
    pub(super) fn fraction(self, what: &str, value: f64) -> Self {
        let fits = (0.0..=1.0).contains(&value);
        self.needs(fits, &format!("with {what} {value}: a number in [0, 1] is needed"))
    }

    pub(super) fn betas(self, betas: (f64, f64)) -> Self {
        let below_1 = |x: f64| (0.0..1.0).contains(&x);
        let fit = below_1(betas.0) && below_1(betas.1);
        self.needs(fit, &format!("with betas {betas:?}: numbers in [0, 1) are needed"))
    }

    pub(super) fn needs(self, holds: bool, otherwise: &str) -> Self {
        if !holds {
            self.graph.fail(format!("{} {otherwise}", self.optimizer));
        }
        Settings { fit: self.fit && holds, ..self }
    }

    /// Whether nothing was recorded.
    pub(super) fn fit(self) -> bool {
        self.fit
    }

    /// The updates for each parameter by itself; none where a setting does not fit.
    pub(super) fn each(
        self,
        gradients: &[Gradient<'g>],
        update: impl FnMut(&Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)>,
    ) -> Vec<(Expr<'g>, Expr<'g>)> {
        if self.fit { gradients.iter().flat_map(update).collect() } else { vec![] }
    }
}

/// True for what may be a factor: neither negative nor infinite nor NaN.
pub(in crate::nn) fn at_least_0(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

#[cfg(test)]
mod tests {
    use crate::nn::*;
    use crate::testing::faults;
    use crate::{F64, Graph};
    use expect_test::{Expect, expect};

    fn check(optimizer: impl Optimizer, want: Expect) {
        let g = Graph::new();
        l2(g.parameter("w", F64, [2], Init::Zeros)).minimize(optimizer).unwrap_err();
        want.assert_eq(&faults(&g));
    }

    #[test]
    fn settings_are_checked_together() {
        check(
            Sgd::new(-0.1).momentum(f64::NAN).nesterov(),
            expect![[r#"
                sgd with learning rate -0.1: at least 0 is needed
                sgd with momentum NaN: at least 0 is needed
                sgd in nesterov's form needs momentum and no dampening"#]],
        );
        check(
            Sgd::new(0.1).momentum(0.9).dampening(0.1).nesterov(),
            expect!["sgd in nesterov's form needs momentum and no dampening"],
        );
        check(
            Sgd::new(0.1).dampening(f64::INFINITY).weight_decay(-1.0),
            expect![[r#"
                sgd with dampening inf
                sgd with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Adagrad::new(-1.0).rate_decay(-1.0).initial_accumulator(-1.0).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                adagrad with learning rate -1: at least 0 is needed
                adagrad with decay of the rate -1: at least 0 is needed
                adagrad with initial accumulator -1: at least 0 is needed
                adagrad with eps -1: at least 0 is needed
                adagrad with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Adadelta::new(-1.0).rho(1.5).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                adadelta with learning rate -1: at least 0 is needed
                adadelta with rho 1.5: a number in [0, 1] is needed
                adadelta with eps -1: at least 0 is needed
                adadelta with weight decay -1: at least 0 is needed"#]],
        );
        check(
            RmsProp::new(-1.0).alpha(-0.5).eps(-1.0).weight_decay(-1.0).momentum(-1.0),
            expect![[r#"
                rmsprop with learning rate -1: at least 0 is needed
                rmsprop with alpha -0.5: a number in [0, 1] is needed
                rmsprop with eps -1: at least 0 is needed
                rmsprop with weight decay -1: at least 0 is needed
                rmsprop with momentum -1: at least 0 is needed"#]],
        );
        check(
            Adam::new(f64::NAN).betas(0.9, 1.0).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                adam with learning rate NaN: at least 0 is needed
                adam with betas (0.9, 1.0): numbers in [0, 1) are needed
                adam with eps -1: at least 0 is needed
                adam with weight decay -1: at least 0 is needed"#]],
        );
        check(
            AdamW::new(f64::NAN).betas(-0.1, 0.9).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                adamw with learning rate NaN: at least 0 is needed
                adamw with betas (-0.1, 0.9): numbers in [0, 1) are needed
                adamw with eps -1: at least 0 is needed
                adamw with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Adamax::new(-1.0).betas(1.0, 0.9).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                adamax with learning rate -1: at least 0 is needed
                adamax with betas (1.0, 0.9): numbers in [0, 1) are needed
                adamax with eps -1: at least 0 is needed
                adamax with weight decay -1: at least 0 is needed"#]],
        );
        check(
            NAdam::new(-1.0).betas(1.0, 0.9).eps(-1.0).weight_decay(-1.0).momentum_decay(-1.0),
            expect![[r#"
                nadam with learning rate -1: at least 0 is needed
                nadam with betas (1.0, 0.9): numbers in [0, 1) are needed
                nadam with eps -1: at least 0 is needed
                nadam with weight decay -1: at least 0 is needed
                nadam with momentum decay -1: at least 0 is needed"#]],
        );
        check(
            RAdam::new(-1.0).betas(1.0, 0.9).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                radam with learning rate -1: at least 0 is needed
                radam with betas (1.0, 0.9): numbers in [0, 1) are needed
                radam with eps -1: at least 0 is needed
                radam with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Lion::new(-1.0).betas(1.0, 0.9).weight_decay(-1.0),
            expect![[r#"
                lion with learning rate -1: at least 0 is needed
                lion with betas (1.0, 0.9): numbers in [0, 1) are needed
                lion with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Lamb::new(-1.0).betas(1.0, 0.9).eps(-1.0).weight_decay(-1.0),
            expect![[r#"
                lamb with learning rate -1: at least 0 is needed
                lamb with betas (1.0, 0.9): numbers in [0, 1) are needed
                lamb with eps -1: at least 0 is needed
                lamb with weight decay -1: at least 0 is needed"#]],
        );
        check(
            Rprop::new(-1.0).etas(1.0, 1.2).step_sizes(2.0, 1.0),
            expect![[r#"
                rprop with first step -1: at least 0 is needed
                rprop with etas (1.0, 1.2): 0 < minus < 1 < plus is needed
                rprop with step sizes (2.0, 1.0): 0 ≤ least ≤ most is needed"#]],
        );
    }

    #[test]
    fn what_holds_another_optimizer_checks_its_own_and_lets_it_check() {
        check(
            ClipNorm::new(0.0, Sgd::new(-1.0)),
            expect![[r#"
            clipping with norm 0: more than 0 is needed
            sgd with learning rate -1: at least 0 is needed"#]],
        );
        check(
            ClipValue::new(f64::NAN, ClipNorm::new(-1.0, Sgd::new(0.1))),
            expect![[r#"
            clipping with value NaN: more than 0 is needed
            clipping with norm -1: more than 0 is needed"#]],
        );
    }

    #[test]
    fn schedules_are_checked() {
        check(
            Sgd::new(Schedule::step(0.1, 0, 0.5)),
            expect![
                "sgd with learning rate Step { from: 0.1, every: 0, gamma: 0.5 }: at least 1 step is needed"
            ],
        );
        check(
            Sgd::new(Schedule::exponential(0.1, -0.5)),
            expect![
                "sgd with learning rate Exponential { from: 0.1, gamma: -0.5 }: rates and factors of at least 0 are needed"
            ],
        );
        check(
            Sgd::new(Schedule::cosine_restarts(0.1, 0.0, 10, 0)),
            expect![
                "sgd with learning rate CosineRestarts { from: 0.1, to: 0.0, steps: 10, factor: 0 }: at least 1 step is needed"
            ],
        );
        check(
            Adam::new(Schedule::linear(0.0, 0.1, 10).then(10, f64::NAN)),
            expect![
                "adam with learning rate Then { first: Linear { from: 0.0, to: 0.1, steps: 10 }, at: 10, second: NaN }: rates and factors of at least 0 are needed"
            ],
        );
        check(
            Sgd::new(OneCycle::new(0.1, 0)),
            expect![
                "sgd with learning rate OneCycle { max: 0.1, steps: 0, rise: 0.3, divisors: (25.0, 10000.0), linear: false, three_phases: false }: at least 1 step is needed"
            ],
        );
        check(
            Sgd::new(OneCycle::new(0.1, 10).rise(1.5)),
            expect![
                "sgd with learning rate OneCycle { max: 0.1, steps: 10, rise: 1.5, divisors: (25.0, 10000.0), linear: false, three_phases: false }: a rise of at most all steps is needed"
            ],
        );
        check(
            Sgd::new(OneCycle::new(0.1, 10).divisors(0.0, 1.0)),
            expect![
                "sgd with learning rate OneCycle { max: 0.1, steps: 10, rise: 0.3, divisors: (0.0, 1.0), linear: false, three_phases: false }: a rate of at least 0 and divisors above it are needed"
            ],
        );
    }
}
