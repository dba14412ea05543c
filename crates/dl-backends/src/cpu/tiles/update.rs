//! Updates in place: what rows fold to is added to the parameter, and where there is but one tile, by
//! the product itself.

use dl_core::plan::{Accumulation, Arg, Division, Part, Plan, Step};

use super::Cut;
use super::build::{Built, StepArg, Target, Work};
use super::fused::may_fail;
use super::lane::Place;
use super::place::{Phase, Phases};
use super::product::Product;
use super::slots::{Held, Slot};
use crate::cpu::array::{Array, Item, View, each};
use crate::cpu::lanes::Context;
use crate::cpu::parameter::Parameter;
use crate::cpu::pool::Pool;
use crate::cpu::real::Real;
use crate::cpu::team::Team;
use crate::cpu::vector::Isa;
use crate::error::Result;
use crate::executor::Call;

/// A parameter's update by what rows fold to.
pub(super) struct Update {
    pub of: Accumulation,
    /// Among the folds.
    pub fold: usize,
    /// Where the last product adds to the parameter itself.
    pub direct: Option<Direct>,
}

/// What a product that makes an update writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direct {
    /// The parameter's elements.
    Rows,
    /// Its panels, by the list of those that are packed: nothing else reads it.
    Panels(usize),
}

/// The updates that are done in place; products that write parameters are told their factors. `rounds` are
/// those in which steps on whole values come.
pub(super) fn updates(
    plan: &Plan,
    division: &Division,
    built: &Built,
    phases: &mut [Phases],
    (cut, rounds): (&Cut, &[u32]),
) -> Vec<Update> {
    let mut updates = vec![];
    for of in plan.accumulations() {
        let fold = built.folds.iter().position(|f| f.value == of.addend.index());
        let Some(fold) = fold.filter(|_| matches!(division.part(of.from), Part::Whole(_))) else { continue };
        let round = built.folds[fold].round;
        let one = cut.rows > 0 && cut.rows <= cut.tile && cut.lanes() == 1;
        let last = phases.iter().skip(round as usize + 1).all(Vec::is_empty);
        let free = one && last && of.alone && !read_late(plan, (division, rounds), built, phases, &of, round);
        let mut direct = None;
        for phase in phases.iter_mut().flatten() {
            if let Phase::Tile(Work::Product(product)) = phase
                && matches!(product.out, Target::Fold(k) if k == fold)
                && product.dtype == dl_core::DType::F32
                && free
            {
                product.scale = (of.alpha as f32, of.beta as f32);
                direct = Some(panels(plan, built, &of, product, round));
                if let Some(Direct::Panels(pack)) = direct {
                    product.panels = Some(pack);
                }
            }
        }
        updates.push(Update { of, fold, direct });
    }
    updates
}

/// The parameter's panels, if all that reads it is the one product that wants them just as it lies.
fn panels(plan: &Plan, built: &Built, of: &Accumulation, product: &Product, round: u32) -> Direct {
    let mut packs = built.packs.iter().enumerate().filter(|(_, p)| p.value == of.from.index());
    let (Some((index, pack)), None) = (packs.next(), packs.next()) else { return Direct::Rows };
    let whole = |step: &Step| step.args.iter().filter_map(Arg::value).filter(|v| *v == of.from).count();
    let readers: usize = plan.steps().iter().map(whole).sum();
    // The product and the update; where two products share the panels, there are more.
    let only = readers == 2
        && pack.round == round
        && pack.plain().is_some()
        && pack.plain() == product.folded_sizes();
    if only { Direct::Panels(index) } else { Direct::Rows }
}

/// Whether anything reads the parameter, or may fail, once the tiles of the round have begun.
fn read_late(
    plan: &Plan,
    (division, rounds): (&Division, &[u32]),
    built: &Built,
    phases: &[Phases],
    of: &Accumulation,
    round: u32,
) -> bool {
    let from = of.from.index();
    let by_rows = built.homes.iter().any(|h| h.place == Place::Whole(from));
    let by_tiles = phases.iter().flatten().any(|phase| match phase {
        Phase::Tile(Work::Step { args, .. }) => {
            args.iter().any(|a| matches!(a, StepArg::Whole(v) if *v == from))
        }
        _ => false,
    });
    let later = plan.steps().iter().enumerate().any(|(i, step)| {
        let late = matches!(division.part(step.result), Part::Whole(_)) && rounds[i] > round;
        let reads = step.args.iter().filter_map(Arg::value).any(|v| v == of.from);
        late && (may_fail(&step.op) || reads && !of.steps.contains(&i))
    });
    let kept = plan.outputs().iter().any(|o| o.value == of.from)
        || plan.parameters().iter().any(|p| p.update == Some(of.from));
    by_rows || by_tiles || later || kept
}

impl Update {
    pub(super) fn parameter<'c>(&self, call: &'c mut Call<'_>) -> Result<&'c mut Parameter> {
        call.parameters[call.slots[self.of.parameter]].get_mut()
    }

    /// Adds what rows folded to, which nothing else is going to read.
    pub(super) fn apply(
        &self,
        parameter: &mut Array<'static>,
        addend: &Array<'_>,
        context: &mut Context,
        team: Option<&Team>,
    ) {
        match (parameter, addend) {
            (Array::F32(into), Array::F32(addend)) => self.add(into, addend, context, team),
            (Array::F64(into), Array::F64(addend)) => self.add(into, addend, context, team),
            _ => unreachable!("a gradient has its parameter's element type"),
        }
    }

    fn add<T: Real + Held>(
        &self,
        into: &mut View<'static, T>,
        addend: &View<'_, T>,
        context: &mut Context,
        team: Option<&Team>,
    ) {
        let addend = addend.as_dense().expect("folds lie row by row");
        let mut elements = into.take_vec().unwrap_or_else(|| copied(into, &mut context.pool));
        let (alpha, beta) = (number::<T>(self.of.alpha), number::<T>(self.of.beta));
        let isa = Isa::widest();
        Team::share(team, &mut elements, &|start, part| {
            isa.accumulate(beta, part, alpha, &addend[start..][..part.len()]);
        });
        into.give_vec(elements);
    }
}

/// A parameter's elements, to be written over; nothing is left there until they are given back.
pub(super) fn open(parameter: &mut Parameter, pool: &mut Pool) -> Slot {
    each!(parameter.array(), view => Held::from_vec(view.take_vec().unwrap_or_else(|| copied(view, pool))))
}

/// Gives them back.
pub(super) fn close(parameter: &mut Parameter, elements: Slot) {
    each!(parameter.array(), view => view.give_vec(Held::into_vec(elements)));
}

fn number<T: Item>(x: f64) -> T {
    T::number(dl_core::Scalar::Float(x))
}

/// For a parameter that an output shares.
fn copied<T: Item>(view: &View<'static, T>, pool: &mut Pool) -> Vec<T> {
    let elements = view.as_dense().expect("parameters lie row by row");
    let mut copy = pool.take(elements.len());
    copy.copy_from_slice(elements);
    copy
}
