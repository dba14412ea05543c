//! Fields of displacements: noise smoothed by a Gaussian, along one axis and then along the other.

use crate::random::Random;

/// Columns that are summed at once, which fit into registers.
const BLOCK: usize = 16;

/// Smooths noise of one size.
#[derive(Clone, Debug)]
pub(super) struct Bend {
    alpha: f32,
    down: Gaussian,
    across: Gaussian,
}

/// Displacements of all pixels of an image, in pixels.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Of places in rows and in columns, each `[rows, stride]`.
    pub(super) parts: [Vec<f32>; 2],
    /// The number of columns, made whole blocks.
    pub(super) stride: usize,
    noise: Vec<f32>,
    half: Vec<f32>,
}

impl Bend {
    pub(super) fn new(alpha: f64, sigma: f64, rows: usize, columns: usize) -> Bend {
        Bend { alpha: alpha as f32, down: Gaussian::new(rows, sigma), across: Gaussian::new(columns, sigma) }
    }

    /// Room for a field.
    pub(super) fn field(&self) -> Field {
        let size = self.down.size * self.across.stride;
        let room = || vec![0.0; size];
        let stride = self.across.stride;
        Field { parts: [room(), room()], stride, noise: room(), half: room() }
    }

    /// Draws the next field.
    #[inline(always)]
    pub(super) fn draw(&self, random: &mut Random, field: &mut Field) {
        let Field { parts, stride, noise, half } = field;
        for part in parts {
            for row in noise.chunks_exact_mut(*stride) {
                uniform(random, &mut row[..self.across.size]);
            }
            self.across.along_rows(noise, half);
            self.down.along_columns(self.alpha, half, part, *stride);
        }
    }
}

/// Uniform in `(-1, 1)`, in steps of 2⁻¹⁵: four of each draw.
#[inline(always)]
fn uniform(random: &mut Random, row: &mut [f32]) {
    for four in row.chunks_mut(4) {
        let mut draw = random.next_u64();
        for value in four {
            *value = (f32::from(draw as u16) + 0.5) / 32768.0 - 1.0;
            draw >>= 16;
        }
    }
}

/// Convolution with a Gaussian along an axis that is reflected at its ends, as a matrix.
#[derive(Clone, Debug)]
struct Gaussian {
    size: usize,
    /// The size made whole blocks.
    stride: usize,
    /// `[size, stride]`, symmetric: of a row, what goes from this place to each, and 0 behind.
    weights: Vec<f32>,
    /// Weights of places further apart are 0.
    radius: usize,
}

impl Gaussian {
    /// Weights up to 3σ, which sum to 1.
    fn new(size: usize, sigma: f64) -> Gaussian {
        let radius = (3.0 * sigma).ceil() as usize;
        let weight = |d: usize| libm::exp(-0.5 * (d as f64 / sigma) * (d as f64 / sigma));
        let sum = weight(0) + 2.0 * (1..=radius).map(weight).sum::<f64>();
        let stride = size.next_multiple_of(BLOCK);
        let mut exact = vec![0.0; size * stride];
        for from in 0..size {
            for d in 0..=2 * radius {
                // Reflected about the edges: … 1 0 | 0 1 2 … n-1 | n-1 n-2 …
                let at = (from as i64 + d as i64 - radius as i64).rem_euclid(2 * size as i64) as usize;
                let to = if at < size { at } else { 2 * size - 1 - at };
                exact[from * stride + to] += weight(d.abs_diff(radius)) / sum;
            }
        }
        let weights = exact.into_iter().map(|w| w as f32).collect();
        Gaussian { size, stride, weights, radius: radius.min(size) }
    }

    /// Of each row of `from`, `[…, stride]`, the smoothed one.
    #[inline(always)]
    fn along_rows(&self, from: &[f32], to: &mut [f32]) {
        for (from, to) in from.chunks_exact(self.stride).zip(to.chunks_exact_mut(self.stride)) {
            for (block, to) in to.chunks_exact_mut(BLOCK).enumerate() {
                let (start, end) = self.near(block * BLOCK, block * BLOCK + BLOCK);
                add_up(&from[start..end], 1.0, &self.weights[start * self.stride..], self.stride, block, to);
            }
        }
    }

    /// Of the columns of `from`, `[size, stride]`, the smoothed ones, times `factor`.
    #[inline(always)]
    fn along_columns(&self, factor: f32, from: &[f32], to: &mut [f32], stride: usize) {
        for (row, to) in to.chunks_exact_mut(stride).enumerate() {
            let (start, end) = self.near(row, row + 1);
            let weights = &self.weights[row * self.stride + start..row * self.stride + end];
            for (block, to) in to.chunks_exact_mut(BLOCK).enumerate() {
                add_up(weights, factor, &from[start * stride..], stride, block, to);
            }
        }
    }

    /// The places from which something comes to those of a range.
    #[inline(always)]
    fn near(&self, start: usize, end: usize) -> (usize, usize) {
        (start.saturating_sub(self.radius), (end + self.radius).min(self.size))
    }
}

/// `to` becomes `factor` times the sum of the rows' blocks, each times its factor: in two sums, so that neither waits
/// for the other.
#[inline(always)]
fn add_up(factors: &[f32], factor: f32, rows: &[f32], stride: usize, block: usize, to: &mut [f32]) {
    let (mut even, mut odd) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
    let blocks = rows.as_chunks::<BLOCK>().0;
    let step = stride / BLOCK;
    let (pairs, last) = factors.as_chunks::<2>();
    let mut at = block;
    for [a, b] in pairs {
        let (first, second) = (&blocks[at], &blocks[at + step]);
        for i in 0..BLOCK {
            even[i] += a * first[i];
            odd[i] += b * second[i];
        }
        at += 2 * step;
    }
    if let [a] = last {
        let first = &blocks[at];
        for i in 0..BLOCK {
            even[i] += a * first[i];
        }
    }
    for (to, (even, odd)) in to.iter_mut().zip(even.iter().zip(&odd)) {
        *to = factor * (even + odd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the definition says, place by place.
    fn smoothed(values: &[f64], sigma: f64) -> Vec<f64> {
        let (n, radius) = (values.len() as i64, (3.0 * sigma).ceil() as i64);
        let weight = |d: i64| (-0.5 * (d as f64 / sigma).powi(2)).exp();
        let sum: f64 = (-radius..=radius).map(weight).sum();
        let at = |mut i: i64| {
            while !(0..n).contains(&i) {
                i = if i < 0 { -1 - i } else { 2 * n - 1 - i };
            }
            values[i as usize]
        };
        (0..n).map(|i| (-radius..=radius).map(|d| weight(d) * at(i + d)).sum::<f64>() / sum).collect()
    }

    #[test]
    fn fields_are_noise_that_the_definition_smooths() {
        for (rows, columns, sigma) in [(28, 28, 4.0), (3, 40, 1.5), (5, 2, 6.0), (1, 1, 0.3)] {
            let bend = Bend::new(10.0, sigma, rows, columns);
            let mut field = bend.field();
            bend.draw(&mut Random::new(7), &mut field);
            let mut random = Random::new(7);
            for part in &field.parts {
                let mut noise = vec![0.0f32; columns];
                let lines: Vec<Vec<f64>> = (0..rows)
                    .map(|_| {
                        uniform(&mut random, &mut noise);
                        smoothed(&noise.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), sigma)
                    })
                    .collect();
                for column in 0..columns {
                    let line: Vec<f64> = lines.iter().map(|line| line[column]).collect();
                    for (row, want) in smoothed(&line, sigma).into_iter().enumerate() {
                        let got = f64::from(part[row * field.stride + column]);
                        assert!((got - 10.0 * want).abs() < 1e-5, "{got} {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn displacements_are_as_large_as_documented() {
        let bend = Bend::new(34.0, 4.0, 28, 28);
        let mut field = bend.field();
        let (mut squares, mut count) = (0.0, 0.0);
        for seed in 0..200 {
            bend.draw(&mut Random::new(seed), &mut field);
            for part in &field.parts {
                // In the middle, where nothing is reflected.
                let middle = f64::from(part[14 * field.stride + 14]);
                squares += middle * middle;
                count += 1.0;
            }
        }
        let deviation = f64::sqrt(squares / count);
        let stated = 34.0 / (2.0 * f64::sqrt(3.0 * std::f64::consts::PI) * 4.0);
        assert!((deviation / stated - 1.0).abs() < 0.1, "{deviation} {stated}");
    }
}
