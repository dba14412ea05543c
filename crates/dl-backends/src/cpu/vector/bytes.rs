//! Functions of a byte: whatever is computed from one, it is one of 256 numbers.

use std::ops::Range;

use super::{Isa, Kernel};
use crate::cpu::prefetch::prefetch;

/// A function of a byte, known by its 256 values.
#[derive(Clone, Debug)]
pub struct ByteMap {
    table: Box<[f32; 256]>,
    form: Form,
}

/// How it is computed where there is fused multiply-add.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// `x·by`, and once more the error of that by `divisor`: a quotient, correctly rounded.
    Quotient {
        divisor: f32,
        by: f32,
    },
    /// `x·by + plus`.
    Affine {
        by: f32,
        plus: f32,
    },
    Table,
}

impl ByteMap {
    /// The function with the given values.
    ///
    /// ```
    /// use dl_backends::cpu::vector::{ByteMap, Isa};
    /// let (map, mut out) = (ByteMap::new(std::array::from_fn(|i| i as f32 / 255.0)), [0.0; 2]);
    /// Isa::widest().bytes(&map, &[51, 255], &mut out);
    /// assert_eq!(out, [0.2, 1.0]);
    /// ```
    pub fn new(values: [f32; 256]) -> Self {
        let (first, second) = (values[0], values[1]);
        let divisor = (255.0 / f64::from(values[255])) as f32;
        let candidates =
            [Form::Affine { by: second - first, plus: first }, Form::Quotient { divisor, by: 1.0 / divisor }];
        // The portable fused multiply-add, one element at a time, is the vectors' to the bit.
        let fits = |form: &Form| {
            (0..=255_u8).all(|x| form.of(x).is_some_and(|y| y.to_bits() == values[usize::from(x)].to_bits()))
        };
        let form = candidates.into_iter().find(fits).unwrap_or(Form::Table);
        ByteMap { table: Box::new(values), form }
    }

    /// The values for 0 to 255.
    pub fn values(&self) -> &[f32; 256] {
        &self.table
    }
}

impl Form {
    /// The value, unless it is only in the table.
    #[inline(always)]
    fn of(self, x: u8) -> Option<f32> {
        let x = f32::from(x);
        match self {
            Form::Quotient { divisor, by } => Some(quotient(x, divisor, by)),
            Form::Affine { by, plus } => Some(x.mul_add(by, plus)),
            Form::Table => None,
        }
    }
}

#[inline(always)]
fn quotient(x: f32, divisor: f32, by: f32) -> f32 {
    let near = x * by;
    (-near).mul_add(divisor, x).mul_add(by, near)
}

impl Isa {
    /// `out ← map(x)`.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn bytes(self, map: &ByteMap, x: &[u8], out: &mut [f32]) {
        assert_eq!(x.len(), out.len(), "lengths of a kernel's operands");
        self.run(Bytes { map, x, stride: x.len(), columns: 0..x.len(), out });
    }

    /// The same for some columns of rows that are `stride` long.
    ///
    /// # Panics
    /// When there are no such columns, or not as many results as rows have of them.
    pub fn byte_columns(
        self,
        map: &ByteMap,
        (x, stride): (&[u8], usize),
        columns: Range<usize>,
        out: &mut [f32],
    ) {
        let rows = x.len() / stride.max(1);
        assert!(columns.end <= stride && out.len() == rows * columns.len(), "lengths of a kernel's operands");
        self.run(Bytes { map, x, stride, columns, out });
    }
}

struct Bytes<'a> {
    map: &'a ByteMap,
    x: &'a [u8],
    /// Elements of a row.
    stride: usize,
    /// Those that are wanted.
    columns: Range<usize>,
    out: &'a mut [f32],
}

impl Kernel for Bytes<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match self.map.form {
            Form::Quotient { divisor, by } if FMA => self.each(|x| quotient(f32::from(x), divisor, by)),
            Form::Affine { by, plus } if FMA => self.each(|x| f32::from(x).mul_add(by, plus)),
            _ => {
                let table = &*self.map.table;
                self.each(|x| table[usize::from(x)]);
            }
        }
    }
}

impl Bytes<'_> {
    #[inline(always)]
    fn each(self, f: impl Fn(u8) -> f32) {
        if self.columns.is_empty() {
            return;
        }
        let ahead = AHEAD * self.stride + self.columns.start;
        let rows = self.x.chunks_exact(self.stride).enumerate();
        for ((row, x), out) in rows.zip(self.out.chunks_exact_mut(self.columns.len())) {
            if let Some(soon) = self.x.get(row * self.stride + ahead..).filter(|_| out.len() < self.stride) {
                prefetch(&soon[..out.len().min(soon.len())]);
            }
            out.iter_mut().zip(&x[self.columns.clone()]).for_each(|(out, x)| *out = f(*x));
        }
    }
}

/// Rows that are asked for before they are read, where only some columns are.
const AHEAD: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// A function is what its form says only if all 256 values are: one that bends anywhere has its table.
    #[test]
    fn one_value_beside_the_form_is_seen() {
        let straight: [fn(usize) -> f32; 2] = [|i| i as f32 / 255.0, |i| i as f32 / 256.0];
        for (of, at) in straight.into_iter().flat_map(|of| (0..256).map(move |at| (of, at))) {
            let map = ByteMap::new(std::array::from_fn(|i| if i == at { of(i) + 0.25 } else { of(i) }));
            assert_eq!(map.form, Form::Table, "{at}");
            let bent = ByteMap::new(std::array::from_fn(|i| of(i.min(at))));
            let mut out = [0.0; 256];
            Isa::widest().bytes(&bent, &std::array::from_fn::<u8, 256, _>(|i| i as u8), &mut out);
            assert!((0..256).all(|i| out[i] == of(i.min(at))), "{at}");
        }
    }

    #[test]
    fn every_form_gives_the_values() {
        let divided = |by: f32| ByteMap::new(std::array::from_fn(|i| i as f32 / by));
        let maps = [
            (divided(255.0), "Quotient"),
            (divided(256.0), "Affine"),
            (divided(-3.0), "Quotient"),
            (ByteMap::new(std::array::from_fn(|i| i as f32 - 128.0)), "Affine"),
            (ByteMap::new(std::array::from_fn(|i| (i as f32 / 255.0 - 0.1307) / 0.3081)), "Table"),
            (ByteMap::new(std::array::from_fn(|i| (i as f32).sqrt())), "Table"),
        ];
        let x: Vec<u8> = (0..=255).cycle().skip(7).take(1000).collect();
        for (map, form) in maps {
            assert!(format!("{:?}", map.form).starts_with(form), "{:?}", map.form);
            for isa in Isa::all() {
                let mut out = vec![0.0; x.len()];
                isa.bytes(&map, &x, &mut out);
                let right = |(x, y): (&u8, &f32)| y.to_bits() == map.values()[usize::from(*x)].to_bits();
                assert!(x.iter().zip(&out).all(right), "{form} with {isa:?}");
                let (columns, mut some) = (13..87, [0.0; 10 * 74]);
                isa.byte_columns(&map, (&x, 100), columns.clone(), &mut some);
                let rows = out.chunks(100).flat_map(|row| &row[columns.clone()]);
                assert!(rows.zip(&some).all(|(a, b)| a.to_bits() == b.to_bits()), "{form} with {isa:?}");
            }
        }
    }
}
