//! Updates in place: a reduction over rows is added to the parameter in one pass, or by the product that
//! makes it.

use dl_core::schedule::Accumulation;

use crate::cpu::array::{Array, Item, View, each};
use crate::cpu::loops::Context;
use crate::cpu::parameter::Parameter;
use crate::cpu::pool::Pool;
use crate::cpu::real::Real;
use crate::cpu::team::Team;
use crate::cpu::tiles::data::slots::{Held, Slot};
use crate::cpu::vector::Isa;
use crate::error::Result;
use crate::executor::Call;

/// A parameter's update by a reduction over rows.
pub(crate) struct Update {
    pub of: Accumulation,
    /// Among the folds.
    pub fold: usize,
    /// Where the last product adds to the parameter itself.
    pub direct: Option<Direct>,
}

/// Where a product writes that makes an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direct {
    /// The parameter's elements.
    Rows,
    /// Its panels, by the list of those that are packed: nothing else reads it.
    Panels(usize),
}

impl Update {
    pub(crate) fn parameter<'c>(&self, call: &'c mut Call<'_>) -> Result<&'c mut Parameter> {
        call.parameters[call.slots[self.of.parameter.index()]].get_mut()
    }

    /// Adds the reduction.
    pub(crate) fn apply(
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
pub(crate) fn open(parameter: &mut Parameter, pool: &mut Pool) -> Slot {
    each!(parameter.array(), view => Held::from_vec(view.take_vec().unwrap_or_else(|| copied(view, pool))))
}

/// Gives them back.
pub(crate) fn close(parameter: &mut Parameter, elements: Slot) {
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
