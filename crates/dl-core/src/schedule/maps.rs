//! Movement inside a row as a table of places.

use crate::interp::{each_index, offset};
use crate::ops::Op;

/// Elements of a row that a table of places may have.
const LONGEST: usize = 1 << 24;

/// Checks that a table for `len` elements may be made.
///
/// # Errors
/// When a row is too long.
pub(super) fn check(len: usize) -> Result<(), String> {
    let why = || format!("a row of {len} elements is too long for a table of places");
    if len <= LONGEST { Ok(()) } else { Err(why()) }
}

/// For each element of the result's row, the place of the operand's element; nothing for operations that
/// are no movement. `starts` are those of a slice.
pub(super) fn places(op: &Op, from: &[usize], to: &[usize], starts: &[usize]) -> Option<Vec<u32>> {
    let source = |source: &mut dyn FnMut(&[usize]) -> Vec<usize>| {
        Some(each_index(to, |index| offset(from, &source(index)) as u32))
    };
    match op {
        Op::Broadcast(axes) => source(&mut |index| axes.iter().map(|a| index[*a]).collect()),
        Op::Permute(permutation) => source(&mut |index| {
            let mut place = vec![0; index.len()];
            index.iter().zip(permutation).for_each(|(i, axis)| place[*axis] = *i);
            place
        }),
        Op::Flip(axes) => source(&mut |index| {
            let flipped = |(a, i): (usize, &usize)| if axes.contains(&a) { to[a] - 1 - i } else { *i };
            index.iter().enumerate().map(flipped).collect()
        }),
        Op::Slice { strides, .. } => source(&mut |index| spot(index, starts, strides)),
        Op::Unfold { axis, stride, dilation, .. } => source(&mut |index| {
            let (last, window) = index.split_last().expect("a window is an axis");
            let mut place = window.to_vec();
            place[*axis] = place[*axis] * stride + last * dilation;
            place
        }),
        _ => None,
    }
}

/// The same for a pad: elements that are not the operand's have no place.
pub(super) fn padded(from: &[usize], to: &[usize], starts: &[usize], strides: &[usize]) -> Vec<Option<u32>> {
    let mut map = vec![None; to.iter().product()];
    let places = each_index(from, |index| offset(to, &spot(index, starts, strides)));
    places.into_iter().enumerate().for_each(|(i, place)| map[place] = Some(i as u32));
    map
}

/// Where the elements of a part go in rows that are put together along an axis.
pub(super) fn part(shape: &[usize], axis: usize, first: usize, to: &[usize]) -> Vec<u32> {
    each_index(shape, |index| {
        let mut place = index.to_vec();
        place[axis] += first;
        offset(to, &place) as u32
    })
}

/// Whether a table leaves everything where it is.
pub(super) fn is_identity(map: &[u32], len: usize) -> bool {
    map.len() == len && map.iter().enumerate().all(|(i, place)| *place as usize == i)
}

/// `start + i·stride` along each axis.
fn spot(index: &[usize], starts: &[usize], strides: &[usize]) -> Vec<usize> {
    index.iter().zip(starts).zip(strides).map(|((i, start), stride)| start + i * stride).collect()
}
