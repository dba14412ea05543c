//! Long axes: what every executor promises holds for sums of a million terms of one sign, where errors
//! that are all to one side add up; and no loop is longer than a device runs. Where all terms are one number,
//! what is right needs no interpreter.

use dl_backends::{Executor, Session};
use dl_core::ops::Reduce;
use dl_core::{DType, Expr, F32, F64, Graph, I64, Named};

use crate::executors::executors;
use crate::fidelity::promised;
use crate::scene::Fill::{self, These};
use crate::scene::Scene;

const B: Named = Named("B");
/// Elements of a long axis.
const LONG: usize = 1 << 20;

/// Outputs of which each is one number in all its elements, and these numbers; then those of new parameters.
type Build = Box<dyn for<'g> Fn(&Scene<'g>) -> Vec<(Expr<'g>, f64)>>;

/// The number that terms are: each addition errs to the same side for long.
fn term(float: DType) -> f64 {
    if float == F32 { f64::from(0.3f32) } else { 0.3 }
}

fn same(float: DType) -> Fill {
    if float == F32 { These(&[0.3f32 as f64]) } else { These(&[0.3]) }
}

fn filled<'g>(s: &Scene<'g>, sizes: &[usize]) -> Expr<'g> {
    s.float(sizes, same(s.float))
}

fn rows<'g>(s: &Scene<'g>, n: usize, width: usize) -> Expr<'g> {
    s.input(s.float, (B, width), &[n, width], same(s.float))
}

/// Runs on the executors that are `wanted`, by their place in the list.
fn check_on(op: &str, about: &str, wanted: impl Fn(usize) -> bool, build: Build) {
    for float in [F32, F64] {
        let graph = Graph::new();
        let scene = Scene::new(&graph, float);
        let wants: Vec<f64> = build(&scene)
            .into_iter()
            .map(|(output, want)| {
                scene.output(output);
                want
            })
            .collect();
        let ready = scene.ready().unwrap_or_else(|e| panic!("{about}: {e}"));
        let inputs: Vec<_> = ready.inputs.iter().map(|(n, t)| (n.as_str(), t.view())).collect();
        for (_, executor) in executors().into_iter().enumerate().filter(|(place, _)| wanted(*place)) {
            let name = executor.name();
            // The interpreter of schedules adds one term after the other.
            if name == "schedule" || !supported(&*executor, &ready.program) {
                continue;
            }
            let mut session = Session::boxed(executor, 7);
            let handle = session.compile(&ready.program).expect("it can be compiled");
            for (parameter, value) in &ready.parameters {
                session.set(parameter, value).expect("it fits");
            }
            let outputs = session.run_named(&handle, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
            for (i, want) in wants.iter().enumerate() {
                let got = outputs.read(&format!("y{i}")).expect("an output");
                let dtype = got.dtype();
                let right = |got: &f64| promised(op).allows(name, dtype, *got, *want);
                let wrong = got.to_f64().into_iter().find(|got| !right(got));
                assert_eq!(wrong, None, "{op}, {about}, output {i}, {name}, {float}: {want} is right");
            }
        }
    }
}

fn supported(executor: &dyn Executor, program: &dl_core::Program) -> bool {
    program.nodes().iter().all(|n| executor.supports(n.dtype))
}

fn check(op: &str, about: &str, build: impl for<'g> Fn(&Scene<'g>) -> Vec<(Expr<'g>, f64)> + 'static) {
    check_on(op, about, |_| true, Box::new(build));
}

/// Contractions by their letters: `k` is long, `l` and `m` make a long axis together, others are short.
fn product(spec: &'static str, k: usize) {
    check("contract", &format!("{spec} with {k} terms"), move |s| {
        let size = |letter: u8| match letter {
            b'k' => k,
            b'l' => 1 << 10,
            b'm' => k >> 10,
            b'a' => 2,
            b'j' => 3,
            _ => 4,
        };
        let (letters, _) = spec.split_once("->").expect("there is one");
        let (left, right) = letters.split_once(',').expect("there are two");
        let of = |letters: &str| filled(s, &letters.bytes().map(size).collect::<Vec<_>>());
        vec![(of(left).contract(spec, of(right)), k as f64 * term(s.float).powi(2))]
    });
}

#[test]
fn narrow_products() {
    for spec in ["k,k->", "kj,k->j"] {
        product(spec, LONG);
    }
    for spec in ["k,kj->j", "k,jk->j", "jk,k->j", "ak,ak->a", "ka,ka->a", "lm,lm->", "lm,ml->"] {
        product(spec, LONG / 8);
    }
}

#[test]
fn wide_products() {
    product("ik,kj->ij", LONG / 4);
    check("contract", "a row by a column of a million", |s| {
        vec![(filled(s, &[1, LONG]).dot(filled(s, &[LONG, 1])), LONG as f64 * term(s.float).powi(2))]
    });
    for spec in
        ["ik,kj->ij", "ki,kj->ij", "ik,jk->ji", "ki,jk->ij", "aik,akj->aij", "lmi,lmj->ij", "lmi,mlj->ij"]
    {
        product(spec, LONG / 32);
    }
    check("contract", "many rows and columns", |s| {
        vec![(filled(s, &[70, 9000]).dot(filled(s, &[9000, 50])), 9000.0 * term(s.float).powi(2))]
    });
}

/// Lengths around those at which something changes.
#[test]
fn products_of_all_lengths() {
    for k in [256, 257, 513, 1023, 1025, 4096, 4097, 8200, 60_000] {
        for spec in ["k,k->", "kj,k->j", "jk,k->j", "ik,kj->ij", "ki,kj->ij"] {
            product(spec, k);
        }
    }
}

/// Products of rows of a batch, summed by tiles, lanes and all; the gradient of a regression with one output.
fn products_over<'g>(s: &Scene<'g>, n: usize) -> Vec<(Expr<'g>, f64)> {
    let (x, y, z) = (rows(s, n, 5), rows(s, n, 1), rows(s, n, 3));
    let (all, w) = (n as f64 * term(s.float).powi(2), s.parameter(&[5, 1], These(&[0.0])));
    vec![
        (x.contract("bi,bo->io", y), all),
        (y.contract("bi,bo->io", y), all),
        (x.contract("bi,bo->io", z), all),
        (x.contract("bi,bo->oi", z), all),
        (x.contract("bi,bo->io", x.dot(w) - y), -all),
    ]
}

fn sums_over<'g>(s: &Scene<'g>, n: usize, wide: bool) -> Vec<(Expr<'g>, f64)> {
    let (x, y) = (rows(s, n, if wide { 40 } else { 3 }), s.input(s.float, B, &[n], same(s.float)));
    let all = n as f64 * term(s.float);
    vec![(x.sum(0), all), (y.sum(..), all), ((-(-x)).abs().sum(0), all)]
}

fn scatters_over<'g>(s: &Scene<'g>, n: usize) -> Vec<(Expr<'g>, f64)> {
    let i = s.input(I64, B, &[n], These(&[0.0, 1.0]));
    let half = (n / 2) as f64 * term(s.float);
    let table = s.parameter(&[2, 2], same(s.float));
    vec![
        (rows(s, n, 3).scatter_add(0, 0, i, &[2, 3].into()), half),
        ((table.gather(0, i) * rows(s, n, 2)).sum(..).grad(&[table])[0], half),
    ]
}

#[test]
fn rows_of_a_batch() {
    for n in [700, 3000, 20_000] {
        check("contract", &format!("{n} rows"), move |s| products_over(s, n));
        check("sum", &format!("{n} rows"), move |s| sums_over(s, n, false));
        check("sum", &format!("{n} longer rows"), move |s| sums_over(s, n, true));
        check("scatter_add", &format!("{n} rows"), move |s| scatters_over(s, n));
    }
}

#[test]
fn a_million_rows() {
    // Others see no rows, and in tiles of three it takes too long.
    let first = |place| place == 0;
    check_on("contract", "a million rows", first, Box::new(|s| products_over(s, LONG)));
    check_on("sum", "a million rows", first, Box::new(|s| sums_over(s, LONG, false)));
    check_on("sum", "longer rows", first, Box::new(|s| sums_over(s, LONG / 4, true)));
    check_on("scatter_add", "a million rows", first, Box::new(|s| scatters_over(s, LONG)));
}

#[test]
fn sums() {
    check("sum", "a million elements", |s| {
        let all = LONG as f64 * term(s.float);
        vec![(filled(s, &[LONG]).sum(..), all), (filled(s, &[LONG, 2]).sum(0), all)]
    });
    for n in [513, 1025, 60_000, 70_001] {
        check("sum", &format!("{n} elements"), move |s| {
            let all = n as f64 * term(s.float);
            vec![
                (filled(s, &[n]).sum(..), all),
                (filled(s, &[n, 3]).sum(0), all),
                (filled(s, &[3, n]).sum(1), all),
                (filled(s, &[2, n, 2]).sum(1), all),
                (filled(s, &[2, n, 2]).sum([0, 1]), 2.0 * all),
                (filled(s, &[3, n]).transpose().sum(0), all),
                (filled(s, &[3, n]).flip(1).sum([0, 1]), 3.0 * all),
            ]
        });
    }
}

fn arg(x: Expr<'_>, axis: isize, max: bool) -> Expr<'_> {
    if max { x.argmax(axis) } else { x.argmin(axis) }
}

/// The last elements are the extremes, and come more than once.
#[test]
fn extremes() {
    let n = 70_001;
    for (kind, sign) in [(Reduce::Max, 1.0), (Reduce::Min, -1.0)] {
        let op = kind.name();
        check(op, "extremes", move |s| {
            let x = s.g.iota(s.float, 0, [n]);
            let x = s.g.concat(0, &[x, x]) * sign;
            let want = sign * (n - 1) as f64;
            vec![(x.reduce(kind, ..), want), (x.reshape([2, n]).reduce(kind, 1), want)]
        });
        let op = if kind == Reduce::Max { "argmax" } else { "argmin" };
        check(op, "extremes", move |s| {
            let x = s.g.iota(s.float, 0, [n]);
            let x = s.g.concat(0, &[x, x, x]).reshape([3, n]) * sign;
            let of = |x, axis| arg(x, axis, sign > 0.0);
            vec![(of(x, 1), (n - 1) as f64), (of(x, 0), 0.0), (of(x.transpose(), 0), (n - 1) as f64)]
        });
    }
    check("prod", "a product of all elements", move |s| {
        // As many halves as twos, and an even number of signs.
        let x = s.float(&[59_997], These(&[2.0, 0.5, -1.0, -1.0, 1.0, 1.0, 1.0]));
        vec![(x.prod(0), 1.0)]
    });
}

/// Ones added onto three places, of which the third gets none.
fn ones_at<'g>(s: &Scene<'g>, n: usize, places: Expr<'g>) -> Expr<'g> {
    s.float(&[n], These(&[1.0])).scatter_add(0, 0, places, &[3].into())
}

#[test]
fn scatters() {
    check("scatter_add", "a million updates", |s| {
        let i = s.typed(I64, &[LONG], These(&[0.0, 1.0]));
        vec![(filled(s, &[LONG]).scatter_add(0, 0, i, &[2].into()), (LONG / 2) as f64 * term(s.float))]
    });
    for n in [258, 70_000] {
        check("scatter_add", &format!("{n} updates"), move |s| {
            let i = s.typed(I64, &[n], These(&[0.0, 1.0]));
            let half = (n / 2) as f64 * term(s.float);
            let of_each = s.typed(I64, &[2, n], These(&[1.0, 0.0]));
            let x = filled(s, &[2, 2]);
            vec![
                (s.float(&[n], These(&[1.0])).scatter_add(0, 0, i, &[2].into()), (n / 2) as f64),
                (ones_at(s, n, i).slice(0, 0, 2), (n / 2) as f64),
                (ones_at(s, n, i).slice(0, 2, 3), 0.0),
                (filled(s, &[n]).scatter_add(0, 0, i, &[2].into()), half),
                (filled(s, &[n, 2]).scatter_add(0, 0, i, &[2, 2].into()), half),
                (filled(s, &[2, n]).scatter_add(1, 0, i, &[2, 2].into()), half),
                (filled(s, &[2, n]).scatter_add(1, 1, of_each, &[2, 2].into()), half),
                (s.typed(I64, &[n], These(&[3.0])).scatter_add(0, 0, i, &[2].into()), 3.0 * (n / 2) as f64),
                ((x.gather(0, i) * filled(s, &[n, 2])).sum(..).grad(&[x])[0], half),
            ]
        });
    }
    // Many places, of which two get all updates.
    check("scatter_add", "onto many places", |s| {
        let i = s.typed(I64, &[70_000], These(&[0.0, 69_999.0]));
        let sums = s.float(&[70_000], These(&[1.0])).scatter_add(0, 0, i, &[70_000].into());
        vec![
            (sums.slice(0, 0, 1), 35_000.0),
            (sums.slice(0, 69_999, 70_000), 35_000.0),
            (sums.slice(0, 1, 9), 0.0),
        ]
    });
}

/// Elements in the middle are in as many windows as a window has places.
#[test]
fn windows() {
    for (n, size) in [(2500, 1000), (66_000, 3)] {
        check("fold", &format!("windows of {size} along {n}"), move |s| {
            let x = filled(s, &[n]);
            let windows = x.unfold(0, size, 1, 1) * filled(s, &[n - size + 1, size]);
            let gradient = windows.sum(..).grad(&[x])[0];
            let inside = gradient.slice(0, size - 1, n - size + 1);
            vec![(inside, size as f64 * term(s.float)), (gradient.slice(0, 0, 1), term(s.float))]
        });
    }
}
