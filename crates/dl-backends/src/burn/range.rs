//! Ranges of integer values, found from a plan before it runs.
//!
//! They decide two things: which indices cannot leave their axis and need no check, and which
//! integer arithmetic cannot leave the device's integers and need not take place on the host.

use dl_core::ops::{Binary, Cumulative, Op, Reduce, Scatter, Unary};
use dl_core::tensor::DataRef;
use dl_core::{DType, Scalar};

/// All integers from `low` to `high`; wide enough that sums of two ranges do not overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: i128,
    pub(super) high: i128,
}

/// What the range of a step's result depends on.
pub(super) struct Ask<'a> {
    pub(super) op: &'a Op,
    pub(super) dtype: DType,
    pub(super) shape: &'a [usize],
    /// Range, element type and shape of each operand.
    pub(super) args: &'a [(Range, DType, Vec<usize>)],
    /// All that integers on the device can be.
    pub(super) device: Range,
}

/// The sums and products of more elements than this are taken to be unbounded.
const ENOUGH: i128 = 1 << 64;

impl Range {
    pub(super) fn new(low: impl Into<i128>, high: impl Into<i128>) -> Self {
        Range { low: low.into(), high: high.into() }
    }

    pub(super) fn contains(&self, n: i64) -> bool {
        self.low <= i128::from(n) && i128::from(n) <= self.high
    }

    pub(super) fn within(&self, other: Range) -> bool {
        other.low <= self.low && self.high <= other.high
    }

    fn union(self, other: Range) -> Range {
        Range { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn symmetric(magnitude: i128) -> Range {
        Range::new(-magnitude, magnitude)
    }

    fn magnitude(self) -> i128 {
        self.low.abs().max(self.high.abs()).min(ENOUGH)
    }

    /// All sums of up to `count` elements.
    fn sum(self, count: usize) -> Range {
        Range::symmetric(self.magnitude().saturating_mul(count as i128).min(ENOUGH))
    }

    fn of(data: DataRef<'_>) -> Option<Range> {
        let DataRef::I64(v) = data else { return None };
        Some(Range::new(*v.iter().min()?, *v.iter().max()?))
    }
}

/// The range of a step's result as exact arithmetic gives it, perhaps beyond the device's integers.
pub(super) fn range(ask: &Ask<'_>) -> Range {
    let x = || ask.args.first().map_or(ask.device, |a| a.0);
    let y = || ask.args.get(1).map_or(ask.device, |a| a.0);
    let bytes = Range::new(0, 255);
    match ask.op {
        Op::Input(_) | Op::Parameter(_) => {
            if ask.dtype == DType::U8 {
                bytes
            } else {
                ask.device
            }
        }
        Op::Constant(value) => constant(*value),
        Op::Literal(literal) => Range::of(literal.0.view().data()).unwrap_or(if ask.dtype == DType::U8 {
            bytes
        } else {
            ask.device
        }),
        Op::Step => Range::new(0, steps(ask.device)),
        Op::Iota(axis) => below(ask.shape[*axis]),
        Op::ArgReduce { axis, .. } | Op::ArgSort { axis, .. } => {
            ask.args.first().map_or(ask.device, |a| below(a.2[*axis]))
        }
        Op::Cast => match ask.args.first() {
            _ if ask.dtype == DType::U8 => bytes,
            Some((_, DType::Bool, _)) => Range::new(0, 1),
            Some((range, DType::I64 | DType::U8, _)) => *range,
            _ => Range::new(i64::MIN, i64::MAX),
        },
        Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast(_)
        | Op::Slice { .. }
        | Op::Flip(_)
        | Op::Gather { .. }
        | Op::Sort { .. }
        | Op::Unfold { .. } => x(),
        Op::Pad { value, .. } => x().union(constant(*value)),
        Op::Concat(_) => ask.args.iter().map(|a| a.0).reduce(Range::union).unwrap_or(ask.device),
        Op::Select => ask.args[1].0.union(ask.args[2].0),
        Op::Unary(Unary::Sign) => Range::new(-1, 1),
        Op::Unary(Unary::Neg) => Range { low: -x().high, high: -x().low },
        Op::Unary(_) => Range::new(0, x().magnitude()),
        Op::Binary(op) => binary(*op, x(), y()),
        Op::Reduce { kind: Reduce::Max | Reduce::Min, .. } => x(),
        Op::Reduce { kind: Reduce::Sum, axes } => x().sum(count(ask, axes)),
        Op::Reduce { kind: Reduce::Prod, axes } => power(x().magnitude(), count(ask, axes)),
        Op::Contract(spec) => {
            let summed =
                spec.summed().filter_map(|l| spec.lhs.iter().position(|k| *k == l)).collect::<Vec<_>>();
            Range::symmetric(x().magnitude().saturating_mul(y().magnitude()).min(ENOUGH))
                .sum(count(ask, &summed))
        }
        Op::Scatter { kind: Scatter::Add, .. } => y().sum(ask.args[1].2.iter().product()),
        Op::Scatter { kind: Scatter::Set, .. } => y().union(Range::new(0, 0)),
        Op::Scatter { .. } => Range::new(i64::MIN, i64::MAX),
        Op::Cumulative { kind: Cumulative::Max | Cumulative::Min, .. } => x(),
        Op::Cumulative { kind: Cumulative::Prod, axis, .. } => power(x().magnitude(), count(ask, &[*axis])),
        Op::Cumulative { axis, .. } => x().sum(count(ask, &[*axis])),
        Op::Fold { .. } => x().sum(ask.args[0].2.iter().product()),
        _ => ask.device,
    }
}

/// The largest step that [`Op::Step`] may give: far away, yet arithmetic on it stays in range.
pub(super) fn steps(device: Range) -> i128 {
    device.high >> 2
}

fn constant(value: Scalar) -> Range {
    match value {
        Scalar::Int(n) => Range::new(n, n),
        _ => Range::new(0, 0),
    }
}

fn below(size: usize) -> Range {
    Range::new(0, size.saturating_sub(1) as i128)
}

fn binary(op: Binary, x: Range, y: Range) -> Range {
    match op {
        Binary::Add => Range { low: x.low + y.low, high: x.high + y.high },
        Binary::Sub => Range { low: x.low - y.high, high: x.high - y.low },
        Binary::Max => Range { low: x.low.max(y.low), high: x.high.max(y.high) },
        Binary::Min => Range { low: x.low.min(y.low), high: x.high.min(y.high) },
        // The least number by -1 is one beyond the largest.
        Binary::FloorDivide => Range::symmetric(x.magnitude()),
        Binary::Remainder => Range { low: y.low.min(0), high: y.high.max(0) },
        _ => {
            let ends = [x.low, x.high].map(|a| [y.low, y.high].map(|b| a.saturating_mul(b)));
            let [a, b, c, d] = [ends[0][0], ends[0][1], ends[1][0], ends[1][1]];
            Range { low: a.min(b).min(c).min(d), high: a.max(b).max(c).max(d) }
        }
    }
}

fn power(magnitude: i128, count: usize) -> Range {
    let mut bound = 1i128;
    for _ in 0..count {
        if magnitude <= 1 || bound >= ENOUGH {
            break;
        }
        bound = bound.saturating_mul(magnitude).min(ENOUGH);
    }
    Range::symmetric(bound)
}

fn count(ask: &Ask<'_>, axes: &[usize]) -> usize {
    ask.args.first().map_or(0, |a| axes.iter().map(|&i| a.2[i]).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(op: &Op, args: &[(Range, DType, Vec<usize>)]) -> Range {
        range(&Ask { op, dtype: DType::I64, shape: &[4], args, device: Range::new(i32::MIN, i32::MAX) })
    }

    #[test]
    fn ranges_follow_the_arithmetic() {
        let (small, shape) = (Range::new(-2, 9), vec![4]);
        let x = (small, DType::I64, shape.clone());
        assert_eq!(ask(&Op::Binary(Binary::Sub), &[x.clone(), x.clone()]), Range::new(-11, 11));
        assert_eq!(ask(&Op::Binary(Binary::Mul), &[x.clone(), x.clone()]), Range::new(-18, 81));
        assert_eq!(ask(&Op::Unary(Unary::Neg), std::slice::from_ref(&x)), Range::new(-9, 2));
        let sum = Op::Reduce { kind: Reduce::Sum, axes: vec![0] };
        assert_eq!(ask(&sum, std::slice::from_ref(&x)), Range::new(-36, 36));
        let argmax = Op::ArgReduce { kind: Reduce::Max, axis: 0 };
        assert_eq!(ask(&argmax, &[x]), Range::new(0, 3));
    }

    #[test]
    fn what_may_leave_the_integers_is_seen() {
        let wide = Range::new(i64::MIN, i64::MAX);
        let x = (wide, DType::I64, vec![4]);
        for op in [Op::Binary(Binary::Add), Op::Binary(Binary::Mul)] {
            assert!(!ask(&op, &[x.clone(), x.clone()]).within(wide), "{}", op.name());
        }
        assert!(!ask(&Op::Unary(Unary::Abs), std::slice::from_ref(&x)).within(wide));
        let product = Op::Reduce { kind: Reduce::Prod, axes: vec![0] };
        assert!(!ask(&product, &[(Range::new(0, 1 << 20), DType::I64, vec![4])]).within(wide));
        assert!(ask(&product, &[(Range::new(-1, 1), DType::I64, vec![4])]).within(wide));
    }
}
