//! GFLOP/s of our matrix products beside those of the `gemm` crate, alternating, on one thread:
//! `cargo run --release -p dl-backends --example products [ROUNDS]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use dl_backends::cpu::matmul::{Kernels, Operand, Out, Product, Right, Sizes, Strided};
use dl_backends::cpu::product::{Matrix, multiply};

/// What is multiplied: `[m, k]` by `[k, n]`, each as it lies in memory or transposed.
struct Case {
    sizes: Sizes,
    transposed: (bool, bool),
}

const fn case(m: usize, k: usize, n: usize, a: bool, b: bool) -> Case {
    Case { sizes: Sizes { m, k, n }, transposed: (a, b) }
}

/// The five products of the perceptron's step on a batch.
fn step(rows: usize) -> [Case; 5] {
    [
        case(rows, 784, 128, false, false),
        case(rows, 128, 10, false, false),
        case(128, rows, 10, true, false),
        case(rows, 10, 128, false, true),
        case(784, rows, 128, true, false),
    ]
}

/// Others, with nothing round about most of them.
const OTHERS: [Case; 14] = [
    case(256, 784, 300, false, false),
    case(784, 256, 300, true, false),
    case(300, 256, 100, true, false),
    case(256, 100, 300, false, true),
    case(256, 13, 33, false, false),
    case(256, 100, 1, false, false),
    case(100, 256, 1, true, false),
    case(256, 1, 100, false, true),
    case(1, 784, 128, false, false),
    case(7, 1024, 1024, false, false),
    case(512, 1024, 100, false, false),
    case(1024, 256, 256, true, false),
    case(512, 512, 512, false, false),
    case(512, 512, 512, true, true),
];

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(101);
    let kernels = Kernels::best();
    println!(
        "{}: GFLOP/s by the library | ours, packed before | in the call | from u8 in the call",
        kernels.name()
    );
    println!("and how long ours take relative to the library: median [quartiles]");
    for rows in [64, 256, 512] {
        step(rows).iter().for_each(|case| compare(&kernels, case, rounds));
    }
    OTHERS.iter().for_each(|case| compare(&kernels, case, rounds));
}

fn compare(kernels: &Kernels, case: &Case, rounds: usize) {
    let sizes @ Sizes { m, n, k } = case.sizes;
    let (matrix_a, matrix_b) = (Aligned::noise(m * k), Aligned::noise(k * n));
    let bytes: Vec<u8> = (0..m * k).map(|i| (i * 37 % 256) as u8).collect();
    let matrix = |x, transposed, rows, columns| {
        let shape = if transposed { [columns, rows] } else { [rows, columns] };
        let x = Matrix::new(x, shape).expect("the shape is the data's");
        if transposed { x.t() } else { x }
    };
    let left = matrix(matrix_a.get(), case.transposed.0, m, k);
    let right = matrix(matrix_b.get(), case.transposed.1, k, n);
    let a = strided(matrix_a.get(), case.transposed.0, m, k);
    let a_bytes = Operand::U8(strided(&bytes, case.transposed.0, m, k), 1.0 / 255.0);
    let b = Operand::F32(strided(matrix_b.get(), case.transposed.1, k, n));
    let mut panels = Aligned::noise(kernels.panels_len(k, n));
    kernels.pack_panels(panels.get_mut(), k, n, b);
    let right_packed = if n == 1 { Right::Column(matrix_b.get()) } else { Right::Panels(panels.get()) };
    let packed = Product { sizes, a, b: right_packed, alpha: 1.0, beta: 0.0 };
    let (mut c, mut workspace) = (Aligned::noise(m * n), Aligned::noise(kernels.workspace_len(sizes)));
    let repeat = (1_000_000 / (m * n * k)).max(1);
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..rounds + 3 {
        for (which, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..repeat {
                if which == 0 {
                    multiply(c.get_mut(), left, right, false).expect("the sizes fit");
                    continue;
                }
                let out = &mut Out::rows(c.get_mut(), n);
                match which {
                    1 => kernels.multiply(&packed, 0..m, out),
                    2 => kernels.product(sizes, (1.0, Operand::F32(a)), b, (0.0, out), workspace.get_mut()),
                    _ => kernels.product(sizes, (1.0, a_bytes), b, (0.0, out), workspace.get_mut()),
                }
            }
            if round >= 3 {
                times.push(start.elapsed().as_secs_f64() / repeat as f64);
            }
        }
    }
    let speed = times.each_ref().map(|times| 2e-9 * (m * n * k) as f64 / quartiles(times.iter().copied())[1]);
    let ratio = |ours: &[f64]| {
        let [low, median, high] = quartiles(ours.iter().zip(&times[0]).map(|(ours, theirs)| ours / theirs));
        format!("{median:.2} [{low:.2} {high:.2}]")
    };
    let flag = |transposed| if transposed { "ᵀ" } else { " " };
    println!(
        "[{m:4}, {k:4}]{} [{k:4}, {n:4}]{}: {:4.0} | {:4.0} {} | {:4.0} {} | {:4.0} {}",
        flag(case.transposed.0),
        flag(case.transposed.1),
        speed[0],
        speed[1],
        ratio(&times[1]),
        speed[2],
        ratio(&times[2]),
        speed[3],
        ratio(&times[3]),
    );
}

fn strided<T>(data: &[T], transposed: bool, rows: usize, columns: usize) -> Strided<'_, T> {
    if transposed { Strided::rows(data, rows).t() } else { Strided::rows(data, columns) }
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|q| values[values.len() * q / 4])
}

/// Numbers from the start of a line of the cache, which vectors then do not cross.
struct Aligned {
    data: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn noise(len: usize) -> Self {
        let data: Vec<f32> = (0..len + 16).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
        let start = data.as_ptr().align_offset(64).min(16);
        Aligned { data, start, len }
    }

    fn get(&self) -> &[f32] {
        &self.data[self.start..][..self.len]
    }

    fn get_mut(&mut self) -> &mut [f32] {
        &mut self.data[self.start..][..self.len]
    }
}
