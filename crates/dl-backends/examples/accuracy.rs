//! How far the vector kernels' `f32` results are from the tables' definitions, over all inputs.
//!
//! `cargo xtask accuracy` runs it. Prints Markdown; fails where an error is above its declared bound.

mod arguments;

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dl_backends::cpu::vector::fidelity::{self, ulps};
use dl_backends::cpu::vector::{Isa, Operand};
use dl_core::ops::binary::{BINARY, BinaryRow};
use dl_core::ops::unary::{UNARY, UnaryRow};
use dl_core::ops::{Binary, Unary};
use rayon::prelude::*;

use arguments::Asked;

/// Inputs at a time: they stay in the second cache.
const BLOCK: u64 = 1 << 13;
/// Blocks for each pair of exponents and signs, and the same number again where powers are moderate.
const PAIRS: u64 = 1 << 24;

const LEGEND: &str = "\
Largest errors in `f32`, in units in the last place (ulp) of the exact result, and where the first
of them occurs. Functions of one argument: INPUTS.
Functions of two: a sample of all pairs of exponents and signs with random digits, and as many
pairs again whose power neither overflows nor vanishes; orders are 0 to 5. Reference: the tables' definitions in
`f64`, at the ends only of blocks in which a monotonic function moves by less than a millionth of
an ulp. 0.5 ulp means correctly rounded; a wrong NaN, infinity or sign of a zero would count as an
infinite error.";

/// The largest error found, and the bits of the inputs where it occurs first.
#[derive(Clone, Copy, Default)]
struct Worst {
    error: f64,
    at: [u32; 2],
}

fn main() -> ExitCode {
    arguments::run(measure)
}

fn measure(asked: &Asked) -> Result<bool, Box<dyn Error>> {
    let started = Instant::now();
    let isas = Isa::all();
    let mut report = heading(asked.quick, &isas)?;
    let mut good = true;
    for row in UNARY {
        let worst = unary(row, &isas, if asked.quick { 4099 } else { 1 });
        let bound = fidelity::unary(row.op);
        good &= worst.iter().all(|w| w.error <= bound);
        line(&mut report, row.name, bound, &worst, 1)?;
        eprintln!("{} {:.0} s", row.name, started.elapsed().as_secs_f64());
    }
    for row in BINARY {
        let worst = binary(row, &isas, if asked.quick { PAIRS >> 6 } else { PAIRS });
        let bound = fidelity::binary(row.op);
        good &= worst.iter().all(|w| w.error <= bound);
        line(&mut report, row.name, bound, &worst, 2)?;
        eprintln!("{} {:.0} s", row.name, started.elapsed().as_secs_f64());
    }
    let threads = rayon::current_num_threads();
    writeln!(report, "\nTook {:.0} s with {threads} threads.", started.elapsed().as_secs_f64())?;
    asked.tell(&report)?;
    Ok(good)
}

fn heading(quick: bool, isas: &[Isa]) -> Result<String, std::fmt::Error> {
    let mut text = String::from("# Accuracy of the `cpu` executor's vector kernels\n\n");
    let (flag, inputs) = if quick {
        (" --quick", "every 4,099th of the 2³² inputs")
    } else {
        ("", "all 2³² inputs, subnormals and NaNs among them")
    };
    let revision = std::env::var("DL_REVISION").unwrap_or_else(|_| "not told".to_owned());
    writeln!(text, "Printed by `cargo xtask accuracy{flag}` on {}, revision {revision}.\n", today())?;
    writeln!(text, "{}\n", LEGEND.replace("INPUTS", inputs))?;
    let names: Vec<&str> = isas.iter().map(|isa| isa.name()).collect();
    writeln!(text, "| function | bound | {} |", names.join(" | "))?;
    writeln!(text, "| --- | --- |{}", " --- |".repeat(isas.len()))?;
    Ok(text)
}

fn line(text: &mut String, name: &str, bound: f64, worst: &[Worst], arity: usize) -> std::fmt::Result {
    write!(text, "| `{name}` | {bound} |")?;
    for w in worst {
        let at: Vec<String> = w.at[..arity].iter().map(|b| format!("{:e}", f32::from_bits(*b))).collect();
        if w.error > 0.0 {
            write!(text, " {:.3} at {} |", w.error, at.join(", "))?;
        } else {
            write!(text, " 0 |")?;
        }
    }
    writeln!(text)
}

/// Over every `step`-th number.
fn unary(row: &UnaryRow, isas: &[Isa], step: u64) -> Vec<Worst> {
    let count = (1_u64 << 32).div_ceil(step);
    let block = |start: u64| {
        let bits = (start..count.min(start + BLOCK)).map(|i| (i * step) as u32);
        let x: Vec<f32> = bits.map(f32::from_bits).collect();
        let exact = match flat(row, &x) {
            Some(exact) => vec![exact; x.len()],
            None => x.iter().map(|x| (row.value)(f64::from(*x))).collect(),
        };
        judge_all(isas, &exact, |isa, y| isa.unary(row.op, &x, y), |i| [x[i].to_bits(), 0])
    };
    blocks(count, isas.len(), block)
}

/// The value of a whole block of neighbours, where it is all but the same at both ends: every function
/// but these is monotonic from one end to the other, and the reference is slow where results vanish.
fn flat(row: &UnaryRow, x: &[f32]) -> Option<f64> {
    let (first, last) = (*x.first()?, *x.last()?);
    let turns = matches!(row.op, Unary::Sin | Unary::Cos | Unary::Tan | Unary::Lgamma | Unary::Digamma);
    if turns || first.is_sign_negative() != last.is_sign_negative() {
        return None;
    }
    let [a, b] = [first, last].map(|x| (row.value)(f64::from(x)));
    let close = (a - b).abs() <= 1e-6 * a.abs() * f64::from(f32::EPSILON) || (a - b).abs() < 1e-52;
    let close = close && a.is_finite();
    let same = a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    (same || close && a.is_sign_negative() == b.is_sign_negative()).then_some(a)
}

/// Over a sample of pairs.
fn binary(row: &BinaryRow, isas: &[Isa], count: u64) -> Vec<Worst> {
    let block = |start: u64| {
        let pairs = (start..count.min(start + BLOCK)).map(pair);
        let (mut x, y): (Vec<f32>, Vec<f32>) = pairs.unzip();
        if matches!(row.op, Binary::Ierfcx | Binary::Polygamma) {
            // Orders are whole numbers.
            x.iter_mut().for_each(|x| *x = (x.to_bits() % 6) as f32);
        }
        let exact: Vec<f64> =
            x.iter().zip(&y).map(|(x, y)| (row.value)(f64::from(*x), f64::from(*y))).collect();
        let kernel = |isa: &Isa, z: &mut [f32]| isa.binary(row.op, Operand::Slice(&x), Operand::Slice(&y), z);
        judge_all(isas, &exact, kernel, |i| [x[i].to_bits(), y[i].to_bits()])
    };
    blocks(count, isas.len(), block)
}

/// The `i`-th pair: signs and exponents in turn, or a moderate power, or digits that are special.
fn pair(i: u64) -> (f32, f32) {
    let random = mix(i);
    let (low, high) = (random as u32, (random >> 32) as u32);
    if i.is_multiple_of(2) {
        let x = f32::from_bits(low);
        let exponent = f64::from(high) * (278.0 / f64::from(u32::MAX)) - 150.0;
        return (x, (exponent / f64::from(x.abs()).log2()) as f32);
    }
    // Digits of zeros only among them: powers of two, zeros and infinities.
    let digits = |random: u32, special: u64| if special == 0 { 0 } else { random >> 9 };
    let high_bits = i / 2;
    let x = (high_bits as u32 & 0x1ff) << 23 | digits(low, (high_bits >> 18) % 7);
    let y = ((high_bits >> 9) as u32 & 0x1ff) << 23 | digits(high, (high_bits >> 18) % 5);
    (f32::from_bits(x), f32::from_bits(y))
}

/// Steele, Lea and Flood's SplitMix64.
fn mix(i: u64) -> u64 {
    let z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// The first of the largest errors.
fn judge(got: &[f32], exact: &[f64], at: impl Fn(usize) -> [u32; 2]) -> Worst {
    let pairs = || got.iter().zip(exact);
    let (got0, exact0) = (got[0].to_bits(), exact[0].to_bits());
    let constant =
        |same, (got, exact): (&f32, &f64)| same & (got.to_bits() == got0) & (exact.to_bits() == exact0);
    if pairs().fold(true, constant) {
        return Worst { error: ulps(got[0], exact[0]), at: at(0) };
    }
    // Most blocks have nothing special; their errors are compared without branches.
    let plain = pairs().fold(true, |plain, (got, exact)| plain & is_plain(*got, *exact));
    let error = match plain {
        true => {
            pairs().map(|(got, exact)| plain_ulps(*got, *exact)).fold(0.0, |a, b| if b > a { b } else { a })
        }
        false => pairs().map(|(got, exact)| ulps(*got, *exact)).fold(0.0, f64::max),
    };
    match pairs().position(|(got, exact)| error > 0.0 && ulps(*got, *exact) >= error) {
        Some(i) => Worst { error, at: at(i) },
        None => Worst::default(),
    }
}

/// Whether both are normal, and finite in `f32`.
fn is_plain(got: f32, exact: f64) -> bool {
    let (low, high) = (f32::MIN_POSITIVE, f32::MAX);
    (low..=high).contains(&got.abs()) & (f64::from(low)..f64::from(high)).contains(&exact.abs())
}

/// What `ulps` gives for such numbers.
fn plain_ulps(got: f32, exact: f64) -> f64 {
    // The power of two of the exact value, times 2^-23: division by it is a subtraction of exponents.
    let power = exact.to_bits() & (0x7ff << 52);
    (f64::from(got) - exact).abs() * f64::from_bits((2 * 1023 + 23) * (1 << 52) - power)
}

/// For each instruction set; most give the same bits as the one before and are not judged again.
fn judge_all(
    isas: &[Isa],
    exact: &[f64],
    kernel: impl Fn(&Isa, &mut [f32]),
    at: impl Fn(usize) -> [u32; 2],
) -> Vec<Worst> {
    let (mut got, mut before) = (vec![0.0; exact.len()], vec![f32::NAN; exact.len()]);
    let mut worst: Vec<Worst> = vec![];
    for isa in isas {
        kernel(isa, &mut got);
        let same = got.iter().zip(&before).fold(true, |same, (a, b)| same & (a.to_bits() == b.to_bits()));
        match worst.last() {
            Some(last) if same => worst.push(*last),
            _ => worst.push(judge(&got, exact, &at)),
        }
        std::mem::swap(&mut got, &mut before);
    }
    worst
}

/// The worst of all blocks, for each instruction set; of equals the first.
fn blocks(count: u64, isas: usize, block: impl Fn(u64) -> Vec<Worst> + Sync) -> Vec<Worst> {
    let merge = |a: Vec<Worst>, b: Vec<Worst>| {
        a.into_iter().zip(b).map(|(a, b)| if b.error > a.error { b } else { a }).collect()
    };
    let starts = (0..count.div_ceil(BLOCK)).into_par_iter().map(|i| block(i * BLOCK));
    starts.reduce(|| vec![Worst::default(); isas], merge)
}

/// The date in the proleptic Gregorian calendar, after Hinnant's `civil_from_days`.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let z = seconds / 86_400 + 719_468;
    let (era, day) = (z / 146_097, z % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
