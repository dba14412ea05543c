//! Products that a team computes together.

use super::blocks::part;
use super::{Kernels, Out, Product, Right, Sizes, Strided};
use crate::cpu::team::Lead;

/// A product but for its left operand, of which every member of a team may have its own.
pub(in crate::cpu) struct Job<'a> {
    pub sizes: Sizes,
    pub b: Right<'a>,
    pub alpha: f32,
    pub beta: f32,
}

/// Gives the left operand of a member to what is done with it.
pub(in crate::cpu) type Left<'l> = dyn Fn(usize, &mut dyn FnMut(Strided<'_, f32>)) + Sync + 'l;

impl Job<'_> {
    fn with<'b>(&'b self, a: Strided<'b, f32>) -> Product<'b> {
        let Job { sizes, b, alpha, beta } = *self;
        Product { sizes, a, b, alpha, beta }
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
        let Sizes { m, n, k } = job.sizes;
        let worth = m.saturating_mul(n).saturating_mul(k) / ALONE;
        let Some(lead) = lead.filter(|_| worth >= 2) else {
            return left(0, &mut |a| self.multiply(&job.with(a), 0..m, c));
        };
        let members = lead.members();
        let vectors = n.div_ceil(self.unit.width);
        let by_columns = vectors >= members * COLUMNS && !matches!(job.b, Right::Column(_));
        let parts = members.min(worth).min(if by_columns { members } else { m });
        let (shared, len, layout) = (Shared(c.data), c.len, c.layout);
        let shared = &shared;
        lead.all(&|member| {
            if member >= parts {
                return;
            }
            // SAFETY: `c` is borrowed until all are done, and each part has rows or columns of its own.
            let mut c = unsafe { Out::shared(shared.0, len, layout) };
            left(member, &mut |a| match by_columns {
                true => self.multiply_part(&job.with(a), 0..m, part(0..vectors, member, parts), &mut c),
                false => self.multiply_part(&job.with(a), part(0..m, member, parts), 0..vectors, &mut c),
            });
        });
    }
}

/// A result that threads share.
struct Shared(*mut f32);

// SAFETY: it is only an address; whoever writes through it says why that is sound.
unsafe impl Sync for Shared {}

/// Products of numbers that are not worth another thread.
const ALONE: usize = 1 << 19;

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
                let job = Job { sizes: Sizes { m, n, k }, b, alpha: 0.5, beta: 0.25 };
                let left = |_: usize, then: &mut dyn FnMut(Strided<'_, f32>)| then(Strided::rows(&x, k));
                let mut alone = vec![1.0; m * n];
                kernels.multiply_shared(&job, &left, &mut Out::rows(&mut alone, n), None);
                for members in [2, 3, 8] {
                    let team = Team::new(members).expect("threads");
                    let mut together = vec![1.0; m * n];
                    let mut lead = team.lead();
                    kernels.multiply_shared(&job, &left, &mut Out::rows(&mut together, n), lead.as_mut());
                    assert!(alone == together, "{m}×{n}×{k} by {members} with {}", kernels.name());
                }
            }
        }
    }
}
