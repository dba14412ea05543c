//! The functions in both precisions: one definition, instantiated with each type's constants.
//!
//! Arguments are reduced as Cody and Waite do (*Software Manual for the Elementary Functions*, 1980);
//! the forms of `log` and `tanh` are those of Moshier's Cephes and Sun's fdlibm. The polynomials are
//! minimax ones of our own (Remez' exchange), but where a comment names another source.
//! Nothing branches: both ways are computed and one is chosen, since all lanes go together.

/// `c₀ + x·(c₁ + x·(…))`.
macro_rules! horner {
    ($x:expr, $last:expr) => { $last };
    ($x:expr, $first:expr, $($rest:expr),+) => { fma::<FMA>($x, horner!($x, $($rest),+), $first) };
}

macro_rules! functions {
    ($t:ident, $int:ident, $uint:ident) => {
        /// `a·b + c`: fused where that is one instruction, else rounded twice.
        #[inline(always)]
        fn fma<const FMA: bool>(a: $t, b: $t, c: $t) -> $t {
            if FMA { a.mul_add(b, c) } else { a * b + c }
        }

        /// `1.5·2^(digits - 1)`: adding it rounds to an integer, which the low bits then hold.
        const ROUND: $t = 1.5 * (1_u64 << ($t::MANTISSA_DIGITS - 1)) as $t;
        /// How far the exponent is from the lowest bit.
        const SHIFT: u32 = $t::MANTISSA_DIGITS - 1;
        const BIAS: $int = $t::MAX_EXP as $int - 1;
        /// Bits of 1 above those of `√½`, for a mantissa in `[√½, √2)`.
        const ABOVE_ROOT: $uint = (1.0 as $t).to_bits() - ROOT;
        const MANTISSA: $uint = (1 << SHIFT) - 1;

        /// `2ⁿ` where that is a normal number; anything otherwise.
        #[inline(always)]
        fn two_to(n: $int) -> $t {
            $t::from_bits((n.wrapping_add(BIAS) << SHIFT) as $uint)
        }

        /// The smaller one; `x` where it is NaN.
        #[inline(always)]
        fn at_most(limit: $t, x: $t) -> $t {
            if x > limit { limit } else { x }
        }

        /// The larger one; `x` where it is NaN.
        #[inline(always)]
        fn at_least(limit: $t, x: $t) -> $t {
            if x < limit { limit } else { x }
        }

        /// `(p, n)` with `e^x = (1 + p)·2ⁿ` and `|p| < 0.42`, for `x` of moderate size.
        #[inline(always)]
        fn exp_parts<const FMA: bool>(x: $t) -> ($t, $int) {
            let shifted = fma::<FMA>(x, std::$t::consts::LOG2_E, ROUND);
            let n = shifted - ROUND;
            // The high part has so few digits that its product with n is exact.
            let r = fma::<FMA>(n, -LN2_LOW, fma::<FMA>(n, -LN2_HIGH, x));
            let p = fma::<FMA>(r * r, exp_tail::<FMA>(r), r);
            (p, (shifted.to_bits() as $int).wrapping_sub(ROUND.to_bits() as $int))
        }

        /// `e^x` where the result and its power of two are normal numbers.
        #[inline(always)]
        fn exp_normal<const FMA: bool>(x: $t) -> $t {
            let (p, n) = exp_parts::<FMA>(x);
            (1.0 + p) * two_to(n)
        }

        /// `e^x` for `x ≤ EXP_HIGH`: in two steps of scaling, so that subnormal results are rounded once.
        #[inline(always)]
        fn exp_below<const FMA: bool>(x: $t) -> $t {
            let (p, n) = exp_parts::<FMA>(at_least(EXP_LOW, x));
            let half = n >> 1;
            // Zero by a factor of zero: underflow takes processors a hundred cycles.
            let last = if x < EXP_LOW { 0.0 } else { two_to(n.wrapping_sub(half)) };
            (1.0 + p) * two_to(half) * last
        }

        #[inline(always)]
        pub(in super::super) fn exp<const FMA: bool>(x: $t) -> $t {
            exp_below::<FMA>(at_most(EXP_HIGH, x))
        }

        #[inline(always)]
        pub(in super::super) fn expm1<const FMA: bool>(x: $t) -> $t {
            let (p, n) = exp_parts::<FMA>(at_most(EXP_HIGH, at_least(EXPM1_LOW, x)));
            // Half of it: 2ⁿ itself may be too large.
            let half = two_to(n.wrapping_sub(1));
            let y = 2.0 * fma::<FMA>(half, p, half - 0.5);
            if x.abs() < TINY { x } else { y }
        }

        /// `(f, k)` with `x = (1 + f)·2^k` and `1 + f` in `[√½, √2)`, for positive normal `x`.
        #[inline(always)]
        fn log_parts(x: $t) -> ($t, $uint) {
            let bits = x.to_bits().wrapping_add(ABOVE_ROOT);
            let m = $t::from_bits((bits & MANTISSA).wrapping_add(ROOT));
            (m - 1.0, bits >> SHIFT)
        }

        /// `log(1 + f) + k·log 2`.
        #[inline(always)]
        fn log_sum<const FMA: bool>(f: $t, k: $t) -> $t {
            fma::<FMA>(k, LN2_HIGH, f + fma::<FMA>(k, LN2_LOW, log_tail::<FMA>(f)))
        }

        #[inline(always)]
        pub(in super::super) fn log<const FMA: bool>(x: $t) -> $t {
            let subnormal = x < $t::MIN_POSITIVE;
            let (f, k) = log_parts(if subnormal { x * two_to(SHIFT as $int) } else { x });
            let bias = if subnormal { BIAS as $t + SHIFT as $t } else { BIAS as $t };
            let y = log_sum::<FMA>(f, small_int(k) - bias);
            let y = if x == $t::INFINITY { x } else { y };
            let outside = if x == 0.0 { $t::NEG_INFINITY } else { $t::NAN };
            if x > 0.0 { y } else { outside }
        }

        #[inline(always)]
        pub(in super::super) fn log1p<const FMA: bool>(x: $t) -> $t {
            let (_, k) = log_parts(1.0 + x);
            let n = (k as $int).wrapping_sub(BIAS);
            // What 1 + x lost in rounding, x·2⁻ⁿ + (2⁻ⁿ - 1) keeps; 2⁻ⁿ in two factors, since it may be subnormal.
            let half = n >> 1;
            let (s, t) = (two_to(half.wrapping_neg()), two_to(half.wrapping_sub(n)));
            let f = fma::<FMA>(x * s, t, fma::<FMA>(s, t, -1.0));
            let y = log_sum::<FMA>(f, small_int(k) - BIAS as $t).copysign(x);
            let y = if x == $t::INFINITY { x } else { y };
            let outside = if x == -1.0 { $t::NEG_INFINITY } else { $t::NAN };
            if x > -1.0 { y } else { outside }
        }

        #[inline(always)]
        pub(in super::super) fn tanh<const FMA: bool>(x: $t) -> $t {
            let a = x.abs();
            let s = x * x;
            let near = fma::<FMA>(a * s, tanh_tail::<FMA>(s), a);
            let far = 1.0 - 2.0 / (exp_normal::<FMA>(2.0 * at_most(TANH_ONE, a)) + 1.0);
            (if a < 0.625 { near } else { far }).copysign(x)
        }

        /// `1/(1 + e^-x)`, its fraction reduced by the power of two in `e^-x = (1 + p)·2ⁿ`: the numerator
        /// is exact, the denominator all but once rounded.
        #[inline(always)]
        pub(in super::super) fn sigmoid<const FMA: bool>(x: $t) -> $t {
            let (p, n) = exp_parts::<FMA>(at_most(-EXP_LOW, at_least(SIGMOID_ONE, -x)));
            let size = if n < 0 { n } else { n.wrapping_neg() };
            let half = size >> 1;
            // Next to 1, less than this is nothing; and nothing may underflow, which takes long.
            let small = two_to(if size < -60 { -60 } else { size });
            let last = if x < EXP_LOW { 0.0 } else { two_to(size.wrapping_sub(half)) };
            let (scale, over, under) = if n < 0 { (small, 1.0, 1.0) } else { (1.0, two_to(half), last) };
            // What 1 + small loses goes to p, which is the smaller one.
            let one = 1.0 + small;
            let lost = small - (one - 1.0);
            over / fma::<FMA>(scale, p + lost, one) * under
        }

        /// `max(x, 0) + log(1 + e^-|x|)`.
        #[inline(always)]
        pub(in super::super) fn softplus<const FMA: bool>(x: $t) -> $t {
            let e = exp_below::<FMA>(-x.abs());
            let large = e >= std::$t::consts::SQRT_2 - 1.0;
            let (f, k) = if large { ((e - 1.0) * 0.5, 1.0) } else { (e, 0.0) };
            relu(x) + log_sum::<FMA>(f, k)
        }

        #[inline(always)]
        pub(in super::super) fn floor<const FMA: bool>(x: $t) -> $t {
            // Instruction sets with FMA have an instruction for it, too; others would call a function.
            if FMA {
                return x.floor();
            }
            let a = x.abs();
            let whole = (1_u64 << SHIFT) as $t;
            let nearest = ((a + whole) - whole).copysign(x);
            let y = if nearest > x { nearest - 1.0 } else { nearest };
            if a < whole { y } else { x }
        }

        #[inline(always)]
        pub(in super::super) fn sqrt(x: $t) -> $t {
            x.sqrt()
        }

        #[inline(always)]
        pub(in super::super) fn neg(x: $t) -> $t {
            -x
        }

        #[inline(always)]
        pub(in super::super) fn abs(x: $t) -> $t {
            x.abs()
        }

        #[inline(always)]
        pub(in super::super) fn sign(x: $t) -> $t {
            let y = if x == 0.0 { 0.0 } else { (1.0 as $t).copysign(x) };
            if x.is_nan() { x } else { y }
        }

        /// NaN stays.
        #[inline(always)]
        pub(in super::super) fn relu(x: $t) -> $t {
            if x <= 0.0 { 0.0 } else { x }
        }

        #[inline(always)]
        pub(in super::super) fn is_finite(x: $t) -> $t {
            truth(x.abs() < $t::INFINITY)
        }

        #[inline(always)]
        pub(in super::super) fn not(x: $t) -> $t {
            truth(x == 0.0)
        }

        #[inline(always)]
        fn truth(b: bool) -> $t {
            if b { 1.0 } else { 0.0 }
        }

        functions! { two $t:
            add(x, y) x + y;
            sub(x, y) x - y;
            mul(x, y) x * y;
            div(x, y) x / y;
            max(x, y) if x.is_nan() | (x > y) { x } else { y };
            min(x, y) if x.is_nan() | (x < y) { x } else { y };
            eq(x, y) truth(x == y);
            ne(x, y) truth(x != y);
            lt(x, y) truth(x < y);
            le(x, y) truth(x <= y);
            gt(x, y) truth(x > y);
            ge(x, y) truth(x >= y);
            and(x, y) truth((x != 0.0) & (y != 0.0));
            or(x, y) truth((x != 0.0) | (y != 0.0));
        }
    };
    (two $t:ident: $($name:ident($x:ident, $y:ident) $value:expr;)*) => {$(
        #[inline(always)]
        pub(in super::super) fn $name($x: $t, $y: $t) -> $t {
            $value
        }
    )*};
}

/// In `f32`.
pub(super) mod single {
    const LN2_HIGH: f32 = 0.693_145_75;
    const LN2_LOW: f32 = 1.428_606_8e-6;
    /// From here on e^x is infinite.
    const EXP_HIGH: f32 = 89.0;
    /// Below, e^x is 0: it is less than half the smallest number.
    const EXP_LOW: f32 = -103.972_08;
    /// Up to here e^x - 1 is -1.
    const EXPM1_LOW: f32 = -18.0;
    /// From here on tanh x is 1.
    const TANH_ONE: f32 = 10.0;
    /// Up to here 1/(1 + e^x) is 1.
    const SIGMOID_ONE: f32 = -20.0;
    /// Below, e^x - 1 is x.
    const TINY: f32 = 2.0e-8;
    /// The bits of `√½`.
    const ROOT: u32 = 0x3f35_04f3;

    functions!(f32, i32, u32);

    #[inline(always)]
    fn small_int(k: u32) -> f32 {
        k as i32 as f32
    }

    /// `(e^r - 1 - r)/r²` for `|r| ≤ log(2)/2`; relative to `e^r` within `2^-28.2`.
    #[inline(always)]
    fn exp_tail<const FMA: bool>(r: f32) -> f32 {
        horner!(r, 4.999_999_4e-1, 1.666_652_3e-1, 4.166_822_5e-2, 8.368_566e-3, 1.382_519_4e-3)
    }

    /// `log(1 + f) - f` for `1 + f` in `[√½, √2]`; relative to `log(1 + f)` within `2^-29.0`.
    #[inline(always)]
    fn log_tail<const FMA: bool>(f: f32) -> f32 {
        let s = f * f;
        #[rustfmt::skip]
        let p = horner!(f,
            3.333_331_3e-1, -2.499_998_4e-1, 2.000_219_2e-1, -1.666_949_4e-1, 1.421_702_2e-1,
            -1.237_723_1e-1, 1.188_931_2e-1, -1.184_854_2e-1, 6.938_29e-2);
        fma::<FMA>(f * s, p, -0.5 * s)
    }

    /// `(tanh(x)/x - 1)/s` with `s = x²`, for `|x| ≤ 0.625`; relative to `tanh x` within `2^-27.6`.
    #[inline(always)]
    fn tanh_tail<const FMA: bool>(s: f32) -> f32 {
        horner!(s, -3.333_329_3e-1, 1.333_165_5e-1, -5.375_396e-2, 2.067_837e-2, -5.743_306_6e-3)
    }

    /// Near 0 by a polynomial, elsewhere `1 - e^-L` with a polynomial for `L = -log(erfc x)`.
    #[inline(always)]
    pub(in super::super) fn erf<const FMA: bool>(x: f32) -> f32 {
        // From 4 on, erf rounds to 1.
        let t = at_most(4.0, x.abs());
        // Relative to erf within 2^-25.8 below 0.93, then within 2^-28.3.
        #[rustfmt::skip]
        let near = horner!(t * t,
            1.283_791_5e-1, -3.761_249e-1, 1.128_173e-1, -2.676_291_8e-2, 4.987_258_5e-3, -5.959_021e-4);
        #[rustfmt::skip]
        let far = horner!(t,
            1.286_485e-1, 6.351_512_7e-1, 1.062_369_8e-1, -2.376_215_3e-2, 3.642_505_5e-3,
            -3.228_163e-4, 1.123_267_4e-5);
        let near = fma::<FMA>(t, near, t);
        let far = 1.0 - exp_normal::<FMA>(-fma::<FMA>(t, far, t));
        (if t < 0.925 { near } else { far }).copysign(x)
    }
}

/// In `f64`.
pub(super) mod double {
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const EXP_HIGH: f64 = 710.0;
    const EXP_LOW: f64 = -745.133_219_101_941_2;
    const EXPM1_LOW: f64 = -38.0;
    const TANH_ONE: f64 = 20.0;
    const SIGMOID_ONE: f64 = -40.0;
    const TINY: f64 = 1.0e-17;
    const ROOT: u64 = 0x3fe6_a09e_667f_3bcd;

    functions!(f64, i64, u64);

    /// By the low bits of `2^52`: AVX2 has no instruction that converts 64-bit integers.
    #[inline(always)]
    fn small_int(k: u64) -> f64 {
        let whole = (1_u64 << SHIFT) as f64;
        f64::from_bits(whole.to_bits() | k) - whole
    }

    /// `(e^r - 1 - r)/r²` for `|r| ≤ log(2)/2`; relative to `e^r` within `2^-54.8`.
    #[inline(always)]
    fn exp_tail<const FMA: bool>(r: f64) -> f64 {
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
    fn log_tail<const FMA: bool>(f: f64) -> f64 {
        let s = f / (2.0 + f);
        let z = s * s;
        #[rustfmt::skip]
        let series = z * horner!(z,
            0.666_666_666_666_671, 0.399_999_999_995_415_97, 0.285_714_287_188_517_7,
            0.222_222_006_762_916_17, 0.181_834_665_115_202_1, 0.153_163_419_483_220_8,
            0.147_745_129_540_966_39);
        let half = 0.5 * f * f;
        fma::<FMA>(s, half + series, -half)
    }

    /// `(tanh(x)/x - 1)/s` with `s = x²`, for `|x| ≤ 0.625`; relative to `tanh x` within `2^-60`.
    #[inline(always)]
    fn tanh_tail<const FMA: bool>(s: f64) -> f64 {
        #[rustfmt::skip]
        let p = horner!(s,
            -0.333_333_333_333_333_26, 0.133_333_333_333_312_15, -0.053_968_253_966_685_25,
            0.021_869_488_482_672_776, -0.008_863_234_499_139_751, 0.003_592_115_603_308_659,
            -0.001_455_735_125_913_959_7, 0.000_589_487_174_089_178, -0.000_237_102_472_626_480_83,
            9.170_691_715_977_229e-5, -3.032_750_362_943_783_2e-5, 6.100_660_807_862_173e-6);
        p
    }
}
