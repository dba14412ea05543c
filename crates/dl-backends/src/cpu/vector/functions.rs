//! The functions in both precisions: one definition, instantiated with each type's constants.
//!
//! Arguments are reduced as Cody and Waite do (*Software Manual for the Elementary Functions*, 1980);
//! the forms of `log` and `tanh` are those of Moshier's Cephes and Sun's fdlibm. The polynomials are
//! minimax ones of our own (Remez' exchange), but where a comment names another source.
//! Nothing branches: both ways are computed and one is chosen, since all lanes go together.

/// `c₀ + x·(c₁ + x·(…))`.
macro_rules! horner {
    ($x:expr, $last:expr) => { F::number($last) };
    ($x:expr, $first:expr, $($rest:expr),+) => { fma::<FMA, F>($x, horner!($x, $($rest),+), F::number($first)) };
}

macro_rules! functions {
    ($t:ident) => {
        /// `a·b + c`: fused where that is one instruction, else rounded twice.
        #[inline(always)]
        fn fma<const FMA: bool, F: Lane<$t>>(a: F, b: F, c: F) -> F {
            if FMA { a.fused(b, c) } else { a * b + c }
        }

        /// `1.5·2^(digits - 1)`: adding it rounds to an integer, which the low bits then hold.
        const ROUND: $t = 1.5 * (1_u64 << ($t::MANTISSA_DIGITS - 1)) as $t;
        /// How far the exponent is from the lowest bit.
        const SHIFT: u32 = $t::MANTISSA_DIGITS - 1;
        const BIAS: i64 = $t::MAX_EXP as i64 - 1;
        /// Bits of 1 above those of `√½`, for a mantissa in `[√½, √2)`.
        const ABOVE_ROOT: i64 = (1.0 as $t).to_bits() as i64 - ROOT;
        const MANTISSA: i64 = (1 << SHIFT) - 1;

        /// The integer as one of a lane.
        #[inline(always)]
        fn int<F: Lane<$t>>(n: i64) -> F::Bits {
            F::Bits::integer(n)
        }

        /// `2ⁿ` where that is a normal number; anything otherwise.
        #[inline(always)]
        fn two_to<F: Lane<$t>>(n: F::Bits) -> F {
            F::of_bits(n.plus(int::<F>(BIAS)).up(SHIFT))
        }

        /// The integer with the other sign.
        #[inline(always)]
        fn minus<F: Lane<$t>>(n: F::Bits) -> F::Bits {
            int::<F>(0).minus(n)
        }

        /// `(p, ROUND + n)` with `e^x = (1 + p)·2ⁿ` and `|p| < 0.42`, for `x` of moderate size.
        #[inline(always)]
        fn exp_shifted<const FMA: bool, F: Lane<$t>>(x: F) -> (F, F) {
            let (log2_e, round) = (F::number(std::$t::consts::LOG2_E), F::number(ROUND));
            let shifted = fma::<FMA, F>(x, log2_e, round);
            let n = shifted - round;
            // The high part has so few digits that its product with n is exact.
            let r = fma::<FMA, F>(n, F::number(-LN2_HIGH), x);
            let r = fma::<FMA, F>(n, F::number(-LN2_LOW), r);
            (fma::<FMA, F>(r * r, exp_tail::<FMA, F>(r), r), shifted)
        }

        /// `n` of `ROUND + n`.
        #[inline(always)]
        fn unshifted<F: Lane<$t>>(shifted: F) -> F::Bits {
            shifted.bits().minus(int::<F>(ROUND.to_bits() as i64))
        }

        /// `(p, n)` with `e^x = (1 + p)·2ⁿ`.
        #[inline(always)]
        fn exp_parts<const FMA: bool, F: Lane<$t>>(x: F) -> (F, F::Bits) {
            let (p, shifted) = exp_shifted::<FMA, F>(x);
            (p, unshifted(shifted))
        }

        /// `e^x` for `x ≤ EXP_HIGH`: in two steps of scaling, so that subnormal results are rounded once.
        #[inline(always)]
        fn exp_below<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let low = F::number(EXP_LOW);
            let (p, n) = exp_parts::<FMA, F>(x.at_least(low));
            let half = n.halved(1);
            // Zero by a factor of zero: underflow takes processors a hundred cycles.
            let last = F::choose(x.below(low), F::number(0.0), two_to(n.minus(half)));
            (F::number(1.0) + p) * two_to(half) * last
        }

        #[inline(always)]
        pub(in crate::cpu) fn exp<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            exp_below::<FMA, F>(x.at_most(F::number(EXP_HIGH)))
        }

        #[inline(always)]
        pub(in crate::cpu) fn expm1<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let inside = x.at_least(F::number(EXPM1_LOW)).at_most(F::number(EXP_HIGH));
            let (p, n) = exp_parts::<FMA, F>(inside);
            // Half of it: 2ⁿ itself may be too large.
            let half: F = two_to(n.minus(int::<F>(1)));
            let y = F::number(2.0) * fma::<FMA, F>(half, p, half - F::number(0.5));
            F::choose(x.size().below(F::number(TINY)), x, y)
        }

        /// `(f, k)` with `x = (1 + f)·2^k` and `1 + f` in `[√½, √2)`, for positive normal `x`.
        #[inline(always)]
        fn log_parts<F: Lane<$t>>(x: F) -> (F, F::Bits) {
            let bits = x.bits().plus(int::<F>(ABOVE_ROOT));
            let m = F::of_bits(bits.and(int::<F>(MANTISSA)).plus(int::<F>(ROOT)));
            (m - F::number(1.0), bits.down(SHIFT))
        }

        /// `log(1 + f) + k·log 2`.
        #[inline(always)]
        fn log_sum<const FMA: bool, F: Lane<$t>>(f: F, k: F) -> F {
            let low = fma::<FMA, F>(k, F::number(LN2_LOW), log_tail::<FMA, F>(f));
            fma::<FMA, F>(k, F::number(LN2_HIGH), f + low)
        }

        #[inline(always)]
        pub(in crate::cpu) fn log<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            const SCALE: $t = (1_u64 << SHIFT) as $t;
            let subnormal = x.below(F::number($t::MIN_POSITIVE));
            let (f, k) = log_parts(F::choose(subnormal, x * F::number(SCALE), x));
            let (far, near) = (F::number(BIAS as $t + SHIFT as $t), F::number(BIAS as $t));
            let y = log_sum::<FMA, F>(f, small_int::<F>(k) - F::choose(subnormal, far, near));
            let y = F::choose(x.equals(F::number($t::INFINITY)), x, y);
            let zero = x.equals(F::number(0.0));
            let outside = F::choose(zero, F::number($t::NEG_INFINITY), F::number($t::NAN));
            F::choose(F::number(0.0).below(x), y, outside)
        }

        #[inline(always)]
        pub(in crate::cpu) fn log1p<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let (_, k) = log_parts(F::number(1.0) + x);
            let n = k.minus(int::<F>(BIAS));
            // What 1 + x lost in rounding, x·2⁻ⁿ + (2⁻ⁿ - 1) keeps; 2⁻ⁿ in two factors, since it may be subnormal.
            let half = n.halved(1);
            let (s, t): (F, F) = (two_to(minus::<F>(half)), two_to(half.minus(n)));
            let f = fma::<FMA, F>(x * s, t, fma::<FMA, F>(s, t, F::number(-1.0)));
            let y = log_sum::<FMA, F>(f, small_int::<F>(k) - F::number(BIAS as $t)).signed(x);
            let y = F::choose(x.equals(F::number($t::INFINITY)), x, y);
            let least = F::number(-1.0);
            let outside = F::choose(x.equals(least), F::number($t::NEG_INFINITY), F::number($t::NAN));
            F::choose(least.below(x), y, outside)
        }

        #[inline(always)]
        pub(in crate::cpu) fn tanh<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let (one, two) = (F::number(1.0), F::number(2.0));
            let a = x.size();
            let s = x * x;
            let near = fma::<FMA, F>(a * s, tanh_tail::<FMA, F>(s), a);
            // As `sigmoid(2x)` has it. Above 2^60, tanh x is 1.
            let (p, shifted) = exp_shifted::<FMA, F>((two * a).at_most(F::number(-EXP_LOW)));
            let power: F = two_to(unshifted::<F>(shifted.at_most(F::number(ROUND + 60.0))));
            let far = one - two / ((one + p) * power + one);
            F::choose(a.below(F::number(0.625)), near, far).signed(x)
        }

        /// `1/(1 + e^a)` for `a ≥ 0`, its fraction reduced by the power of two in `e^a = (1 + p)·2ⁿ`: the
        /// numerator is exact, the denominator all but once rounded.
        #[inline(always)]
        fn lower<const FMA: bool, F: Lane<$t>>(a: F) -> F {
            let (one, high) = (F::number(1.0), F::number(-EXP_LOW));
            let (p, n) = exp_parts::<FMA, F>(a.at_most(high));
            let size = int::<F>(0).minus(n);
            let half = size.halved(1);
            // Next to 1, less than this is nothing; and nothing may underflow, which takes long.
            let least = int::<F>(-60);
            let small: F = two_to(F::Bits::choose(size.less(least), least, size));
            let last = F::choose(high.below(a), F::number(0.0), two_to(size.minus(half)));
            // What 1 + small loses goes to p, which is the smaller one.
            let sum = one + small;
            let lost = small - (sum - one);
            two_to::<F>(half) / (sum + (p + lost)) * last
        }

        /// `1/(1 + e^-x)`: `x` and `-x` have all but the last step in common, and with `tanh(x/2)` the
        /// exponential.
        #[inline(always)]
        pub(in crate::cpu) fn sigmoid<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let y = lower::<FMA, F>(x.size());
            F::choose(x.below(F::number(0.0)), y, F::number(1.0) - y)
        }

        /// `max(x, 0) + log(1 + e^-|x|)`.
        #[inline(always)]
        pub(in crate::cpu) fn softplus<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            let (zero, one) = (F::number(0.0), F::number(1.0));
            let e = exp_below::<FMA, F>(-x.size());
            let large = F::number(std::$t::consts::SQRT_2 - 1.0).up_to(e);
            let f = F::choose(large, (e - one) * F::number(0.5), e);
            let k = F::choose(large, one, zero);
            relu(x) + log_sum::<FMA, F>(f, k)
        }

        #[inline(always)]
        pub(in crate::cpu) fn floor<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            // Instruction sets with FMA have an instruction for it, too; others would call a function.
            if FMA {
                return x.whole();
            }
            let a = x.size();
            let whole = F::number((1_u64 << SHIFT) as $t);
            let nearest = ((a + whole) - whole).signed(x);
            let y = F::choose(x.below(nearest), nearest - F::number(1.0), nearest);
            F::choose(a.below(whole), y, x)
        }

        #[inline(always)]
        pub(in crate::cpu) fn ceil<const FMA: bool, F: Lane<$t>>(x: F) -> F {
            -floor::<FMA, F>(-x)
        }

        /// Halves go to the even number, as in the addition that rounds.
        #[inline(always)]
        pub(in crate::cpu) fn round<F: Lane<$t>>(x: F) -> F {
            let a = x.size();
            let whole = F::number((1_u64 << SHIFT) as $t);
            F::choose(a.below(whole), ((a + whole) - whole).signed(x), x)
        }

        #[inline(always)]
        pub(in crate::cpu) fn sqrt<F: Lane<$t>>(x: F) -> F {
            x.root()
        }

        #[inline(always)]
        pub(in crate::cpu) fn neg<F: Lane<$t>>(x: F) -> F {
            -x
        }

        #[inline(always)]
        pub(in crate::cpu) fn abs<F: Lane<$t>>(x: F) -> F {
            x.size()
        }

        #[inline(always)]
        pub(in crate::cpu) fn sign<F: Lane<$t>>(x: F) -> F {
            let zero = F::number(0.0);
            let y = F::choose(x.equals(zero), zero, F::number(1.0).signed(x));
            F::choose(is_nan(x), x, y)
        }

        /// NaN stays.
        #[inline(always)]
        pub(in crate::cpu) fn relu<F: Lane<$t>>(x: F) -> F {
            let zero = F::number(0.0);
            F::choose(x.up_to(zero), zero, x)
        }

        #[inline(always)]
        fn is_nan<F: Lane<$t>>(x: F) -> F::Mask {
            !x.equals(x)
        }

        /// Whether it is a number and no infinity.
        #[inline(always)]
        pub(in crate::cpu) fn finite<F: Lane<$t>>(x: F) -> F::Mask {
            x.size().below(F::number($t::INFINITY))
        }

        #[inline(always)]
        pub(in crate::cpu) fn is_finite<F: Lane<$t>>(x: F) -> F {
            truth(finite(x))
        }

        #[inline(always)]
        pub(in crate::cpu) fn not<F: Lane<$t>>(x: F) -> F {
            truth(x.equals(F::number(0.0)))
        }

        #[inline(always)]
        fn holds<F: Lane<$t>>(x: F) -> F::Mask {
            !x.equals(F::number(0.0))
        }

        /// 1 where it holds, else 0.
        #[inline(always)]
        pub(in crate::cpu) fn truth<F: Lane<$t>>(b: F::Mask) -> F {
            F::choose(b, F::number(1.0), F::number(0.0))
        }

        functions! { two $t:
            add(x, y) x + y;
            sub(x, y) x - y;
            mul(x, y) x * y;
            div(x, y) x / y;
            max(x, y) F::choose(is_nan(x) | y.below(x), x, y);
            min(x, y) F::choose(is_nan(x) | x.below(y), x, y);
            eq(x, y) truth(x.equals(y));
            ne(x, y) truth(!x.equals(y));
            lt(x, y) truth(x.below(y));
            le(x, y) truth(x.up_to(y));
            gt(x, y) truth(y.below(x));
            ge(x, y) truth(y.up_to(x));
            and(x, y) truth(holds(x) & holds(y));
            or(x, y) truth(holds(x) | holds(y));
        }
    };
    (two $t:ident: $($name:ident($x:ident, $y:ident) $value:expr;)*) => {$(
        #[inline(always)]
        pub(in crate::cpu) fn $name<F: Lane<$t>>($x: F, $y: F) -> F {
            $value
        }
    )*};
}

/// In `f32`.
pub(in crate::cpu) mod single {
    use crate::cpu::vector::primitive::{Bits, Lane};

    const LN2_HIGH: f32 = 0.693_145_75;
    const LN2_LOW: f32 = 1.428_606_8e-6;
    /// From here on e^x is infinite.
    const EXP_HIGH: f32 = 89.0;
    /// Below, e^x is 0: it is less than half the smallest number.
    const EXP_LOW: f32 = -103.972_08;
    /// Up to here e^x - 1 is -1.
    const EXPM1_LOW: f32 = -18.0;
    /// Below, e^x - 1 is x.
    const TINY: f32 = 2.0e-8;
    /// The bits of `√½`.
    const ROOT: i64 = 0x3f35_04f3;

    functions!(f32);

    #[inline(always)]
    fn small_int<F: Lane<f32>>(k: F::Bits) -> F {
        F::of_int(k)
    }

    /// `(e^r - 1 - r)/r²` for `|r| ≤ log(2)/2`; relative to `e^r` within `2^-28.2`.
    #[inline(always)]
    fn exp_tail<const FMA: bool, F: Lane<f32>>(r: F) -> F {
        horner!(r, 4.999_999_4e-1, 1.666_652_3e-1, 4.166_822_5e-2, 8.368_566e-3, 1.382_519_4e-3)
    }

    /// `log(1 + f) - f` for `1 + f` in `[√½, √2]`; relative to `log(1 + f)` within `2^-29.0`.
    #[inline(always)]
    fn log_tail<const FMA: bool, F: Lane<f32>>(f: F) -> F {
        let s = f * f;
        #[rustfmt::skip]
        let p = horner!(f,
            3.333_331_3e-1, -2.499_998_4e-1, 2.000_219_2e-1, -1.666_949_4e-1, 1.421_702_2e-1,
            -1.237_723_1e-1, 1.188_931_2e-1, -1.184_854_2e-1, 6.938_29e-2);
        fma::<FMA, F>(f * s, p, F::number(-0.5) * s)
    }

    /// `(tanh(x)/x - 1)/s` with `s = x²`, for `|x| ≤ 0.625`; relative to `tanh x` within `2^-27.6`.
    #[inline(always)]
    fn tanh_tail<const FMA: bool, F: Lane<f32>>(s: F) -> F {
        horner!(s, -3.333_329_3e-1, 1.333_165_5e-1, -5.375_396e-2, 2.067_837e-2, -5.743_306_6e-3)
    }

    /// `e^x` where the result and its power of two are normal numbers.
    #[inline(always)]
    fn exp_normal<const FMA: bool, F: Lane<f32>>(x: F) -> F {
        let (p, n) = exp_parts::<FMA, F>(x);
        (F::number(1.0) + p) * two_to(n)
    }

    /// Near 0 by a polynomial, elsewhere `1 - e^-L` with a polynomial for `L = -log(erfc x)`.
    #[inline(always)]
    pub(in crate::cpu) fn erf<const FMA: bool, F: Lane<f32>>(x: F) -> F {
        // From 4 on, erf rounds to 1.
        let t = x.size().at_most(F::number(4.0));
        // Relative to erf within 2^-25.8 below 0.93, then within 2^-28.3.
        #[rustfmt::skip]
        let near = horner!(t * t,
            1.283_791_5e-1, -3.761_249e-1, 1.128_173e-1, -2.676_291_8e-2, 4.987_258_5e-3, -5.959_021e-4);
        #[rustfmt::skip]
        let far = horner!(t,
            1.286_485e-1, 6.351_512_7e-1, 1.062_369_8e-1, -2.376_215_3e-2, 3.642_505_5e-3,
            -3.228_163e-4, 1.123_267_4e-5);
        let near = fma::<FMA, F>(t, near, t);
        let far = F::number(1.0) - exp_normal::<FMA, F>(-fma::<FMA, F>(t, far, t));
        F::choose(t.below(F::number(0.925)), near, far).signed(x)
    }
}

/// In `f64`.
pub(in crate::cpu) mod double {
    use crate::cpu::vector::primitive::{Bits, Lane};

    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const EXP_HIGH: f64 = 710.0;
    const EXP_LOW: f64 = -745.133_219_101_941_2;
    const EXPM1_LOW: f64 = -38.0;
    const TINY: f64 = 1.0e-17;
    const ROOT: i64 = 0x3fe6_a09e_667f_3bcd;

    functions!(f64);

    /// By the low bits of `2^52`: AVX2 has no instruction that converts 64-bit integers.
    #[inline(always)]
    fn small_int<F: Lane<f64>>(k: F::Bits) -> F {
        const WHOLE: f64 = (1_u64 << SHIFT) as f64;
        F::of_bits(int::<F>(WHOLE.to_bits() as i64).or(k)) - F::number(WHOLE)
    }

    /// `(e^r - 1 - r)/r²` for `|r| ≤ log(2)/2`; relative to `e^r` within `2^-54.8`.
    #[inline(always)]
    fn exp_tail<const FMA: bool, F: Lane<f64>>(r: F) -> F {
        #[rustfmt::skip]
        let q = horner!(r,
            0.500_000_000_000_001, 0.166_666_666_666_654_5, 0.041_666_666_666_547_94,
            0.008_333_333_333_469_863, 0.001_388_888_893_788_927_9, 0.000_198_412_704_867_380_88,
            2.480_149_800_284_470_3e-5, 2.755_608_039_775_001_2e-6, 2.762_921_726_804_398_7e-7,
            2.563_858_013_499_304e-8);
        q
    }

    /// `log(1 + f) - f`, fdlibm's form; the series in `f/(2 + f)` within `2^-57.5`.
    #[inline(always)]
    fn log_tail<const FMA: bool, F: Lane<f64>>(f: F) -> F {
        let s = f / (F::number(2.0) + f);
        let z = s * s;
        #[rustfmt::skip]
        let series = z * horner!(z,
            0.666_666_666_666_671, 0.399_999_999_995_415_97, 0.285_714_287_188_517_7,
            0.222_222_006_762_916_17, 0.181_834_665_115_202_1, 0.153_163_419_483_220_8,
            0.147_745_129_540_966_39);
        let half = F::number(0.5) * f * f;
        fma::<FMA, F>(s, half + series, -half)
    }

    /// `(tanh(x)/x - 1)/s` with `s = x²`, for `|x| ≤ 0.625`; relative to `tanh x` within `2^-60`.
    #[inline(always)]
    fn tanh_tail<const FMA: bool, F: Lane<f64>>(s: F) -> F {
        #[rustfmt::skip]
        let p = horner!(s,
            -0.333_333_333_333_333_26, 0.133_333_333_333_312_15, -0.053_968_253_966_685_25,
            0.021_869_488_482_672_776, -0.008_863_234_499_139_751, 0.003_592_115_603_308_659,
            -0.001_455_735_125_913_959_7, 0.000_589_487_174_089_178, -0.000_237_102_472_626_480_83,
            9.170_691_715_977_229e-5, -3.032_750_362_943_783_2e-5, 6.100_660_807_862_173e-6);
        p
    }
}
