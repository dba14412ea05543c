//! Matrix products: tiles of the result in registers.
//!
//! A subgroup has a tile: some rows, and a few neighbouring columns for each of its lanes. What the tile reads of
//! the left operand is loaded by the lanes together, a vector each, and sent from lane to lane; of the right operand
//! each lane loads what its columns need. So a step of four terms is a handful of loads for hundreds of
//! multiplications, which is what software devices need, where a load costs as much as dozens of them. Where a
//! device has no subgroups of one known size, each lane loads all of the left operand by itself.
//!
//! Long sums are divided into shares, which a second launch adds up. Sizes decide all of this (`cut.rs`), or, where
//! somebody asked for that, measurements (`tune.rs`).

use std::collections::HashMap;

use dl_core::DType;
use dl_core::schedule::{Accumulation, Along, Axes, Body, Loops, Operation, Product, Register};

use super::body::Result;
use super::cut::Whole;
use super::finish::Finish;
use super::lower::Lowering;
use super::memory::SlotId;
use super::operand::{Lies, Operand, operand};
use super::pointwise::{self, Domain};
use super::shader::Shader;
use super::tune::By;
use crate::tuning::Cut;

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

/// What of a parameter a product is added to.
pub(super) type Accumulates<'a> = Option<(&'a Accumulation, SlotId)>;

/// The launches of a product.
///
/// # Errors
/// When it has no kernel of ours.
pub(super) fn launches(
    lowering: &mut Lowering<'_>,
    product: &Product,
    name: &str,
    accumulates: Accumulates<'_>,
) -> Result<Vec<Shader>> {
    let (cut, by) = match lowering.tuner {
        Some(tuner) => tuner.cut(lowering, product, accumulates),
        None => (None, By::Model),
    };
    let made = made(lowering, product, name, accumulates, cut)?;
    let mut launches = made.launches;
    if let Some(first) = launches.first_mut() {
        first.cut = Some(format!("{} by {by}", made.sized.text()));
    }
    let domain = Domain { count: lowering.schedule.row_count(), name };
    let empty = Body::default();
    let epilogue = product.epilogue.as_ref().unwrap_or(&empty);
    launches.extend(pointwise::folds(lowering, epilogue, &domain, &made.kept)?);
    Ok(launches)
}

/// A product as launches, but for what is folded over its rows.
pub(super) struct Made {
    pub(super) sized: Sized,
    pub(super) launches: Vec<Shader>,
    /// What is folded, and lies in memory.
    kept: HashMap<Register, SlotId>,
}

/// A product that is cut so, or as the model says.
///
/// # Errors
/// When it has no kernel of ours.
pub(super) fn made(
    lowering: &mut Lowering<'_>,
    product: &Product,
    name: &str,
    accumulates: Accumulates<'_>,
    cut: Option<Cut>,
) -> Result<Made> {
    if product.dtype != DType::F32 {
        return Err(format!("a product of {}", product.dtype));
    }
    let sized = Sized::new(lowering, product, cut)?;
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
    Ok(Made { sized, launches, kept })
}

impl Sized {
    fn new(lowering: &mut Lowering<'_>, product: &Product, cut: Option<Cut>) -> Result<Sized> {
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
        let whole = Whole { m: sizes.m, k: sizes.k, n: sizes.n, count };
        // Numbers of the left operand that cost a quarter of a load allow twice as many rows.
        let cheap = left.packed && left.lies != Lies::Apart && device.subgroups;
        let cut = cut.unwrap_or_else(|| whole.modelled(device, cheap));
        let tile = Tile { rows: cut.rows, columns: cut.columns, lanes, together: device.subgroups };
        let right = sided(right, |l| &l.right, sizes.n, tile.columns);
        let (share, shares) = (cut.terms, sizes.k.div_ceil(cut.terms));
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

    /// What is cut.
    pub(super) fn whole(&self) -> Whole {
        Whole { m: self.m, k: self.k, n: self.n, count: self.count }
    }

    /// How it is cut.
    pub(super) fn cut(&self) -> Cut {
        Cut { rows: self.tile.rows, columns: self.tile.columns, terms: self.share }
    }

    /// How it is cut, for listings.
    fn text(&self) -> String {
        let shares = match self.shares {
            1 => String::new(),
            shares => format!(" in {shares} shares"),
        };
        format!("tiles of {} × {}{shares}", self.tile.rows, self.tile.columns * self.tile.lanes)
    }

    pub(super) fn tiles(&self) -> (usize, usize) {
        (self.m.div_ceil(self.tile.rows), self.n.div_ceil(self.tile.columns * self.tile.lanes))
    }
}
