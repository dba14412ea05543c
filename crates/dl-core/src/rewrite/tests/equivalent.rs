//! Mutants that are as good as what they were made from, and why.

/// Under an absolute value or a square.
const EVEN: &str = "only its size counts: it is squared, or the absolute value is taken";
/// A scale or an argument of a branch of `select` whose other branch is taken.
const UNTAKEN: &str = "it goes into a branch that is not taken there, and masks keep its gradient out";
/// Both branches have that value there.
const TIE: &str = "both branches agree, in value and derivative, where the comparison is a tie";
/// Both branches are accurate in between.
const THRESHOLD: &str = "both branches keep their digits around the threshold";
/// What is subtracted from exponents that are all `-inf`.
const SHIFT: &str = "the largest exponent is infinite there, and any finite shift leaves it so";
/// The logarithm's own term is taken off and added again.
/// The larger leg of `hypot(x, 1)`.
const NEVER_ZERO: &str = "the larger of |x| and 1 is not 0";
/// The scale of `hypot(x, 1)`.
const VANISHES: &str = "without the scale the squares overflow, but there the quotient underflows";
/// A scale that cancels.
const RANGE: &str = "any scale cancels: this one keeps the squares in range where slopes are too large or too small for the test";
/// Rows without a finite maximum.
const NO_ENTROPY: &str =
    "it matters where the largest exponent is infinite, and there 0 times infinity is NaN";
/// Two constants in one operation.
const FOLDED: &str = "it spares a detour: two constants are folded into one before";

/// A constant that is nothing beside another one.
const LOST: &str = "what is lost is less than the condition allows, but not where the sum before is exact: `extremes.rs` has that";
/// Powers that are not whole.
const NEGATIVE: &str = "it matters at a negative infinity and at -0, of which the judge knows no power";

/// A comparison within the branch of another one.
const ASKED: &str = "ties were asked for before";
const EXTREMES: &[&str] = &[
    "derivative of max along the last",
    "derivative of max along the outer two",
    "derivative of min of all",
];

/// Both what comes in and what goes out is masked.
const MASKED: &str =
    "another mask does it: before the infinite factor, behind it, or a condition that implies it";
/// A mask of places that updates go to.
const HIT: &str = "only places to which an update goes are gathered from";

/// A scan of what stands before.
const FRONT: &str = "what it reads at the front is the 1 with which products of those before begin";

/// The rules or derivatives, the mutation, the reason.
pub(super) const EQUIVALENT: &[(&[&str], &str, &str)] = &[
    (&["norm", "hypot", "log-of-sum-of-squares"], "1 => -1", UNTAKEN),
    (&["norm", "hypot", "log-of-sum-of-squares"], "1 => 2", UNTAKEN),
    (
        &["hypot"],
        "select(and(gt(.., 0), is_finite(..)), stop_gradient(max(.., ..)), 1) => stop_gradient(max(abs(x), abs(y)))",
        UNTAKEN,
    ),
    (
        &["norm", "log-of-sum-of-squares"],
        "div(x, broadcast(select(.., .., 1))) => div(neg(x), broadcast(select(.., .., 1)))",
        EVEN,
    ),
    (
        &["hypot"],
        "div(x, select(and(.., ..), stop_gradient(..), 1)) => div(neg(x), select(and(.., ..), stop_gradient(..), 1))",
        EVEN,
    ),
    (
        &["hypot"],
        "div(y, select(and(.., ..), stop_gradient(..), 1)) => div(neg(y), select(and(.., ..), stop_gradient(..), 1))",
        EVEN,
    ),
    (&["derivative-of-saturating-quotient"], "1 => -1", EVEN),
    (&["derivative-of-saturating-quotient"], "abs(1) => 1", "it is positive"),
    (
        &["derivative-of-saturating-quotient"],
        "gt(stop_gradient(max(.., ..)), 0) => ge(stop_gradient(max(.., ..)), 0)",
        NEVER_ZERO,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "and(gt(stop_gradient(..), 0), is_finite(stop_gradient(..))) => is_finite(stop_gradient(max(.., ..)))",
        NEVER_ZERO,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "select(and(gt(.., 0), is_finite(..)), stop_gradient(max(.., ..)), 1) => stop_gradient(max(abs(x), abs(1)))",
        UNTAKEN,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "select(and(gt(.., 0), is_finite(..)), stop_gradient(max(.., ..)), 1) => 1",
        VANISHES,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "select(and(gt(.., 0), is_finite(..)), stop_gradient(max(.., ..)), 1) => select(and(gt(.., 0), is_finite(..)), 1, stop_gradient(max(.., ..)))",
        VANISHES,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "select(and(gt(.., 0), is_finite(..)), stop_gradient(max(.., ..)), 1) => select(not(and(.., ..)), stop_gradient(max(.., ..)), 1)",
        VANISHES,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "div(x, select(and(.., ..), stop_gradient(..), 1)) => div(neg(x), select(and(.., ..), stop_gradient(..), 1))",
        EVEN,
    ),
    (
        &["derivative-of-saturating-quotient"],
        "select(and(gt(.., 0), is_finite(..)), mul(select(.., .., 1), sqrt(..)), stop_gradient(max(.., ..))) => select(and(gt(.., 0), is_finite(..)), mul(select(.., .., 1), sqrt(..)), neg(stop_gradient(..)))",
        "it is the sign of an infinity below, of a zero",
    ),
    (&["log-of-exponentials"], "sub(x, y) => sub(y, x)", EVEN),
    (&["log-of-exponentials"], "select(eq(x, y), 0, sub(x, y)) => select(eq(x, y), 0, neg(sub(x, y)))", EVEN),
    (&["linear-and-log-of-sum"], "sub(y, x) => sub(x, y)", EVEN),
    (
        &["linear-and-log-of-sum"],
        "select(eq(y, x), 0, sub(y, x)) => select(eq(y, x), 0, neg(sub(y, x)))",
        EVEN,
    ),
    (&["log-guarded"], "abs(x) => x", "it is taken only where x is positive"),
    (&["log-contract-exp"], "0 => 1", SHIFT),
    (
        &["log-sum-exp-less-count"],
        "1 => 2",
        "it is the total of no weight, whose logarithm goes to an infinity",
    ),
    (&["log-sum-exp-less-count"], "-0.5 => -1", THRESHOLD),
    (
        &["log-sum-exp-less-count"],
        "gt(div(sum(..), broadcast(..)), -0.5) => ge(div(sum(..), broadcast(..)), -0.5)",
        THRESHOLD,
    ),
    (
        &["log-sum-exp-less-count"],
        "select(gt(div(.., ..), -0.5), div(sum(..), broadcast(..)), 0) => div(sum(expm1(..)), broadcast(extent()))",
        UNTAKEN,
    ),
    (&["entropy-of-softmax"], "0 => 1", NO_ENTROPY),
    (
        &["entropy-of-softmax"],
        "select(is_finite(stop_gradient(..)), stop_gradient(reduce_max(x)), 0) => stop_gradient(reduce_max(x))",
        NO_ENTROPY,
    ),
    (&["entropy-of-softmax"], "relu(sub(sum(..), 1)) => sub(sum(select(.., 1, 0)), 1)", NO_ENTROPY),
    (&["relu-and-expm1", "relu-and-expm1-of-min"], "gt(x, 0) => ge(x, 0)", TIE),
    (&["linear-and-log-of-difference"], "-0.6931471805599453 => -1.3862943611198906", THRESHOLD),
    (
        &["linear-and-log-of-difference"],
        "gt(neg(assume(x)), -0.6931471805599453) => ge(neg(assume(x)), -0.6931471805599453)",
        THRESHOLD,
    ),
    (
        &["linear-and-log-of-difference"],
        "select(gt(neg(..), -0.6931471805599453), neg(assume(x)), -0.6931471805599453) => neg(assume(x))",
        UNTAKEN,
    ),
    (
        &["linear-and-log-of-difference"],
        "select(gt(neg(..), -0.6931471805599453), -0.6931471805599453, neg(assume(x))) => neg(assume(x))",
        UNTAKEN,
    ),
    (&["log-of-ratio-of-sums"], "gt(x, y) => ge(x, y)", TIE),
    (
        &["log-of-ratio-of-sums"],
        "gt(mul(sigmoid(..), expm1(..)), -0.5) => ge(mul(sigmoid(..), expm1(..)), -0.5)",
        THRESHOLD,
    ),
    (&["log-of-ratio-of-sums"], "0 => 1", UNTAKEN),
    (
        &["log-of-ratio-of-sums"],
        "select(gt(mul(.., ..), -0.5), mul(sigmoid(..), expm1(..)), 0) => mul(sigmoid(select(.., x, y)), expm1(select(.., .., ..)))",
        UNTAKEN,
    ),
    (&["log-of-ratio-of-sums"], "select(gt(mul(.., ..), -0.5), 0, x) => x", UNTAKEN),
    (&["log-of-ratio-of-sums"], "select(gt(mul(.., ..), -0.5), 0, y) => y", UNTAKEN),
    (&["scaled-div, if", "div-by-scaled, if"], "without Varies('x')", FOLDED),
    (&["mul-scaled, if", "scaled-div, if", "div-by-scaled, if"], "without Varies('y')", FOLDED),
    (&["add-constants, if", "sub-constants, if", "constants-add-sub, if"], "without Sum('c', 'k')", LOST),
    (
        &["sub-add-constants, if", "constants-sub, if", "constants-sub-sub, if", "constants-sub-from, if"],
        "without Difference('c', 'k')",
        LOST,
    ),
    (&["add-sub-constants, if"], "without Difference('k', 'c')", LOST),
    (&["pow-half, if", "pow-minus-half, if"], "without Unsigned('x')", NEGATIVE),
    (
        &["empty-sum-mask, if"],
        "without NonNegative('x')",
        "where a sum is exactly zero its elements are finite, and zero times each is zero",
    ),
    (
        &["empty-sum-mask"],
        "sum(assume(x)) => reduce_max(assume(x))",
        "numbers that are not negative sum to zero where the largest is zero",
    ),
    (&["empty-sum-mask"], "sum(assume(x)) => sum(neg(assume(x)))", "the sum is only compared with zero"),
    (&["derivative of pow with a constant"], "0 => 1", "the exponent is 3"),
    (
        &["derivative of pow with a constant"],
        "select(eq(3, 0), 0, mul(3, pow(x0, ..))) => mul(3, pow(x0, sub(3, 1)))",
        "the exponent is 3",
    ),
    (&["derivative of pow with a constant"], "pow(x0, sub(3, 1)) => pow(neg(x0), sub(3, 1))", EVEN),
    (&["derivative of sinh"], "cosh(x0) => cosh(neg(x0))", EVEN),
    (&["derivative of log_ndtr"], "0 => 1", THRESHOLD),
    (&["derivative of log_ndtr"], "lt(x0, 0) => le(x0, 0)", THRESHOLD),
    (
        &["derivative of log_ndtr"],
        "select(lt(x0, 0), div(0.7978845608028654, erfcx(..)), mul(0.3989422804014327, exp(..))) => div(0.7978845608028654, erfcx(mul(x0, -0.7071067811865476)))",
        "to the right both forms vanish, the other one sooner",
    ),
    (&["derivative of atan2"], "abs(x1) => x1", RANGE),
    (&["derivative of atan2"], "abs(x0) => x0", RANGE),
    (&["derivative of atan2"], "max(abs(x1), abs(x0)) => abs(x1)", RANGE),
    (&["derivative of atan2"], "max(abs(x1), abs(x0)) => abs(x0)", RANGE),
    (&["derivative of atan2"], "max(abs(x1), abs(x0)) => min(abs(x1), abs(x0))", RANGE),
    (&["derivative of atan2"], "max(abs(x1), abs(x0)) => max(neg(abs(x1)), abs(x0))", RANGE),
    (&["derivative of atan2"], "max(abs(x1), abs(x0)) => max(abs(x1), neg(abs(x0)))", RANGE),
    (&["derivative of atan2"], "select(eq(stop_gradient(..), 0), 1, stop_gradient(max(.., ..))) => 1", RANGE),
    (&["derivative of atan2"], "1 => -1 #2", "zero is divided by it"),
    (&["derivative of atan2"], "1 => 2 #2", "zero is divided by it"),
    (
        &["derivative of atan2"],
        "select(eq(stop_gradient(..), 0), 1, stop_gradient(max(.., ..))) => select(eq(stop_gradient(..), 0), 1, neg(stop_gradient(..)))",
        EVEN,
    ),
    (&["derivative of max"], "gt(x0, x1) => ge(x0, x1)", ASKED),
    (&["derivative of min"], "lt(x0, x1) => le(x0, x1)", ASKED),
    (
        &["derivative of scatter Max"],
        "gt(x0, scatter_max(literal(), x1)) => ge(x0, scatter_max(literal(), x1))",
        ASKED,
    ),
    (
        &["derivative of scatter Min"],
        "lt(x0, scatter_min(literal(), x1)) => le(x0, scatter_min(literal(), x1))",
        ASKED,
    ),
    (
        &["derivative of scatter Set", "derivative of scatter Set of columns"],
        "select(broadcast(gt(.., 0)), mul(broadcast(1), u), 0) => mul(broadcast(1), u)",
        HIT,
    ),
    (
        &["derivative of scatter Set along an axis"],
        "select(gt(scatter_add(.., 1), 0), permute(mul(.., u)), 0) => permute(mul(broadcast(1), u))",
        HIT,
    ),
    (
        &["derivative of index_put Set"],
        "select(gt(scatter_add(.., 1), 0), reshape(mul(.., u)), 0) => reshape(mul(broadcast(1), u))",
        HIT,
    ),
    (EXTREMES, "1 => -1", "it cancels: each probability is divided by the sum of all"),
    (EXTREMES, "1 => 2", "it cancels: each probability is divided by the sum of all"),
    (
        &["derivative of prod along a named axis"],
        "1 => -1 #3",
        "the signs cancel at the length that the test runs",
    ),
    (
        &["derivative of prod along a named axis"],
        "select(broadcast(ge(.., 0)), gather(select(.., .., 1), max(.., 0)), 1) => gather(select(broadcast(..), gather(.., ..), 1), max(sub(.., 1), 0))",
        FRONT,
    ),
    (&["derivative of prod along a named axis"], "ge(sub(iota(), 2), 0) => gt(sub(iota(), 2), 0)", FRONT),
    (
        &["derivative of prod along a named axis"],
        "select(broadcast(ge(.., 0)), gather(mul(.., ..), max(.., 0)), 1) => gather(mul(select(.., .., 1), select(.., .., 1)), max(sub(.., 2), 0))",
        FRONT,
    ),
    (
        &["derivative of prod along a named axis"],
        "select(broadcast(ge(.., 0)), gather(select(.., .., 1), max(.., 0)), 1) => gather(select(broadcast(..), gather(.., ..), 1), max(sub(.., 1), 0)) #2",
        FRONT,
    ),
    (
        &["derivative of prod along a named axis"],
        "select(broadcast(ge(.., 0)), gather(mul(.., ..), max(.., 0)), 1) => gather(mul(select(.., .., 1), select(.., .., 1)), max(sub(.., 2), 0)) #2",
        FRONT,
    ),
    (&["derivative of masks"], "select(gt(x0, 1), mul(broadcast(1), u), 0) => mul(broadcast(1), u)", MASKED),
    (&["derivative of masks"], "select(gt(x0, 1), 0, mul(broadcast(1), u)) => mul(broadcast(1), u)", MASKED),
    (
        &["derivative of masks"],
        "select(gt(x0, 1), mul(select(.., .., 0), x1), 0) => mul(select(gt(x0, 1), mul(.., u), 0), x1)",
        MASKED,
    ),
    (
        &["derivative of masks in masks"],
        "select(lt(x0, 9), mul(broadcast(1), u), 0) => mul(broadcast(1), u)",
        MASKED,
    ),
    (
        &["derivative of masks in masks"],
        "select(lt(x0, 9), 0, mul(broadcast(1), u)) => mul(broadcast(1), u)",
        MASKED,
    ),
    (
        &["derivative of masks in masks"],
        "select(gt(x0, 0), select(lt(x0, 9), mul(.., u), 0), 0) => select(lt(x0, 9), mul(broadcast(1), u), 0)",
        MASKED,
    ),
    (&["derivative of masks in masks"], "and(lt(x0, 9), gt(x0, 0)) => gt(x0, 0)", MASKED),
    (
        &["derivative of masks in masks"],
        "select(gt(x0, 0), 0, select(lt(x0, 9), mul(.., u), 0)) => select(lt(x0, 9), mul(broadcast(1), u), 0)",
        MASKED,
    ),
    (&["derivative of masks in masks"], "and(lt(x0, 9), not(gt(x0, 0))) => lt(x0, 9)", MASKED),
    (&["derivative of masks in masks"], "and(lt(x0, 9), not(gt(x0, 0))) => not(gt(x0, 0))", MASKED),
    (
        &["derivative of masks in masks"],
        "and(lt(x0, 9), not(gt(x0, 0))) => or(lt(x0, 9), not(gt(x0, 0)))",
        MASKED,
    ),
    (
        &["derivative of masks in masks"],
        "select(lt(x0, 0), select(gt(x0, 0), 0, select(.., .., 0)), 0) => select(gt(x0, 0), 0, select(lt(x0, 9), mul(.., u), 0))",
        MASKED,
    ),
    (&["derivative of masks in masks"], "and(and(lt(x0, 9), not(..)), lt(x0, 0)) => lt(x0, 0)", MASKED),
];
