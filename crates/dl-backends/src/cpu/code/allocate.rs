//! Registers for the values of a body: a linear scan over its steps.

use super::tape::{Id, Op, Step};

/// Vector registers that values may have; the last one of the machine is for what an instruction needs
/// besides.
pub(super) const VECTORS: usize = 31;
/// Mask registers that values may have, from the second on: the first one masks nothing, and the last one
/// holds which lanes of the last vector there are.
pub(super) const MASKS: usize = 6;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a vector register.
    Vector(u8),
    /// In a mask register.
    Mask(u8),
    /// The same for all elements, and in memory: a constant, or a number of the table.
    Same(Id),
}

/// A body with a place for each value.
pub(super) struct Placed {
    pub(super) steps: Vec<Step>,
    places: Vec<Place>,
    /// What is the same for all elements and stays in a register, loaded once.
    pub(super) hoisted: Vec<(Id, u8)>,
}

impl Placed {
    /// The places, if the registers suffice.
    pub(super) fn new(steps: Vec<Step>) -> Option<Placed> {
        Placed::in_order(by_height(&steps)).or_else(|| Placed::in_order(steps))
    }

    fn in_order(steps: Vec<Step>) -> Option<Placed> {
        let mut last = vec![0; steps.len()];
        let mut uses = vec![0_u32; steps.len()];
        for (i, step) in steps.iter().enumerate() {
            for arg in step.args() {
                last[arg.0 as usize] = i;
                uses[arg.0 as usize] += 1;
            }
        }
        let mut places: Vec<Place> = (0..steps.len() as u32).map(|i| Place::Same(Id(i))).collect();
        let (mut vectors, mut masks) = (Free::new(VECTORS), Free::new(MASKS));
        for (i, step) in steps.iter().enumerate() {
            if step.op.is_same() {
                continue;
            }
            let dies = |arg: &&Id| last[arg.0 as usize] == i && !steps[arg.0 as usize].op.is_same();
            let mut dying: Vec<Place> =
                step.args().iter().filter(dies).map(|a| places[a.0 as usize]).collect();
            dying.sort_unstable_by_key(|p| if let Place::Vector(r) | Place::Mask(r) = p { *r } else { 0 });
            dying.dedup();
            // An instruction that writes over an operand writes over one that nobody wants any more; if there
            // is none, it gets a copy, which must not be another operand.
            let over = match step.op {
                Op::Fused => dying.first().copied(),
                Op::Merge => dying.iter().copied().find(|p| *p == places[step.args()[0].0 as usize]),
                _ => None,
            };
            let early = matches!(step.op, Op::Fused | Op::Merge) && over.is_none();
            let before = if early { Some(vectors.take()?) } else { None };
            for place in &dying {
                match place {
                    Place::Vector(r) if over != Some(*place) => vectors.give(*r),
                    Place::Mask(r) => masks.give(*r),
                    _ => {}
                }
            }
            places[i] = match (over, before) {
                _ if step.op.is_store() => continue,
                (Some(place), _) => place,
                (None, Some(r)) => Place::Vector(r),
                (None, None) if step.op.is_mask() => Place::Mask(masks.take()?),
                (None, None) => Place::Vector(vectors.take()?),
            };
        }
        let mut same: Vec<usize> = (0..steps.len()).filter(|i| steps[*i].op.is_same()).collect();
        // Stable: those used as often stay in order.
        same.sort_by_key(|i| std::cmp::Reverse(uses[*i]));
        let hoisted: Vec<(Id, u8)> =
            same.iter().zip(vectors.most..VECTORS).map(|(i, r)| (Id(*i as u32), r as u8)).collect();
        for (id, r) in &hoisted {
            places[id.0 as usize] = Place::Vector(*r);
        }
        Some(Placed { steps, places, hoisted })
    }

    /// Where a step's result is.
    pub(super) fn place(&self, id: Id) -> Place {
        self.places[id.0 as usize]
    }
}

/// The steps with those first from which most is left to do until the end: chains that do not depend on each
/// other go side by side, and none waits for another one's results.
fn by_height(steps: &[Step]) -> Vec<Step> {
    let mut heights = vec![0; steps.len()];
    for (i, step) in steps.iter().enumerate().rev() {
        let height = heights[i] + cycles(step.op);
        for arg in step.args() {
            heights[arg.0 as usize] = heights[arg.0 as usize].max(height);
        }
    }
    let mut order: Vec<usize> = (0..steps.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(heights[*i] + cycles(steps[*i].op)));
    let mut moved = vec![Id(0); steps.len()];
    order.iter().enumerate().for_each(|(to, from)| moved[*from] = Id(to as u32));
    order.into_iter().map(|i| steps[i].moved(&moved)).collect()
}

/// About how long a result takes.
fn cycles(op: Op) -> u32 {
    match op {
        Op::Div => 12,
        Op::Root => 16,
        Op::Load(_) | Op::Test(_) => 8,
        Op::Add | Op::Sub | Op::Compare(_) | Op::OfInt | Op::Whole => 3,
        Op::Mul | Op::Fused => 4,
        _ => 1,
    }
}

/// Registers that nothing is in.
struct Free {
    free: Vec<bool>,
    /// How many have been in use at once, counted from the first.
    most: usize,
}

impl Free {
    fn new(count: usize) -> Self {
        Free { free: vec![true; count], most: 0 }
    }

    /// The first free one.
    fn take(&mut self) -> Option<u8> {
        let first = self.free.iter().position(|free| *free)?;
        self.free[first] = false;
        self.most = self.most.max(first + 1);
        Some(first as u8)
    }

    fn give(&mut self, register: u8) {
        self.free[usize::from(register)] = true;
    }
}
