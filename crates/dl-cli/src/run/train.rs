//! The training itself: rounds with what they come to.

use std::cell::RefCell;
use std::io::Write;
use std::ops::ControlFlow;
use std::rc::Rc;

use dl_backends::{Cpu, Session};
use dl_report::Language;
use dl_train::{Epoch, Interrupt, Observer, Source, Trainer};
use unicode_width::UnicodeWidthStr;

use super::data::Divided;
use super::file::Training;
use super::model::Model;
use crate::command::{Failure, print};

/// Rows that are printed of a training, at most.
const ROWS: usize = 20;

/// What a round came to: its number, and what was reported of training and of what was held out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Round {
    pub number: usize,
    pub train: Vec<f64>,
    pub test: Vec<f64>,
}

/// A training that was run.
pub(super) struct Trained {
    pub session: Session,
    pub rounds: Vec<Round>,
    pub unit: Unit,
}

/// What a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Epoch,
    /// Where there is no data.
    Step,
}

impl Unit {
    fn one(self, language: Language) -> &'static str {
        match self {
            Unit::Epoch => language.pick("epoch", "轮"),
            Unit::Step => language.pick("step", "步"),
        }
    }

    /// Several of them.
    pub(super) fn many(self, language: Language) -> &'static str {
        match self {
            Unit::Epoch => language.pick("epochs", "轮"),
            Unit::Step => language.pick("steps", "步"),
        }
    }
}

/// Numbers in four digits, as tables have them.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "-∞".into() };
    }
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let places = (3 - size.log10().floor() as i32).max(0) as usize;
            let text = format!("{value:.places$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
        _ => format!("{value:.3e}"),
    }
}

/// The names over the columns of the table.
fn heads(model: &Model, with_test: bool, unit: Unit, language: Language) -> Vec<String> {
    let held_out = |name: &String| language.pick("held out ", "留出 ").to_owned() + name;
    let of_test = model.reported.iter().filter(|_| with_test).map(held_out);
    std::iter::once(unit.one(language).to_owned())
        .chain(model.reported.iter().cloned())
        .chain(of_test)
        .collect()
}

/// A line of the table, each cell as wide as its column asks for.
fn line(heads: &[String], cells: impl IntoIterator<Item = String>) -> String {
    let wide = |(head, cell): (&String, String)| {
        let blanks = head.width().max(9).saturating_sub(cell.width());
        format!("{}{cell}", " ".repeat(blanks))
    };
    heads.iter().zip(cells).map(wide).collect::<Vec<_>>().join("  ")
}

fn row(heads: &[String], round: &Round) -> String {
    let values = round.train.iter().chain(&round.test).map(|value| number(*value));
    line(heads, std::iter::once(round.number.to_string()).chain(values))
}

/// Whether a round has a row in the table: the first, the last, and some between.
fn is_shown(number: usize, of: usize) -> bool {
    number == 1 || number == of || number.is_multiple_of(of.div_ceil(ROWS).max(1))
}

/// Trains, and writes the table.
///
/// # Errors
/// When a run fails: what is not finite, labels outside the classes, sizes that do not fit.
pub(super) fn train(
    model: &Model,
    training: &Training,
    data: Option<&Divided>,
    (out, language): (&mut dyn Write, Language),
) -> Result<Trained, Failure> {
    let session = Session::new(Cpu::default(), training.seed).checking(true);
    match data {
        Some(data) => over_data(session, model, training, data, (out, language)),
        None => without_data(session, model, training, (out, language)),
    }
}

fn failed(error: impl ToString) -> Failure {
    Failure::other(error.to_string())
}

fn without_data(
    mut session: Session,
    model: &Model,
    training: &Training,
    (out, language): (&mut dyn Write, Language),
) -> Result<Trained, Failure> {
    let step = session.compile(&model.step).map_err(failed)?;
    let heads = heads(model, false, Unit::Step, language);
    print(&line(&heads, heads.clone()), out)?;
    let mut rounds = vec![];
    for number in 1..=training.rounds {
        let outputs = session.run(&step, &[]).map_err(failed)?;
        let read = |name: &String| outputs.read(name).and_then(|value| Ok(value.item()?));
        let train = model.reported.iter().map(read).collect::<Result<Vec<f64>, _>>().map_err(failed)?;
        let round = Round { number, train, test: vec![] };
        if is_shown(number, training.rounds) {
            print(&row(&heads, &round), out)?;
        }
        rounds.push(round);
    }
    Ok(Trained { session, rounds, unit: Unit::Step })
}

/// Takes down what each epoch came to, and writes rows.
struct Table<'o> {
    names: Vec<String>,
    heads: Vec<String>,
    epochs: usize,
    rounds: Rc<RefCell<Vec<Round>>>,
    out: &'o mut dyn Write,
    failure: Rc<RefCell<Option<Failure>>>,
}

impl Observer for Table<'_> {
    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        let all = |metrics: &dl_train::Metrics| self.names.iter().filter_map(|n| metrics.get(n)).collect();
        let round = Round { number: epoch.number, train: all(&epoch.train), test: all(&epoch.test) };
        let done = if is_shown(round.number, self.epochs) {
            print(&row(&self.heads, &round), self.out)
        } else {
            Ok(())
        };
        self.rounds.borrow_mut().push(round);
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                *self.failure.borrow_mut() = Some(failure);
                ControlFlow::Break(())
            }
        }
    }
}

fn over_data(
    session: Session,
    model: &Model,
    training: &Training,
    data: &Divided,
    (out, language): (&mut dyn Write, Language),
) -> Result<Trained, Failure> {
    let batch = training.batch.unwrap_or(data.train.len()).max(1);
    let (rounds, failure) = (Rc::new(RefCell::new(vec![])), Rc::new(RefCell::new(None)));
    let heads = heads(model, data.test.is_some(), Unit::Epoch, language);
    print(&line(&heads, heads.clone()), out)?;
    let table = Table {
        names: model.reported.clone(),
        heads,
        epochs: training.rounds,
        rounds: rounds.clone(),
        out,
        failure: failure.clone(),
    };
    let mut trainer = Trainer::new(session, &model.step)
        .and_then(|trainer| trainer.evaluate_with(&model.evaluation))
        .map_err(failed)?
        .epochs(training.rounds)
        .batch_size(batch)
        .shuffle(training.seed)
        .interrupt(&Interrupt::on_ctrl_c().map_err(failed)?)
        .observe(table);
    trainer.fit(&data.train, data.test.as_ref().map(|test| test as &dyn Source)).map_err(failed)?;
    let session = trainer.into_session();
    if let Some(failure) = failure.take() {
        return Err(failure);
    }
    Ok(Trained { session, rounds: rounds.take(), unit: Unit::Epoch })
}
