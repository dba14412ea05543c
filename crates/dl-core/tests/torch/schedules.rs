//! Schedules and plateaus as PyTorch has them.

use dl_core::Tensor;
use dl_core::nn::{OneCycle, Plateau, Schedule};

use super::table::{Formula, Table, agree, formula, misfit};

fn schedule(schedule: impl Into<Schedule>) -> Formula {
    let schedule = schedule.into();
    formula(move |x| schedule.at(x["t"]))
}

#[rustfmt::skip]
#[test]
fn schedules_agree_with_pytorch() {
    let line = |from, to, steps| Schedule::linear(from, to, steps);
    let cycle = |steps| OneCycle::new(0.1, steps);
    agree(
        include_str!("schedules.json"),
        &[
            ("step", schedule(Schedule::step(0.1, 7, 0.5))),
            ("step, 49", schedule(Schedule::step(0.1, 49, 0.5))),
            ("cosine with restarts, 49", schedule(Schedule::cosine_restarts(0.1, 0.0, 49, 1))),
            ("step, each one", schedule(Schedule::step(0.1, 1, 0.0))),
            ("multi-step", schedule(Schedule::multi_step(0.1, [30, 5, 5, 41], 0.3))),
            ("exponential", schedule(Schedule::exponential(0.1, 0.9))),
            ("polynomial", schedule(Schedule::polynomial(0.1, 2.5, 40))),
            ("polynomial, power 1", schedule(Schedule::polynomial(0.1, 1.0, 40))),
            ("linear", schedule(line(0.025, 0.1, 9))),
            ("linear, falling", schedule(line(0.1, 0.0, 9))),
            ("cosine", schedule(Schedule::cosine(0.1, 0.0, 40))),
            ("cosine to a rate", schedule(Schedule::cosine(0.1, 0.01, 23))),
            ("cosine with restarts", schedule(Schedule::cosine_restarts(0.1, 0.0, 7, 1))),
            ("cosine with restarts, longer", schedule(Schedule::cosine_restarts(0.1, 0.01, 3, 2))),
            ("cosine with restarts, thrice as long", schedule(Schedule::cosine_restarts(0.1, 0.0, 1, 3))),
            ("one cycle", schedule(cycle(60))),
            ("one cycle of one step", schedule(cycle(1))),
            ("one cycle, linear", schedule(cycle(50).linear().rise(0.25))),
            ("one cycle, three phases", schedule(cycle(50).three_phases().divisors(10.0, 100.0))),
            ("one cycle without a rise", schedule(cycle(20).rise(0.0))),
            ("warm-up, then cosine", schedule(line(0.01, 0.1, 10).then(10, Schedule::cosine(0.1, 0.02, 60)))),
            ("warm-up, then steps, then exponential", schedule(
                line(0.05, 0.1, 5).then(5, Schedule::step(0.1, 4, 0.5)).then(30, Schedule::exponential(0.1, 0.8)),
            )),
        ],
    );
}

#[test]
fn plateaus_agree_with_pytorch() {
    let from = Plateau::new(0.1);
    let at_once = from.clone().patience(0);
    let plateaus = [
        ("default", from.clone()),
        ("patience 2", from.clone().patience(2)),
        ("patience 0, factor 0.5", at_once.clone().factor(0.5)),
        ("cooldown 2", from.clone().patience(1).cooldown(2)),
        ("least 0.03", at_once.clone().least(0.03)),
        ("eps 0.005", at_once.clone().eps(0.005)),
        ("relative threshold", at_once.clone().relative_threshold(0.1)),
        ("absolute threshold", at_once.clone().absolute_threshold(0.05)),
        ("rising", from.clone().patience(1).rising()),
        ("rising by a share", at_once.clone().rising().relative_threshold(0.02)),
        ("rising by a size", at_once.rising().absolute_threshold(0.05)),
        ("from infinity", from.patience(1)),
    ];
    let table = Table::read(include_str!("plateau.json"));
    table.holds_exactly(plateaus.iter().map(|(name, _)| *name));
    for (name, mut plateau) in plateaus {
        let case = &table.cases[name];
        let metrics = case.inputs["metric"].to_f64();
        let rates = metrics.into_iter().map(|metric| plateau.observe(metric).unwrap()).collect();
        assert_eq!(misfit(name, &Tensor::vector(rates), &case.value), None);
    }
}
