//! Which training steps may share a session: none changes what another one keeps for itself.

use rustc_hash::FxHashMap;

use crate::dim::Name;
use crate::graph::Owner;
use crate::ops::Op;
use crate::plan::{Arg, ParameterSlot, Plan, Step, ValueId};

impl Plan {
    /// Why a session that has `earlier` cannot take this plan beside it, if it cannot.
    ///
    /// - Moments of an optimizer without a name belong to one training step ([`Owner::Step`]). A plan that
    ///   makes the same updates, with other outputs perhaps, is the same training step.
    /// - An optimizer with a name has the same settings everywhere ([`Owner::Optimizer`]).
    /// - A training step that reads the session's step, as a schedule does, has nobody else who counts.
    ///
    /// Names are given to optimizers by [`nn::Scoped`](crate::nn::Scoped), which has the rule in full.
    pub fn conflict(&self, earlier: &Plan) -> Option<String> {
        let by_name: FxHashMap<&Name, &ParameterSlot> =
            earlier.parameters.iter().map(|slot| (&slot.decl.name, slot)).collect();
        let shared =
            || self.parameters.iter().filter_map(|slot| Some((slot, *by_name.get(&slot.decl.name)?)));
        if let Some((new, old)) = shared().find(|(new, old)| old.decl.owner.differs(&new.decl.owner)) {
            return Some(old.decl.owner.conflict(&new.decl.owner, &new.decl.name));
        }
        let mut same = Same::new(self, earlier);
        let lost = |new: &ParameterSlot, old: &ParameterSlot| match (new.update, old.update) {
            (Some(a), Some(b)) if new.decl.owner == Owner::Step => Some((a, b)),
            _ => None,
        };
        for (slot, old) in shared() {
            if let Some((a, b)) = lost(slot, old)
                && !same.values(a, b)
            {
                let name = &slot.decl.name;
                return Some(format!(
                    "two training steps would share the state {name}: {} and {}; give their optimizers names \
                     (nn::Scoped), one each to keep them apart or the same to share",
                    self.made(a, "this one"),
                    earlier.made(b, "one before"),
                ));
            }
        }
        if self.has_updates() && earlier.has_updates() && (self.reads_step() || earlier.reads_step()) {
            let all = self.parameters.iter().filter(|slot| slot.update.is_some());
            let others = earlier.parameters.iter().filter(|slot| slot.update.is_some()).count();
            let mut pairs = all.map(|slot| slot.update.zip(by_name.get(&slot.decl.name)?.update));
            let same_step = pairs.clone().count() == others
                && pairs.all(|pair| pair.is_some_and(|(a, b)| same.values(a, b)));
            if !same_step {
                return Some(
                    "two training steps would count steps together, and a schedule reads their number: give \
                     its optimizer a name (nn::Scoped), so that it counts its own"
                        .into(),
                );
            }
        }
        None
    }

    fn reads_step(&self) -> bool {
        self.steps.iter().any(|step| step.op == Op::Step)
    }

    fn made(&self, value: ValueId, otherwise: &str) -> String {
        let site = &self.value(value).origin.site;
        site.as_ref().map_or(otherwise.into(), |site| format!("{otherwise} at {site}"))
    }
}

/// Values of two plans that are computed in the same way.
struct Same<'p> {
    plans: [&'p Plan; 2],
    makers: [FxHashMap<ValueId, Maker<'p>>; 2],
    known: FxHashMap<ValueId, ValueId>,
}

#[derive(Clone, Copy)]
enum Maker<'p> {
    Input(&'p Name),
    Parameter(&'p Name),
    Step(&'p Step),
}

impl<'p> Same<'p> {
    fn new(a: &'p Plan, b: &'p Plan) -> Self {
        Same { plans: [a, b], makers: [makers(a), makers(b)], known: FxHashMap::default() }
    }

    fn values(&mut self, a: ValueId, b: ValueId) -> bool {
        let mut todo = vec![(a, b)];
        while let Some((a, b)) = todo.pop() {
            match self.known.get(&a) {
                Some(known) if *known == b => continue,
                Some(_) => return false,
                None => {}
            }
            let [own, other] = self.plans.map(|plan| plan);
            let (x, y) = (own.value(a), other.value(b));
            if x.dtype != y.dtype || x.shape != y.shape {
                return false;
            }
            match (self.makers[0].get(&a), self.makers[1].get(&b)) {
                (Some(Maker::Input(x)), Some(Maker::Input(y))) if x == y => {}
                (Some(Maker::Parameter(x)), Some(Maker::Parameter(y))) if x == y => {}
                (Some(Maker::Step(x)), Some(Maker::Step(y)))
                    if x.op == y.op && x.args.len() == y.args.len() =>
                {
                    for args in x.args.iter().zip(&y.args) {
                        match args {
                            (Arg::Value(a), Arg::Value(b)) => todo.push((*a, *b)),
                            (a, b) if a == b => {}
                            _ => return false,
                        }
                    }
                }
                _ => return false,
            }
            self.known.insert(a, b);
        }
        true
    }
}

fn makers(plan: &Plan) -> FxHashMap<ValueId, Maker<'_>> {
    let inputs = plan.inputs.iter().map(|slot| (slot.value, Maker::Input(&slot.decl.name)));
    let parameters =
        plan.parameters.iter().filter_map(|slot| Some((slot.value?, Maker::Parameter(&slot.decl.name))));
    let steps = plan.steps.iter().map(|step| (step.result, Maker::Step(step)));
    inputs.chain(parameters).chain(steps).collect()
}
