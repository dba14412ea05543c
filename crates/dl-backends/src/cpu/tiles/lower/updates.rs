//! Which updates a product makes itself: the schedule says where it may, this executor where it does.

use dl_core::plan::{Arg, Plan, Step};
use dl_core::schedule::{Accumulation, Method};
use dl_core::{DType, Schedule};

use crate::cpu::tiles::data::home::Place;
use crate::cpu::tiles::data::home::Target;
use crate::cpu::tiles::data::phase::{Argument, Phase, Phases};
use crate::cpu::tiles::data::product::Product;
use crate::cpu::tiles::data::tiling::Tiling;
use crate::cpu::tiles::lower::rows::Lowered;
use crate::cpu::tiles::run::update::{Direct, Update};

/// The updates by reductions over rows; products that write parameters are told their factors.
pub(crate) fn updates(
    schedule: &Schedule,
    lowered: &Lowered,
    phases: &mut [Phases],
    tiling: &Tiling,
) -> Vec<Update> {
    let mut updates = vec![];
    for update in schedule.updates() {
        let Method::Accumulate { of, product: by } = &update.method else { continue };
        let fold = lowered.folds.iter().position(|f| f.value == of.addend.index());
        let Some(fold) = fold else { continue };
        let free = by.is_ok() && tiling.is_one_tile() && !is_read_unpacked(lowered, phases, of);
        let mut direct = None;
        for phase in phases.iter_mut().flatten() {
            if let Phase::Product(product) = phase
                && matches!(product.out, Target::Fold(k) if k == fold)
                && product.dtype == DType::F32
                && free
            {
                product.scale = (of.alpha as f32, of.beta as f32);
                direct = Some(panels(schedule.plan(), lowered, of, product));
                if let Some(Direct::Panels(pack)) = direct {
                    product.panels = Some(pack);
                }
            }
        }
        updates.push(Update { of: of.clone(), fold, direct });
    }
    updates
}

/// The parameter's panels, if all that reads it is the one product that wants them just as it lies.
fn panels(plan: &Plan, lowered: &Lowered, of: &Accumulation, product: &Product) -> Direct {
    let mut packs = lowered.packs.iter().enumerate().filter(|(_, p)| p.value == of.from.index());
    let (Some((index, pack)), None) = (packs.next(), packs.next()) else { return Direct::Rows };
    let whole = |step: &Step| step.args.iter().filter_map(Arg::value).filter(|v| *v == of.from).count();
    let readers: usize = plan.steps().iter().map(whole).sum();
    // The product and the update; where two products share the panels, there are more.
    let only = readers == 2
        && lowered.folds.iter().any(|f| f.value == of.addend.index() && f.stage == pack.stage)
        && pack.plain().is_some()
        && pack.plain() == product.folded_sizes();
    if only { Direct::Panels(index) } else { Direct::Rows }
}

/// Whether rows read the parameter as it lies, which is lent to the product meanwhile.
fn is_read_unpacked(lowered: &Lowered, phases: &[Phases], of: &Accumulation) -> bool {
    let from = of.from.index();
    let by_tiles = phases.iter().flatten().any(|phase| match phase {
        Phase::Opaque(step) => step.args.iter().any(|a| matches!(a, Argument::Whole(v) if *v == from)),
        _ => false,
    });
    by_tiles || lowered.homes.iter().any(|h| h.place == Place::Whole(from))
}
