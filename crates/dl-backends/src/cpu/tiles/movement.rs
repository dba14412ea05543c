//! Movement inside a row as a table of places, made when a plan is compiled.

use dl_core::dtype::Scalar;
use dl_core::ops::Op;
use dl_core::plan::{Step, ValueId};

use super::build::{Builder, value_of};
use super::group::{Kind, Operand};
use super::lane::Place;
use crate::cpu::array::Array;
use crate::cpu::layout::{Layout, position};

impl Builder<'_> {
    pub(super) fn iota(&mut self, axis: usize, result: ValueId) -> Operand {
        let shape = self.row(result).to_vec();
        let len: usize = shape.iter().product();
        if axis == 0 {
            let times = shape[1..].iter().product();
            return Operand::Rows(self.emit(Kind::Count { per_row: shape[0], times }, result, len));
        }
        let dtype = self.plan.value(result).dtype;
        let row = crate::cpu::movement::iota(axis, dtype, &shape).to_tensor();
        self.built.known.push(Array::owned(row));
        let known = Place::Known(self.built.known.len() - 1);
        Operand::SameRow(self.home(known, result, (0, 0)))
    }

    pub(super) fn moved(&mut self, step: &Step) -> Result<Operand, String> {
        let (x, result) = (value_of(step, 0), step.result);
        let (from, to) = (self.row(x).to_vec(), self.row(result).to_vec());
        let (width, len): (usize, usize) = (from.iter().product(), to.iter().product());
        let starts = &self.built.prepared[self.step].starts;
        let (map, fill) = match &step.op {
            Op::Pad { strides, value, .. } => (padded(&from, &to, starts, strides), *value),
            op => (places(op, &from, &to, starts).ok_or("no movement")?, Scalar::Float(0.0)),
        };
        let operand = match self.is_rows(x) {
            true => self.operand(&step.args[0])?,
            false if width == 1 => Operand::Same(self.whole(x)),
            false => Operand::SameRow(self.whole(x)),
        };
        let padding = matches!(step.op, Op::Pad { .. });
        Ok(match operand {
            same if is_identity(&map, width) && !padding => same,
            Operand::Number(_) | Operand::Same(_) | Operand::PerRow(_) if !padding => operand,
            Operand::Rows(home) if width == 1 && !padding => Operand::PerRow(home),
            Operand::SameRow(_) if !padding => {
                Operand::Rows(self.emit(Kind::Gather(map, operand, width, fill), result, len))
            }
            _ => {
                let home = Operand::Rows(self.dense(x)?);
                Operand::Rows(self.emit(Kind::Gather(map, home, width, fill), result, len))
            }
        })
    }

    pub(super) fn concat(&mut self, step: &Step, axis: usize) -> Result<Operand, String> {
        let to = self.row(step.result).to_vec();
        let (mut parts, mut first) = (vec![], 0);
        for i in 0..step.args.len() {
            let x = value_of(step, i);
            let shape = self.row(x).to_vec();
            parts.push((self.dense(x)?, part(&shape, axis, first, &to)));
            first += shape[axis];
        }
        Ok(Operand::Rows(self.emit(Kind::Concat(parts), step.result, to.iter().product())))
    }
}

/// For each element of the result's row, the place of the operand's element; nothing for other ops.
/// `starts` are those of a slice.
pub(super) fn places(op: &Op, from: &[usize], to: &[usize], starts: &[usize]) -> Option<Vec<u32>> {
    let x = Layout::dense(from);
    let moved = match op {
        Op::Broadcast(axes) => x.broadcast(axes, to),
        Op::Permute(permutation) => x.permute(permutation),
        Op::Flip(axes) => x.flip(axes),
        Op::Slice { strides, .. } => x.slice(starts, strides, to),
        Op::Unfold { axis, stride, dilation, .. } => x.unfold(*axis, *stride, *dilation, to),
        _ => return None,
    };
    Some(all(&moved))
}

/// The same for a pad: elements that are not the operand's have no place.
pub(super) fn padded(from: &[usize], to: &[usize], starts: &[usize], strides: &[usize]) -> Vec<u32> {
    let mut map = vec![u32::MAX; to.iter().product()];
    for (i, place) in all(&Layout::dense(to).slice(starts, strides, from)).into_iter().enumerate() {
        map[place as usize] = i as u32;
    }
    map
}

/// Where the elements of a part go in rows that are put together along an axis.
pub(super) fn part(shape: &[usize], axis: usize, first: usize, to: &[usize]) -> Vec<u32> {
    let mut starts = vec![0; to.len()];
    starts[axis] = first;
    all(&Layout::dense(to).slice(&starts, &vec![1; to.len()], shape))
}

/// Whether a table leaves everything where it is.
pub(super) fn is_identity(map: &[u32], len: usize) -> bool {
    map.len() == len && map.iter().enumerate().all(|(i, place)| *place as usize == i)
}

fn all(layout: &Layout) -> Vec<u32> {
    let at = |i: usize| {
        let index = position(&layout.shape, i);
        layout.offset + index.iter().zip(&layout.strides).map(|(i, s)| *i as isize * s).sum::<isize>()
    };
    (0..layout.len()).map(|i| at(i) as u32).collect()
}
