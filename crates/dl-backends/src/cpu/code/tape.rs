//! A body as a list of primitive operations: what a function leaves behind when it is called with places
//! in that list instead of numbers.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::traced::{Traced, Truth};

/// A step of a tape, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::cpu) struct Id(pub(super) u32);

/// What a step does with the results of others. Integers are as wide as the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    /// The bits of a number that is the same for all elements.
    Constant(u64),
    /// A number of the table, the same for all elements of a call.
    Number(u8),
    /// An element of a stream: of the lane's type, or a byte as an integer.
    Load(u8),
    /// Whether an element of a stream of truth values is true.
    Test(u8),
    /// Writes to a stream.
    Store(u8),
    /// Writes truth values to a stream.
    StoreTruth(u8),
    Add,
    Sub,
    Mul,
    Div,
    /// `a·b + c`.
    Fused,
    Root,
    /// Rounds downwards.
    Whole,
    /// The smaller of two, the second where one is NaN.
    Least,
    /// The larger of two, the second where one is NaN.
    Most,
    And,
    Or,
    Xor,
    /// The bits of `b` where those of `c` are set, else of `a`.
    Merge,
    IntAdd,
    IntSub,
    Up(u8),
    Down(u8),
    Halved(u8),
    OfInt,
    Compare(Predicate),
    /// Compares integers.
    Less,
    Both,
    Either,
    Not,
    /// `b` where `a` holds, else `c`.
    Choose,
}

/// A comparison of floats; each has its opposite, which holds where a NaN is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Predicate {
    Equal,
    Unequal,
    Below,
    NotBelow,
    UpTo,
    NotUpTo,
}

impl Predicate {
    fn opposite(self) -> Self {
        match self {
            Predicate::Equal => Predicate::Unequal,
            Predicate::Unequal => Predicate::Equal,
            Predicate::Below => Predicate::NotBelow,
            Predicate::NotBelow => Predicate::Below,
            Predicate::UpTo => Predicate::NotUpTo,
            Predicate::NotUpTo => Predicate::UpTo,
        }
    }
}

/// An operation and what it is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) args: [Id; 3],
    count: u8,
}

impl Step {
    pub(super) fn args(&self) -> &[Id] {
        &self.args[..usize::from(self.count)]
    }

    /// The same where all steps have other places.
    pub(super) fn moved(mut self, to: &[Id]) -> Step {
        self.args[..usize::from(self.count)].iter_mut().for_each(|a| *a = to[a.0 as usize]);
        self
    }
}

impl Op {
    /// Whether the result is a truth value for each lane.
    pub(super) fn is_mask(self) -> bool {
        matches!(self, Op::Test(_) | Op::Compare(_) | Op::Less | Op::Both | Op::Either | Op::Not)
    }

    /// Whether it has no result.
    pub(super) fn is_store(self) -> bool {
        matches!(self, Op::Store(_) | Op::StoreTruth(_))
    }

    /// Whether it is the same for all elements of a call.
    pub(super) fn is_same(self) -> bool {
        matches!(self, Op::Constant(_) | Op::Number(_))
    }
}

/// The list; equal steps are one.
pub(in crate::cpu) struct Tape {
    /// Whether lanes have 64 bits.
    wide: bool,
    all: RefCell<(Vec<Step>, FxHashMap<Step, Id>)>,
}

impl Tape {
    pub(in crate::cpu) fn new(wide: bool) -> Self {
        Tape { wide, all: RefCell::default() }
    }

    pub(super) fn is_wide(&self) -> bool {
        self.wide
    }

    pub(super) fn push(&self, op: Op, args: &[Id]) -> Id {
        let mut step = Step { op, args: [Id(u32::MAX); 3], count: args.len() as u8 };
        step.args[..args.len()].copy_from_slice(args);
        // One order for both.
        if matches!(op, Op::Add | Op::Mul | Op::And) && args[0].0 > args[1].0 {
            step.args.swap(0, 1);
        }
        let (steps, known) = &mut *self.all.borrow_mut();
        *known.entry(step).or_insert_with(|| {
            steps.push(step);
            Id(steps.len() as u32 - 1)
        })
    }

    /// The number of the table at a place.
    pub(in crate::cpu) fn number(&self, place: usize) -> Traced<'_> {
        Traced::Place(self, self.push(Op::Number(place as u8), &[]))
    }

    /// An element of a stream.
    pub(in crate::cpu) fn load(&self, stream: usize) -> Traced<'_> {
        Traced::Place(self, self.push(Op::Load(stream as u8), &[]))
    }

    /// A truth value of a stream.
    pub(in crate::cpu) fn test(&self, stream: usize) -> Truth<'_> {
        Truth(self, self.push(Op::Test(stream as u8), &[]))
    }

    /// Writes to a stream.
    pub(in crate::cpu) fn store(&self, stream: usize, x: Traced<'_>) {
        self.push(Op::Store(stream as u8), &[x.id(self)]);
    }

    /// Writes truth values to a stream.
    pub(in crate::cpu) fn store_truth(&self, stream: usize, x: Truth<'_>) {
        self.push(Op::StoreTruth(stream as u8), &[x.1]);
    }

    pub(super) fn op(&self, id: Id) -> Step {
        self.all.borrow().0[id.0 as usize]
    }

    /// A constant of the lane's type, by its bits.
    pub(in crate::cpu) fn constant(&self, bits: u64) -> Traced<'_> {
        Traced::Place(self, self.push(Op::Constant(bits), &[]))
    }

    pub(super) fn sign(&self) -> u64 {
        if self.wide { 1 << 63 } else { 1 << 31 }
    }

    pub(super) fn inverse(&self, mask: Id) -> Id {
        match self.op(mask) {
            Step { op: Op::Compare(predicate), .. } => {
                self.push(Op::Compare(predicate.opposite()), self.op(mask).args())
            }
            Step { op: Op::Not, .. } => self.op(mask).args[0],
            _ => self.push(Op::Not, &[mask]),
        }
    }

    /// All steps that something written depends on, in order, with their places moved accordingly.
    pub(super) fn finish(self) -> Vec<Step> {
        let (steps, _) = self.all.into_inner();
        let mut needed = vec![false; steps.len()];
        for (i, step) in steps.iter().enumerate().rev() {
            needed[i] |= step.op.is_store();
            if needed[i] {
                step.args().iter().for_each(|a| needed[a.0 as usize] = true);
            }
        }
        let (mut moved, mut kept) = (vec![Id(u32::MAX); steps.len()], vec![]);
        for (i, step) in steps.into_iter().enumerate().filter(|(i, _)| needed[*i]) {
            moved[i] = Id(kept.len() as u32);
            kept.push(step.moved(&moved));
        }
        kept
    }
}
