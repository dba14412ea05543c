//! How products are cut: the cost model, and what may be measured instead.

use super::lower::Device;
use super::operand::STEP;
use crate::tuning::Cut;

/// Terms of a share.
const SHARE: usize = 1024;
/// Up to so many terms are one share where there are tiles enough.
const WHOLE: usize = 2048;
/// Terms of the longest share, each a turn of a loop at worst.
const LONGEST: usize = 1 << 15;
/// Terms of the shortest one.
const SHORTEST: usize = 64;
/// Bytes that shares may take, unless they would have to be longer.
const ROOM: usize = 64 << 20;
/// Rows of tiles, and columns of a lane. More rows than sixteen pay where the left operand is cheap, or where a
/// measurement says so.
const ROWS: [usize; 4] = [4, 8, 16, 32];
const COLUMNS: [usize; 3] = [1, 2, 4];

/// Products of one size: so many rows, terms and columns, so many times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) count: usize,
}

impl Whole {
    /// For people.
    pub(super) fn text(&self) -> String {
        let Whole { m, k, n, count } = self;
        let times = if *count == 1 { String::new() } else { format!("{count} times ") };
        format!("{times}{m} × {k} by {k} × {n}")
    }

    /// The cut by sizes alone; a left operand that is `cheap` to load allows more rows.
    pub(super) fn modelled(&self, device: Device, cheap: bool) -> Cut {
        let columns = [1, 2].into_iter().find(|c| device.lanes * c >= self.n).unwrap_or(4);
        let most = if cheap { 32 } else { 16 };
        let rows = ROWS.into_iter().filter(|r| *r < most).find(|r| *r >= self.m).unwrap_or(most);
        self.with_tile(device, rows, columns)
    }

    /// A cut into these tiles, with as many shares as the model says.
    fn with_tile(&self, device: Device, rows: usize, columns: usize) -> Cut {
        let tiles = self.tiles(device, rows, columns);
        let terms = divided(self.k, tiles, self.count * self.m * self.n, device.busy);
        Cut { rows, columns, terms }
    }

    fn tiles(&self, device: Device, rows: usize, columns: usize) -> usize {
        self.count * self.m.div_ceil(rows) * self.n.div_ceil(columns * device.lanes)
    }

    /// The cuts into tiles of other sizes that may be measured, the most alike first.
    pub(super) fn other_tiles(&self, device: Device, than: Cut) -> Vec<Cut> {
        let rows = ROWS.into_iter().filter(|rows| *rows == ROWS[0] || rows / 2 < self.m);
        let columns = |rows: usize| {
            let columns = COLUMNS.into_iter();
            columns.filter(|c| *c == 1 || c / 2 * device.lanes < self.n).map(move |columns| (rows, columns))
        };
        let mut all: Vec<(usize, usize)> = rows.flat_map(columns).collect();
        all.retain(|tile| *tile != (than.rows, than.columns));
        let steps = |a: usize, b: usize| a.ilog2().abs_diff(b.ilog2());
        all.sort_by_key(|(rows, columns)| steps(*rows, than.rows) + steps(*columns, than.columns));
        all.into_iter().map(|(rows, columns)| self.with_tile(device, rows, columns)).collect()
    }

    /// The cuts into other numbers of shares that may be measured, the most alike first.
    pub(super) fn other_shares(&self, device: Device, than: Cut) -> Vec<Cut> {
        let tiles = self.tiles(device, than.rows, than.columns);
        let shares = self.k.div_ceil(than.terms);
        let mut all = vec![];
        for times in [2, 4, 8] {
            all.extend([shares * times, shares.div_ceil(times)]);
        }
        let mut cuts: Vec<Cut> = vec![];
        for shares in all {
            let terms =
                self.k.div_ceil(shares).max(SHORTEST.min(self.k)).next_multiple_of(STEP).min(self.k.max(1));
            let cut = Cut { terms, ..than };
            // More tiles than keep the device busy many times gain nothing.
            let much = shares > 1 && tiles * shares > 32 * device.busy;
            if !much && cut != than && !cuts.contains(&cut) && self.allows(cut) {
                cuts.push(cut);
            }
        }
        cuts
    }

    /// Whether a cut is one that generated kernels may have, whoever chose it.
    pub(super) fn allows(&self, cut: Cut) -> bool {
        let Cut { rows, columns, terms } = cut;
        let shares = self.k.div_ceil(terms.max(1));
        let room = (4 * self.count * self.m * self.n).saturating_mul(shares);
        let whole = terms == self.k || terms.is_multiple_of(STEP);
        (ROWS.contains(&rows) && COLUMNS.contains(&columns) && whole)
            && (SHORTEST.min(self.k)..=self.k.min(LONGEST)).contains(&terms)
            && (shares == 1 || room <= ROOM)
    }
}

/// Terms of a share, for so many tiles of so many elements in all.
fn divided(k: usize, tiles: usize, elements: usize, busy: usize) -> usize {
    let few = tiles * 2 <= busy && k >= 256;
    let mut share = match (k > WHOLE, few) {
        (false, false) => return k,
        (_, true) => k.div_ceil(busy.div_ceil(tiles)).clamp(SHORTEST, SHARE),
        (true, false) => SHARE,
    };
    while elements.saturating_mul(4 * k.div_ceil(share)) > ROOM && share < k.min(LONGEST) {
        share *= 2;
    }
    share.next_multiple_of(STEP).min(k)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: Device = Device { lanes: 8, subgroups: true, busy: 8, bindings: 16 };

    fn whole(m: usize, k: usize, n: usize) -> Whole {
        Whole { m, k, n, count: 1 }
    }

    #[test]
    fn sizes_decide_a_cut() {
        let modelled = |m, k, n, cheap| {
            let Cut { rows, columns, terms } = whole(m, k, n).modelled(DEVICE, cheap);
            (rows, columns, terms)
        };
        assert_eq!(modelled(64, 784, 128, true), (32, 4, 784));
        assert_eq!(modelled(64, 784, 128, false), (16, 4, 784));
        assert_eq!(modelled(3, 5, 7, false), (4, 1, 5));
        assert_eq!(modelled(3, 5, 9, true), (4, 2, 5));
        assert_eq!(modelled(16, 784, 10, true), (16, 2, 100), "few tiles");
        assert_eq!(modelled(784, 60_000, 128, true), (32, 4, 1024), "long sums");
    }

    #[test]
    fn what_is_measured_is_allowed_and_fits() {
        for (m, k, n) in [(64, 784, 128), (784, 64, 128), (1, 1, 1), (3, 70_000, 5), (20, 300, 12)] {
            let whole = whole(m, k, n);
            let first = whole.modelled(DEVICE, false);
            let tiles = whole.other_tiles(DEVICE, first);
            let shares: Vec<Cut> = whole.other_shares(DEVICE, first);
            let all = [&[first], &tiles[..], &shares].concat();
            for (i, cut) in all.iter().enumerate() {
                assert!(whole.allows(*cut), "{cut:?} of {whole:?}");
                assert!(!all[..i].contains(cut), "{cut:?} twice");
                assert!(cut.rows == 4 || cut.rows / 2 < m, "{cut:?} of {whole:?}");
            }
            assert!(all.len() <= 12 + 6, "{} candidates", all.len());
        }
        let none = [(5, 1, 784), (8, 3, 784), (8, 4, 785), (8, 4, 60), (8, 4, 98), (8, 4, 0)];
        for (rows, columns, terms) in none {
            let cut = Cut { rows, columns, terms };
            assert!(!whole(64, 784, 128).allows(cut), "{cut:?}");
        }
    }
}
