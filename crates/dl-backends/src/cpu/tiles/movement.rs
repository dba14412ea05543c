//! Movement inside a row as a table of places, made when a plan is compiled.

use dl_core::ops::Op;

use crate::cpu::layout::{Layout, position};

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
