//! The derivatives of the logarithm of the gamma function in double precision.

use std::f64::consts::PI;

/// The bits of the positive zero of `ψ` that a `f64` holds, and what is left.
const ZERO: f64 = 1.461_632_144_968_362_2;
const BEHIND: f64 = 9.549_995_429_965_697e-17;

/// `ψ(x)/(x - zero)` around 1.5, for `x` from 1 to 2; within `2^-53`.
#[rustfmt::skip]
static BESIDE: [f64; 22] = [
    0.951_055_876_031_833, -0.423_627_421_281_460_5, 0.240_542_484_240_774_2, -0.148_404_923_053_908_84,
    0.094_988_724_454_941_22, -0.061_922_133_273_064_534, 0.040_760_833_812_420_74,
    -0.026_975_796_756_138_25, 0.017_907_252_439_451_2, -0.011_908_218_001_568_644,
    0.007_926_944_646_403_797, -0.005_279_964_873_257_405, 0.003_519_006_401_502_276,
    -0.002_345_267_632_540_769, 0.001_556_631_747_448_683_8, -0.001_037_637_409_841_860_4,
    0.000_723_326_627_928_755_4, -0.000_482_199_053_056_678_9, 0.000_227_233_166_098_737_6,
    -0.000_151_485_868_367_733_65, 0.000_259_684_821_264_307_47, -0.000_173_122_618_027_273_94,
];

/// Bernoulli's numbers `B₂, B₄, …`.
const BERNOULLI: [f64; 12] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43_867.0 / 798.0,
    -174_611.0 / 330.0,
    854_513.0 / 138.0,
    -236_364_091.0 / 2730.0,
];

/// `ψ(x)`.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return (-f64::INFINITY).copysign(-x);
    }
    if x < 0.0 {
        // Reflected; at whole numbers it has poles of both signs.
        return match turned(x) {
            0.0 => f64::NAN,
            part => digamma(1.0 - x) - PI / (PI * part).tan(),
        };
    }
    if x >= 10.0 {
        let square = 1.0 / (x * x);
        let series = (1..=8).rev().fold(0.0, |sum, k| (BERNOULLI[k - 1] / (2 * k) as f64 + sum) * square);
        return if x == f64::INFINITY { x } else { x.ln() - 0.5 / x - series };
    }
    // Down to between 1 and 2, all terms of one sign.
    let (mut inside, mut sum) = (x, 0.0);
    while inside >= 2.0 {
        inside -= 1.0;
        sum += 1.0 / inside;
    }
    if x < 1.0 {
        inside = 1.0 + x;
        sum = -1.0 / x;
    }
    let u = inside - 1.5;
    let quotient = BESIDE.iter().rev().fold(0.0, |sum, c| sum * u + c);
    sum + ((inside - ZERO) - BEHIND) * quotient
}

/// How far a number is from the nearest whole one.
fn turned(x: f64) -> f64 {
    x - x.round()
}

/// The `n`-th derivative of `ψ`: Hurwitz' zeta function by the formula of Euler and Maclaurin.
pub(super) fn polygamma(n: f64, x: f64) -> f64 {
    if n < 0.0 || n.fract() != 0.0 || n.is_infinite() || n.is_nan() || x.is_nan() {
        return f64::NAN;
    }
    if n == 0.0 {
        return digamma(x);
    }
    let sign = if n % 2.0 == 0.0 { -1.0 } else { 1.0 };
    if x > 0.0 {
        return if x == f64::INFINITY { sign * 0.0 } else { sign * right(n, x) };
    }
    if x == 0.0 || turned(x) == 0.0 {
        // Poles of even order are on one side of zero only.
        return match (sign > 0.0, x == 0.0) {
            (true, _) => f64::INFINITY,
            (_, true) => (-f64::INFINITY).copysign(-x),
            _ => f64::NAN,
        };
    }
    if x == f64::NEG_INFINITY {
        return f64::NAN;
    }
    reflected(n, x, sign)
}

/// `(n-1)!·n·Σ (x+k)^-(n+1)` for `x > 0`.
fn right(n: f64, x: f64) -> f64 {
    if n > 200.0 && x < n {
        return f64::INFINITY;
    }
    let power = n + 1.0;
    // (n-1)!/xⁿ, without what overflows on the way.
    let factor = (1..n as u64).fold(1.0 / x, |product, j| product * (j as f64 / x));
    let (mut at, mut sum) = (x, 0.0);
    while at < 10.0 + n {
        sum += (x / at).powf(power);
        at += 1.0;
    }
    let mut term = n * power / (2.0 * at * at);
    let mut tail = 1.0 + 0.5 * n / at;
    for (j, bernoulli) in BERNOULLI.iter().enumerate() {
        tail += bernoulli * term;
        let k = (2 * j) as f64;
        term *= (power + k + 1.0) / at * ((power + k + 2.0) / at) / ((k + 3.0) * (k + 4.0));
    }
    factor * (n / x * sum + (x / at).powf(n) * tail)
}

/// `(-1)ⁿψₙ(1-x) - π·dⁿ/dxⁿ cot(πx)` for what is left of 0.
fn reflected(n: f64, x: f64, sign: f64) -> f64 {
    /// Of higher orders the nearest poles are all that counts.
    const MANY: usize = 24;
    let part = turned(x);
    if n > MANY as f64 {
        let factorial = (1..=n.min(200.0) as u64).fold(1.0, |product, j| product * j as f64);
        let poles = (-3..=3).map(|k| (part + f64::from(k)).powi(-(n as i32) - 1)).sum::<f64>();
        return sign * factorial * poles;
    }
    // dⁿ/dxⁿ cot(πx) is (-π)ⁿ times a polynomial in the cotangent, all of whose terms have one sign.
    let order = n as usize;
    let mut polynomial = [0.0; MANY + 2];
    polynomial[1] = 1.0;
    for _ in 0..order {
        let mut next = [0.0; MANY + 2];
        for (k, c) in polynomial.iter().enumerate().skip(1) {
            next[k - 1] += k as f64 * c;
            if *c != 0.0 {
                next[k + 1] += k as f64 * c;
            }
        }
        polynomial = next;
    }
    let cotangent = 1.0 / (PI * part).tan();
    let value = polynomial.iter().rev().fold(0.0, |sum, c| sum * cotangent + c);
    // (-1)ⁿ·ψₙ of a positive number is negative.
    sign * PI * PI.powf(n) * value - right(n, 1.0 - x)
}
