//! Places of a tape, with which functions compute as if they were numbers.

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use super::tape::{Id, Op, Predicate, Tape};
use crate::cpu::vector::primitive::{Bits, Lane};

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
