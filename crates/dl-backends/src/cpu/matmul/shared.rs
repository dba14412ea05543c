//! Products that a team computes together.

use std::ops::Range;

use super::blocks::part;
use super::{Kernels, Out, Product, Right, Sizes, Strided};
use crate::cpu::team::Lead;

/// A product but for its left operand, of which every member of a team may have its own.
pub(in crate::cpu) struct Job<'a> {
    pub sizes: Sizes,
    /// Rows of the left operand that are wanted at a time.
    pub rows: usize,
    pub b: Right<'a>,
    pub alpha: f32,
    pub beta: f32,
}

/// Gives some rows of the left operand, as a member has it, to what is done with them.
pub(in crate::cpu) type Left<'l> = dyn Fn(usize, Range<usize>, &mut dyn FnMut(Strided<'_, f32>)) + Sync + 'l;

impl Job<'_> {
    /// Computes the part of a product that has these rows and vectors of columns.
    fn part(
        &self,
        kernels: &Kernels,
        (member, left): (usize, &Left<'_>),
        (rows, vectors): (Range<usize>, Range<usize>),
        c: &mut Out<'_>,
    ) {
        let Job { sizes, b, alpha, beta, .. } = *self;
        for first in rows.clone().step_by(self.rows.max(1)) {
            let some = first..(first + self.rows.max(1)).min(rows.end);
            left(member, some.clone(), &mut |a| {
                let product = Product { sizes, a, b, alpha, beta };
                kernels.multiply_part(&product, first, (some.clone(), vectors.clone()), c);
            });
        }
    }
}

impl Kernels {
    /// Computes a product, with a team if there is one: each member reads a left operand of its own, and
    /// always has the same columns, so that panels of them that it wrote are still in its caches; or rows,
    /// where the columns are few. That changes no bit.
    ///
    /// # Panics
    /// As [`Kernels::multiply`].
    pub(in crate::cpu) fn multiply_shared(
        &self,
        job: &Job<'_>,
        left: &Left<'_>,
        c: &mut Out<'_>,
        lead: Option<&mut Lead<'_>>,
    ) {
        let Sizes { m, n, .. } = job.sizes;
        let all = n.div_ceil(self.unit.width);
        let members = lead.as_ref().map_or(1, |lead| lead.members());
        let Share { parts, vectors } = self.share(job.sizes, members);
        let Some(lead) = lead.filter(|_| parts > 1) else {
            return job.part(self, (0, left), (0..m, 0..all), c);
        };
        let (shared, len, layout) = (Shared(c.data), c.len, c.layout);
        let shared = &shared;
        lead.parts(parts, &|member, index| {
            // SAFETY: `c` is borrowed until all are done, and each part has rows or columns of its own.
            let mut c = unsafe { Out::shared(shared.0, len, layout) };
            let own = match vectors {
                true => (0..m, part(0..all, index, parts)),
                false => (part(0..m, index, parts), 0..all),
            };
            job.part(self, (member, left), own, &mut c);
        });
    }

    /// How a team of so many shares a product.
    pub(in crate::cpu) fn share(&self, Sizes { m, n, k }: Sizes, members: usize) -> Share {
        let worth = m.saturating_mul(n).saturating_mul(k) / ALONE;
        let vectors = n > 1 && n.div_ceil(self.unit.width) >= members * COLUMNS;
        let parts = members.min(worth).min(if vectors { members } else { m }).clamp(1, PARTS);
        Share { parts, vectors }
    }
}

/// Into how many parts a product is cut.
pub(in crate::cpu) struct Share {
    pub parts: usize,
    /// Whether parts are vectors of columns; otherwise they are rows.
    pub vectors: bool,
}

/// A result that threads share.
struct Shared(*mut f32);

// SAFETY: it is only an address; whoever writes through it says why that is sound.
unsafe impl Sync for Shared {}

/// Products of numbers that are not worth another thread.
const ALONE: usize = 1 << 17;

/// Most parts.
const PARTS: usize = 64;

/// Vectors of columns that keep a member busy.
const COLUMNS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::matmul::Operand;
    use crate::cpu::team::Team;

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32).map(|i| (i.wrapping_mul(seed) >> 20) as f32 / 4096.0 - 0.5).collect()
    }

    #[test]
    fn the_bits_are_those_of_one_thread() {
        for kernels in Kernels::available() {
            for (m, n, k) in [(64, 128, 200), (90, 300, 70), (400, 36, 120), (2000, 1, 900)] {
                let (x, y) = (numbers(m * k, 2_654_435_761), numbers(k * n, 2_246_822_519));
                let mut panels = vec![0.0; kernels.panels_len(k, n)];
                kernels.pack_panels(&mut panels, k, n, Operand::F32(Strided::rows(&y, n)));
                let b = if n == 1 { Right::Column(&y) } else { Right::Panels(&panels) };
                let left = |_: usize, rows: Range<usize>, then: &mut dyn FnMut(Strided<'_, f32>)| {
                    then(Strided::rows(&x[rows.start * k..rows.end * k], k));
                };
                let job = |rows| Job { sizes: Sizes { m, n, k }, rows, b, alpha: 0.5, beta: 0.25 };
                let mut alone = vec![1.0; m * n];
                kernels.multiply_shared(&job(m), &left, &mut Out::rows(&mut alone, n), None);
                for (members, rows) in [(1, 48), (2, m), (3, 31), (8, 5)] {
                    let team = Team::new(members).expect("threads");
                    let mut together = vec![1.0; m * n];
                    let (mut lead, job) = (team.lead(), job(rows));
                    kernels.multiply_shared(&job, &left, &mut Out::rows(&mut together, n), lead.as_mut());
                    let name = kernels.name();
                    assert!(
                        alone == together,
                        "{m}×{n}×{k}, {rows} rows at a time, by {members} with {name}"
                    );
                }
            }
        }
    }
}
