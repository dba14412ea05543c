//! Matrix products: tiles of the result in registers.
//!
//! A subgroup has a tile: some rows, and a few neighbouring columns for each of its lanes. What the tile reads of
//! the left operand is loaded by the lanes together, a vector each, and sent from lane to lane; of the right operand
//! each lane loads what its columns need. So a step of four terms is a handful of loads for hundreds of
//! multiplications, which is what software devices need, where a load costs as much as dozens of them. Where a
//! device has no subgroups of one known size, each lane loads all of the left operand by itself.
//!
//! Long sums are divided into shares, which a second launch adds up. Sizes decide all of this; nothing is tuned.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::schedule::{Accumulation, Along, Axes, Body, Loops, Operation, Product};

use super::body::Result;
use super::finish::Finish;
use super::lower::Lowering;
use super::memory::SlotId;
use super::operand::{Lies, Operand, STEP, operand};
use super::pointwise::{self, Domain};
use super::shader::Shader;

/// Terms of a share.
const SHARE: usize = 1024;
/// Up to so many terms are one share where there are tiles enough.
const WHOLE: usize = 2048;
/// Terms of the longest share, each a turn of a loop at worst.
const LONGEST: usize = 1 << 15;
/// Bytes that shares may take, unless they would have to be longer.
const ROOM: usize = 64 << 20;

/// A product with all its sizes.
pub(super) struct Sized {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    /// How many there are, for each row and in all.
    pub(super) loops: usize,
    pub(super) count: usize,
    pub(super) left: Operand,
    pub(super) right: Operand,
    /// Elements of a row of the result.
    pub(super) out_len: usize,
    pub(super) tile: Tile,
    pub(super) shares: usize,
    pub(super) share: usize,
}

/// The tile of a subgroup.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub(super) rows: usize,
    /// Columns of a lane.
    pub(super) columns: usize,
    pub(super) lanes: usize,
    /// Whether lanes load the left operand for each other.
    pub(super) together: bool,
}

/// The launches of a product.
///
/// # Errors
/// When it has no kernel of ours.
pub(super) fn launches(
    lowering: &mut Lowering<'_>,
    product: &Product,
    name: &str,
    accumulates: Option<(&Accumulation, SlotId)>,
) -> Result<Vec<Shader>> {
    if product.dtype != DType::F32 {
        return Err(format!("a product of {}", product.dtype));
    }
    let sized = Sized::new(lowering, product)?;
    let empty = Body::default();
    let epilogue = product.epilogue.as_ref().unwrap_or(&empty);
    lowering.check_body(epilogue)?;
    if epilogue.instrs.iter().any(|instr| matches!(instr.operation, Operation::Scatter { .. })) {
        return Err("a scatter after a product".into());
    }
    let rows = lowering.schedule.row_count();
    // What is folded is stored first.
    let mut kept = HashMap::new();
    for instr in &epilogue.instrs {
        if let Operation::Fold { of, .. } = instr.operation {
            let same = epilogue.instrs.iter().find_map(|other| match other.operation {
                Operation::Store { buffer, of: stored } if stored == of => Some(buffer),
                _ => None,
            });
            let slot = match same {
                Some(buffer) => lowering.slot_of(buffer)?,
                None => lowering.scratch(rows * epilogue.instr(of).len),
            };
            kept.insert(of, slot);
        }
    }
    let apart = product.overlap.as_ref().map(|_| lowering.scratch(sized.count * sized.m * sized.n));
    if apart.is_some() && (product.along == Along::K || product.loops.is_some()) {
        return Err("a result that adds up over rows".into());
    }
    let finish = Finish { product, sized: &sized, epilogue, kept: &kept, accumulates, apart };
    let mut launches = vec![];
    if sized.shares == 1 {
        launches.push(finish.tiles(lowering, None, name)?);
    } else {
        let shares = lowering.scratch(sized.shares * sized.count * sized.m * sized.n);
        launches.push(finish.tiles(lowering, Some(shares), name)?);
        launches.push(finish.sum(lowering, shares, name)?);
    }
    if let (Some(overlap), Some(apart)) = (&product.overlap, apart) {
        launches.push(finish.overlap(lowering, overlap, apart, name)?);
    }
    let domain = Domain { count: rows, name };
    launches.extend(pointwise::folds(lowering, epilogue, &domain, &kept)?);
    Ok(launches)
}

impl Sized {
    fn new(lowering: &mut Lowering<'_>, product: &Product) -> Result<Sized> {
        let rows = if product.along == Along::Nothing { 1 } else { lowering.schedule.row_count() };
        let sizes = product.sizes.of(product.along, rows);
        if product.along == Along::M && product.loops.is_some() {
            return Err("rows of several products".into());
        }
        let (outer, inner) = match product.along {
            Along::M => (rows, 1),
            Along::K => (1, rows),
            Along::Each | Along::Nothing => (1, 1),
        };
        let loops = product.loops.as_deref();
        let left =
            operand(lowering, &product.left, (&product.left.rows, outer), (&product.left.columns, inner))?;
        // The rows of the right operand are its terms.
        let right =
            operand(lowering, &product.right, (&product.right.columns, 1), (&product.right.rows, inner))?;
        let count = product.count(rows);
        let sided = |operand: Operand, starts: fn(&Loops) -> &Axes, len: usize, vector: usize| {
            let starts = loops.map(|l| starts(l).clone());
            let each = product.along == Along::Each;
            let operand = Operand { row: if each { operand.row } else { 0 }, starts, ..operand };
            Operand { lies: operand.lies(len, sizes.k, vector), ..operand }
        };
        let device = lowering.device;
        let lanes = device.lanes;
        let left = sided(left, |l| &l.left, sizes.m, 4);
        // Numbers of the left operand that cost a quarter of a load allow twice as many rows.
        let cheap = left.packed && left.lies != Lies::Apart && device.subgroups;
        let columns = [1, 2].into_iter().find(|c| lanes * c >= sizes.n).unwrap_or(4);
        let tile_rows = [4, 8, 16].into_iter().find(|r| *r >= sizes.m).unwrap_or(if cheap { 32 } else { 16 });
        let tile = Tile { rows: tile_rows, columns, lanes, together: device.subgroups };
        let right = sided(right, |l| &l.right, sizes.n, columns);
        let tiles = count * sizes.m.div_ceil(tile.rows) * sizes.n.div_ceil(tile.columns * lanes);
        let (share, shares) = divided(sizes.k, tiles, count * sizes.m * sizes.n, device.busy);
        let out_len = product.out_len();
        let per_row = loops.map_or(1, |l| l.count);
        Ok(Sized {
            m: sizes.m,
            n: sizes.n,
            k: sizes.k,
            loops: per_row,
            count,
            left,
            right,
            out_len,
            tile,
            shares,
            share,
        })
    }

    pub(super) fn tiles(&self) -> (usize, usize) {
        (self.m.div_ceil(self.tile.rows), self.n.div_ceil(self.tile.columns * self.tile.lanes))
    }
}

/// Terms of a share and the number of shares, for so many tiles of so many elements in all.
fn divided(k: usize, tiles: usize, elements: usize, busy: usize) -> (usize, usize) {
    let few = tiles * 2 <= busy && k >= 256;
    let mut share = match (k > WHOLE, few) {
        (false, false) => return (k, 1),
        (_, true) => k.div_ceil(busy.div_ceil(tiles)).clamp(64, SHARE),
        (true, false) => SHARE,
    };
    while elements.saturating_mul(4 * k.div_ceil(share)) > ROOM && share < k.min(LONGEST) {
        share *= 2;
    }
    let share = share.next_multiple_of(STEP);
    if share >= k { (k, 1) } else { (share, k.div_ceil(share)) }
}
