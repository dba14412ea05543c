//! What tiles add up to: each lane has its own, lanes are combined in a fixed tree.

use dl_core::dtype::Scalar;
use dl_core::ops::Reduce;

use super::number::Number;
use super::slots::{Slot, typed};
use crate::cpu::array::Item;
use crate::cpu::team::Team;
use crate::cpu::vector::Isa;
use dl_core::DType;

/// Fills a fold with what nothing comes to.
pub(super) fn reset(kind: Reduce, dtype: DType, fold: &mut Slot) {
    let identity = match (kind, dtype) {
        // As the reduction over nothing has it.
        (Reduce::Max, DType::I64) => Scalar::Int(i64::MIN),
        (Reduce::Min, DType::I64) => Scalar::Int(i64::MAX),
        (kind, DType::I64 | DType::U8) => Scalar::Int(kind.identity() as i64),
        (kind, _) => Scalar::Float(kind.identity()),
    };
    typed!(dtype, T => fold.get_mut::<T>().fill(T::number(identity)));
}

/// `into ← kind(into, from)`.
pub(super) fn combine(kind: Reduce, dtype: DType, into: &mut Slot, from: &Slot, team: Option<&Team>) {
    let isa = Isa::widest();
    typed!(dtype, T => {
        let (into, from) = (into.get_mut::<T>(), from.get::<T>());
        Team::share(team, into, &|start, into| T::combine(isa, kind, into, &from[start..][..into.len()]));
    });
}
