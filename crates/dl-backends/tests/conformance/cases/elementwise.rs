//! Elementwise functions: every row of both tables, `select`, `cast`.

use dl_core::ops::binary::{BINARY, Class};
use dl_core::ops::unary::{Takes, UNARY};
use dl_core::ops::{Binary, Unary};
use dl_core::{Bool, DType, I64, Named, U8};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::library::elementwise;
use crate::scene::Fill::{self, Extreme, Ties, Uniform, Wide};
use crate::scene::Scene;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for row in UNARY {
        unary(&mut cases, row.op);
    }
    for row in BINARY {
        binary(&mut cases, row.op);
    }
    selects(&mut cases);
    casts(&mut cases);
    cases
}

/// Which element types to try; nothing stands for the float type under test.
fn unary_types(takes: Takes) -> &'static [Option<DType>] {
    match takes {
        Takes::Floats | Takes::FloatsToBool => &[None],
        Takes::Numbers => &[None, Some(I64)],
        Takes::Bools => &[Some(Bool)],
    }
}

fn unary(cases: &mut Vec<Case>, op: Unary) {
    let row = op.row();
    for &dtype in unary_types(row.takes) {
        let about = |what: &str| format!("{} {what}", dtype.map_or("float".into(), |d| d.to_string()));
        for n in ODD {
            let fill = if matches!(op, Unary::Log | Unary::Log1p | Unary::Sqrt | Unary::Log2) {
                Fill::Positive
            } else {
                Ties
            };
            cases.push(case(row.name, about(&format!("of {n}")), move |s| {
                let x = s.typed(dtype.unwrap_or(s.float), &[n], fill);
                s.output(elementwise::unary(op, x));
            }));
        }
        let fills = [("uniform", Uniform), ("extreme", if dtype == Some(I64) { Wide } else { Extreme })];
        for (what, fill) in fills {
            cases.push(case(row.name, about(what), move |s| {
                let x = s.typed(dtype.unwrap_or(s.float), &[3, 31], fill);
                s.output(elementwise::unary(op, x));
            }));
        }
        cases.push(case(row.name, about("of a transposed slice, backwards"), move |s| {
            let x = s.typed(dtype.unwrap_or(s.float), &[9, 7], Uniform);
            s.output(elementwise::unary(op, x.transpose().slice_by(1, 1, 9, 3).flip(0)));
        }));
    }
}

fn binary_types(class: Class) -> &'static [Option<DType>] {
    match class {
        Class::Float => &[None],
        Class::Number => &[None, Some(I64)],
        Class::Comparison => &[None, Some(I64), Some(Bool), Some(U8)],
        Class::Logic => &[Some(Bool)],
    }
}

fn binary(cases: &mut Vec<Case>, op: Binary) {
    const B: Named = Named("B");
    let row = op.row();
    for &dtype in binary_types(row.class) {
        let about = |what: &str| format!("{} {what}", dtype.map_or("float".into(), |d| d.to_string()));
        let mut add = |what: &str, build: fn(&Scene<'_>, DType, Binary)| {
            cases.push(case(row.name, about(what), move |s| build(s, dtype.unwrap_or(s.float), op)));
        };
        for n in ODD {
            let what = format!("of {n}");
            match n {
                0 => add(&what, |s, t, op| pair(s, t, op, &[0], &[0])),
                1 => add(&what, |s, t, op| pair(s, t, op, &[1], &[1])),
                7 => add(&what, |s, t, op| pair(s, t, op, &[7], &[7])),
                _ => add(&what, |s, t, op| pair(s, t, op, &[33], &[33])),
            }
        }
        add("row against matrix", |s, t, op| pair(s, t, op, &[7, 33], &[33]));
        add("column against row", |s, t, op| pair(s, t, op, &[7, 1], &[5]));
        add("scalar against a cube", |s, t, op| pair(s, t, op, &[], &[3, 4, 5]));
        add("extreme", |s, t, op| {
            let fill = if t == I64 { Wide } else { Extreme };
            let (x, y) = (s.typed(t, &[23, 1], fill), s.typed(t, &[23], fill));
            s.output(elementwise::binary(op, x, y));
        });
        add("transposed and sliced", |s, t, op| {
            let (x, y) = (s.typed(t, &[7, 9], Ties), s.typed(t, &[9, 8], Ties));
            s.output(elementwise::binary(op, x.transpose(), y.slice(1, 1, 8).flip(1)));
        });
        add("with itself", |s, t, op| {
            let x = s.typed(t, &[7], Uniform);
            s.output(elementwise::binary(op, x, x));
        });
        add("named", |s, t, op| {
            let x = s.input(t, (B, 3), &[7, 3], Ties);
            let y = s.input(t, B, &[7], Ties);
            s.output(elementwise::binary(op, x, y.unsqueeze(1)));
        });
        add("with a constant on either side", |s, t, op| {
            let x = s.typed(t, &[33], Ties);
            let c = s.g.constant(t, 1.0);
            s.output(elementwise::binary(op, x, c));
            s.output(elementwise::binary(op, c, x));
        });
        if dtype != Some(Bool) && dtype != Some(U8) {
            add("with a size", |s, t, op| {
                let x = s.input(t, B, &[33], Ties);
                s.output(elementwise::binary(op, x, s.g.extent(t, B)));
            });
        }
    }
}

fn pair(s: &Scene<'_>, dtype: DType, op: Binary, a: &[usize], b: &[usize]) {
    // Positive bases, since a power of a negative one is mostly NaN.
    let fill = if op == Binary::Pow { Fill::Positive } else { Uniform };
    let (x, y) = (s.typed(dtype, a, fill), s.typed(dtype, b, Ties));
    s.output(elementwise::binary(op, x, y));
    if matches!(op, Binary::Ierfcx | Binary::Polygamma) {
        // Orders are whole numbers.
        s.output(elementwise::binary(op, x.abs().ceil(), y));
    }
}

fn selects(cases: &mut Vec<Case>) {
    for dtype in [None, Some(I64), Some(Bool), Some(U8)] {
        let about = dtype.map_or("float".into(), |d: DType| d.to_string());
        cases.push(case("select", about, move |s| {
            let t = dtype.unwrap_or(s.float);
            let fill = if t.is_float() { Extreme } else { Ties };
            let c = s.typed(Bool, &[7, 33], Ties);
            let (a, b) = (s.typed(t, &[7, 33], fill), s.typed(t, &[33], fill));
            s.output(c.select(a, b));
            s.output(c.select(b, a));
            s.output(c.select(s.g.constant(t, 1.0), a));
            s.output(c.select(a, s.g.constant(t, 0.0)));
            s.output(c.select(s.g.constant(t, 1.0), s.g.constant(t, 0.0)));
            s.output(c.transpose().select(a.transpose(), b.unsqueeze(1)));
        }));
    }
    for n in ODD {
        cases.push(case("select", format!("of {n}, its condition computed"), move |s| {
            let (x, y) = (s.float(&[n], Ties), s.float(&[n], Uniform));
            s.output(x.gt(0.0).select(x, y));
            s.output(y.clip(-1.0, 1.0));
        }));
    }
}

fn casts(cases: &mut Vec<Case>) {
    for from in DType::ALL {
        for to in DType::ALL.into_iter().filter(|to| *to != from) {
            for (what, fill) in [("wide", Wide), ("extreme", Extreme), ("uniform", Uniform)] {
                let fill = if !from.is_float() && matches!(fill, Extreme) { Ties } else { fill };
                cases.push(case("cast", format!("{from} to {to}, {what}"), move |s| {
                    let x = s.typed(from, &[5, 23], fill);
                    s.output(x.cast(to));
                    s.output(x.transpose().cast(to));
                    s.output(x.slice(1, 3, 3).cast(to));
                }));
            }
        }
    }
    cases.push(case("cast", "a float beyond the integers", |s| {
        let x =
            s.float(&[8], Fill::These(&[1e30, -1e30, 300.5, -0.5, 255.5, 254.9, f64::NAN, f64::INFINITY]));
        s.output(x.cast(I64));
        s.output(x.cast(U8));
    }));
}
