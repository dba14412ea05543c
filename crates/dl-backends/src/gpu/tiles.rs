//! The terms of a tile: what the lanes of a subgroup load, and send each other.

use super::body::Writer;
use super::operand::{LETTERS, Lies, Reader, STEP, place, vector};
use super::product::Sized;

/// Writes the terms of a tile.
pub(super) struct Steps<'a> {
    pub(super) sized: &'a Sized,
    pub(super) left: Reader,
    pub(super) right: Reader,
    pub(super) lane: String,
}

impl Steps<'_> {
    /// Where the lane's columns stand.
    pub(super) fn columns(&self, writer: &mut Writer<'_>) {
        let (sized, tile) = (self.sized, self.sized.tile);
        let whole = self.sized.right.lies == Lies::Outer;
        let columns = if whole { 1 } else { tile.columns };
        for c in 0..columns {
            let last = if whole { sized.n - tile.columns } else { sized.n - 1 };
            writer.line(format!("let j{c} = min(column0 + {c}u, {last}u);"));
            writer.line(format!("let c{c} = right0 + {};", place(&sized.right.outer, &format!("j{c}"))));
        }
    }

    /// Terms of a step: one where more of them share no load and both operands are read number by number. That
    /// makes the shortest text, and so the first step faster.
    pub(super) fn terms(&self) -> usize {
        let apart = self.sized.left.lies == Lies::Apart && self.sized.right.lies == Lies::Apart;
        if apart && self.loads(STEP).len() == STEP * self.loads(1).len() { 1 } else { STEP }
    }

    /// Where the rows stand that the lane loads.
    pub(super) fn rows(&self, writer: &mut Writer<'_>) {
        let sized = self.sized;
        let loads = self.loads(self.terms());
        for (g, (row, _)) in loads.iter().enumerate() {
            let last = if sized.left.lies == Lies::Outer { sized.m - STEP } else { sized.m - 1 };
            writer.line(format!("let i{g} = min(row0 + {row}, {last}u);"));
            writer.line(format!("let r{g} = left0 + {};", place(&sized.left.outer, &format!("i{g}"))));
        }
    }

    /// For each load of a step of so many terms: its row within the tile, and its term.
    fn loads(&self, terms: usize) -> Vec<(String, String)> {
        let tile = self.sized.tile;
        // How many loads stand above each other in a term, and how many rows and terms each has.
        let (high, tall, wide) = match self.sized.left.lies {
            Lies::Inner => (tile.rows, 1, STEP),
            Lies::Outer => (tile.rows / 4, 4, 1),
            Lies::Apart => (tile.rows, 1, 1),
        };
        let all = high * terms.div_ceil(wide);
        if !tile.together {
            let of = |q: usize| (format!("{}u", q % high * tall), format!("{}u", q / high));
            return (0..all).map(of).collect();
        }
        let of = |g: usize| {
            let q = if g == 0 { self.lane.clone() } else { format!("({} + {}u)", self.lane, g * tile.lanes) };
            let row = format!("{q} % {high}u");
            let row = if tall == 1 { row } else { format!("({row}) * {tall}u") };
            (row, format!("min({q} / {high}u, {}u)", terms - 1))
        };
        (0..all.div_ceil(tile.lanes)).map(of).collect()
    }

    /// One step of so many terms, from `k` on.
    pub(super) fn step(&self, writer: &mut Writer<'_>, terms: usize) {
        let (sized, tile) = (self.sized, self.sized.tile);
        let inner = sized.left.lies == Lies::Inner;
        let mut left = vec![];
        for (g, (_, term)) in self.loads(terms).iter().enumerate() {
            let k = if inner || terms == 1 { "k".to_owned() } else { format!("(k + {term})") };
            let at = format!("r{g} + {}", place(&sized.left.inner, &k));
            left.push(self.left.read(writer, &at));
        }
        let right = self.right_of(writer, terms);
        for (term, right) in right.iter().enumerate() {
            for row in 0..tile.rows {
                let left = self.left_of(&left, row, term);
                let left = if tile.columns == 1 { left } else { format!("{}({left})", vector(tile.columns)) };
                writer.line(format!("s{row} = fma({left}, {right}, s{row});"));
            }
        }
    }

    /// The left operand's element of a row and a term, which some lane has loaded.
    fn left_of(&self, loaded: &[String], row: usize, term: usize) -> String {
        let tile = self.sized.tile;
        let (q, letter) = match self.sized.left.lies {
            Lies::Inner => (row, Some(LETTERS[term])),
            Lies::Outer => (term * (tile.rows / 4) + row / 4, Some(LETTERS[row % 4])),
            Lies::Apart => (term * tile.rows + row, None),
        };
        let of = |name: &str| letter.map_or(name.to_owned(), |letter| format!("{name}.{letter}"));
        if tile.together {
            format!("subgroupBroadcast({}, {}u)", of(&loaded[q / tile.lanes]), q % tile.lanes)
        } else {
            of(&loaded[q])
        }
    }

    /// The right operand's elements of the lane's columns, for each term.
    fn right_of(&self, writer: &mut Writer<'_>, terms: usize) -> Vec<String> {
        let (right, tile) = (&self.sized.right, self.sized.tile);
        let at = |c: usize, k: &str| format!("c{c} + {}", place(&right.inner, k));
        let terms = (0..terms).map(|t| if t == 0 { "k".to_owned() } else { format!("(k + {t}u)") });
        match right.lies {
            Lies::Outer => terms.map(|k| self.right.read(writer, &at(0, &k))).collect(),
            Lies::Inner => {
                let columns: Vec<String> =
                    (0..tile.columns).map(|c| self.right.read(writer, &at(c, "k"))).collect();
                let of = |letter: &&str| {
                    let all: Vec<String> =
                        columns.iter().map(|column| format!("{column}.{letter}")).collect();
                    if all.len() == 1 {
                        all[0].clone()
                    } else {
                        format!("{}({})", vector(tile.columns), all.join(", "))
                    }
                };
                let all: Vec<String> = LETTERS.iter().map(of).collect();
                all.iter().map(|value| writer.define(value)).collect()
            }
            Lies::Apart => {
                let all = terms.map(|k| {
                    let of =
                        (0..tile.columns).map(|c| self.right.read(writer, &at(c, &k))).collect::<Vec<_>>();
                    if of.len() == 1 {
                        of[0].clone()
                    } else {
                        writer.define(&format!("{}({})", vector(tile.columns), of.join(", ")))
                    }
                });
                all.collect()
            }
        }
    }
}
