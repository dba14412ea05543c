//! A body as a list of primitive operations: what a function leaves behind when it is called with places
//! in that list instead of numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use crate::cpu::vector::primitive::{Bits, Lane};

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
    args: [Id; 3],
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
    all: RefCell<(Vec<Step>, HashMap<Step, Id>)>,
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

    fn op(&self, id: Id) -> Step {
        self.all.borrow().0[id.0 as usize]
    }

    /// A constant of the lane's type, by its bits.
    pub(in crate::cpu) fn constant(&self, bits: u64) -> Traced<'_> {
        Traced::Place(self, self.push(Op::Constant(bits), &[]))
    }

    fn sign(&self) -> u64 {
        if self.wide { 1 << 63 } else { 1 << 31 }
    }

    fn inverse(&self, mask: Id) -> Id {
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

/// A place of a tape, or a constant that waits for the tape on which it is used.
#[derive(Clone, Copy)]
pub(in crate::cpu) enum Traced<'t> {
    Constant(u64),
    Place(&'t Tape, Id),
}

/// A truth value for each lane.
#[derive(Clone, Copy)]
pub(in crate::cpu) struct Truth<'t>(pub(super) &'t Tape, pub(super) Id);

impl<'t> Traced<'t> {
    /// The place on a tape, where a constant is put if it is one.
    pub(super) fn id(self, tape: &Tape) -> Id {
        match self {
            Traced::Constant(bits) => tape.push(Op::Constant(bits), &[]),
            Traced::Place(_, id) => id,
        }
    }

    fn is_zero(self) -> bool {
        match self {
            Traced::Constant(bits) => bits == 0,
            Traced::Place(tape, id) => tape.op(id).op == Op::Constant(0),
        }
    }

    fn of<const N: usize>(op: Op, args: [Traced<'t>; N]) -> Self {
        let (tape, id) = record(op, args);
        Traced::Place(tape, id)
    }

    fn test<const N: usize>(op: Op, args: [Traced<'t>; N]) -> Truth<'t> {
        let (tape, id) = record(op, args);
        Truth(tape, id)
    }

    /// Without its sign: that of a product is the product of those, so that equal sizes are equal steps.
    fn unsigned(self, all: u64) -> Self {
        if let Traced::Place(tape, id) = self {
            let step = tape.op(id);
            let number = |id: Id| if let Op::Constant(bits) = tape.op(id).op { Some(bits) } else { None };
            match (step.op, step.args().iter().position(|arg| number(*arg).is_some())) {
                (Op::Xor, Some(at)) if number(step.args[at]) == Some(tape.sign()) => {
                    return Traced::Place(tape, step.args[1 - at]).unsigned(all);
                }
                (Op::Mul, Some(at)) => {
                    let factor = tape.constant(number(step.args[at]).unwrap_or(0) & all);
                    let size = Traced::Place(tape, step.args[1 - at]).unsigned(all);
                    return Traced::of(Op::Mul, [size, factor]);
                }
                _ => {}
            }
        }
        Traced::of(Op::And, [self, Traced::Constant(all)])
    }

    fn chosen(Truth(tape, mask): Truth<'t>, a: Self, b: Self) -> Self {
        // A register that is zero where nothing is chosen takes no second operand.
        let (mask, a, b) = if a.is_zero() { (tape.inverse(mask), b, a) } else { (mask, a, b) };
        Traced::Place(tape, tape.push(Op::Choose, &[mask, a.id(tape), b.id(tape)]))
    }
}

fn record<'t, const N: usize>(op: Op, args: [Traced<'t>; N]) -> (&'t Tape, Id) {
    let tape = args.iter().find_map(|a| if let Traced::Place(tape, _) = a { Some(*tape) } else { None });
    let tape = tape.expect("functions compute with their arguments, not with constants alone");
    (tape, tape.push(op, &args.map(|a| a.id(tape))))
}

macro_rules! operators {
    ($($trait:ident $name:ident $op:ident;)*) => {$(
        impl<'t> $trait for Traced<'t> {
            type Output = Traced<'t>;

            fn $name(self, x: Self) -> Self {
                Traced::of(Op::$op, [self, x])
            }
        }
    )*};
}
operators! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
}

impl Neg for Traced<'_> {
    type Output = Self;

    fn neg(self) -> Self {
        match self {
            Traced::Constant(_) => unreachable!("constants are written with their signs"),
            Traced::Place(tape, _) => Traced::of(Op::Xor, [self, Traced::Constant(tape.sign())]),
        }
    }
}

macro_rules! connectives {
    ($($trait:ident $name:ident $op:ident;)*) => {$(
        impl<'t> $trait for Truth<'t> {
            type Output = Truth<'t>;

            fn $name(self, x: Self) -> Self {
                Truth(self.0, self.0.push(Op::$op, &[self.1, x.1]))
            }
        }
    )*};
}
connectives! {
    BitAnd bitand Both;
    BitOr bitor Either;
}

impl Not for Truth<'_> {
    type Output = Self;

    fn not(self) -> Self {
        Truth(self.0, self.0.inverse(self.1))
    }
}

macro_rules! lanes {
    ($($t:ident)*) => {$(
        impl<'t> Lane<$t> for Traced<'t> {
            type Bits = Traced<'t>;
            type Mask = Truth<'t>;

            fn number(x: $t) -> Self {
                Traced::Constant(x.to_bits().into())
            }
            fn fused(self, b: Self, c: Self) -> Self {
                Traced::of(Op::Fused, [self, b, c])
            }
            fn root(self) -> Self {
                Traced::of(Op::Root, [self])
            }
            fn size(self) -> Self {
                self.unsigned(((-0.0 as $t).to_bits() - 1).into())
            }
            fn signed(self, sign: Self) -> Self {
                Traced::of(Op::Merge, [self, sign, Traced::Constant((-0.0 as $t).to_bits().into())])
            }
            fn whole(self) -> Self {
                Traced::of(Op::Whole, [self])
            }
            fn at_most(self, limit: Self) -> Self {
                Traced::of(Op::Least, [limit, self])
            }
            fn at_least(self, limit: Self) -> Self {
                Traced::of(Op::Most, [limit, self])
            }
            fn below(self, y: Self) -> Truth<'t> {
                Traced::test(Op::Compare(Predicate::Below), [self, y])
            }
            fn up_to(self, y: Self) -> Truth<'t> {
                Traced::test(Op::Compare(Predicate::UpTo), [self, y])
            }
            fn equals(self, y: Self) -> Truth<'t> {
                Traced::test(Op::Compare(Predicate::Equal), [self, y])
            }
            fn choose(condition: Truth<'t>, a: Self, b: Self) -> Self {
                Traced::chosen(condition, a, b)
            }
            fn bits(self) -> Self {
                self
            }
            fn of_bits(bits: Self) -> Self {
                bits
            }
            fn of_int(n: Self) -> Self {
                Traced::of(Op::OfInt, [n])
            }
        }
    )*};
}
lanes!(f32 f64);

impl<'t> Bits for Traced<'t> {
    type Mask = Truth<'t>;

    fn integer(x: i64) -> Self {
        Traced::Constant(x as u64)
    }
    fn plus(self, x: Self) -> Self {
        Traced::of(Op::IntAdd, [self, x])
    }
    fn minus(self, x: Self) -> Self {
        Traced::of(Op::IntSub, [self, x])
    }
    fn and(self, x: Self) -> Self {
        Traced::of(Op::And, [self, x])
    }
    fn or(self, x: Self) -> Self {
        Traced::of(Op::Or, [self, x])
    }
    fn up(self, by: u32) -> Self {
        Traced::of(Op::Up(by as u8), [self])
    }
    fn down(self, by: u32) -> Self {
        Traced::of(Op::Down(by as u8), [self])
    }
    fn halved(self, by: u32) -> Self {
        Traced::of(Op::Halved(by as u8), [self])
    }
    fn less(self, x: Self) -> Truth<'t> {
        Traced::test(Op::Less, [self, x])
    }
    fn choose(condition: Truth<'t>, a: Self, b: Self) -> Self {
        Traced::chosen(condition, a, b)
    }
}
