//! Every small size of a product's operands, in every orientation: by rows of a batch, summed over them, and
//! undivided, with updates that products make themselves; and random programs of such sizes.

use dl_backends::Session;
use dl_core::interp::evaluate;
use dl_core::{DType, F32, F64, Graph, Init, Named, Program, Tensor};

use crate::executors::executors;
use crate::random_programs::agree;

/// Sizes around those of vectors, panels and tiles.
const SIZES: [usize; 4] = [0, 1, 16, 33];
/// Every size up to here is tried along each axis, beside all pairs of [`SIZES`] along the others.
const ALL: usize = 40;

/// Products of `[m, k]` by `[k, n]`, where `m` is the batch.
fn divided(float: DType, k: usize, n: usize) -> Program {
    const M: Named = Named("M");
    let g = Graph::new();
    let (x, d) = (g.input("x", float, (M, k)), g.input("d", float, (M, n)));
    let parameter = |name: &str, sizes: [usize; 2]| g.parameter(name, float, sizes, Init::Zeros);
    let (w, v) = (parameter("w", [k, n]), parameter("v", [n, k]));
    let gradient = x.contract("mk,mn->kn", d);
    Program::builder(&g)
        .output("by rows", x.dot(w))
        .output("transposed", x.contract("mk,nk->mn", v))
        .output("back", d.contract("mn,kn->mk", w))
        .output("gradient", gradient)
        .output("crossed", x.contract("mk,mn->nk", d))
        .update(w, 0.5 * w - 2.0 * x.contract("mk,mn->kn", d * 0.5))
        .update(v, v + x.contract("mk,mn->nk", d))
        .without_rewriting()
        .compile()
        .expect("it is well formed")
}

/// The same of operands that nobody divides: all sizes have names.
fn undivided(float: DType) -> Program {
    let g = Graph::new();
    let named = |name: &str, a: &'static str, b: &'static str| g.input(name, float, (Named(a), Named(b)));
    let (a, b) = (named("a", "M", "K"), named("b", "K", "N"));
    let (c, d) = (named("c", "K", "M"), named("d", "N", "K"));
    Program::builder(&g)
        .output("straight", a.dot(b))
        .output("left", c.contract("km,kn->mn", b))
        .output("right", a.contract("mk,nk->nm", d))
        .output("both", c.contract("km,nk->mn", d))
        .without_rewriting()
        .compile()
        .expect("it is well formed")
}

/// Small whole numbers, so that every sum is exact.
fn whole(float: DType, shape: [usize; 2], seed: usize) -> Tensor {
    let values: Vec<f64> = (0..shape[0] * shape[1]).map(|i| ((i * 7 + seed) % 9) as f64 - 4.0).collect();
    Tensor::from_f64(float, shape, &values).expect("as many as the shape says")
}

/// All sizes of one axis beside pairs of the others: `(m, n, k)`.
fn sizes() -> impl Iterator<Item = (usize, usize, usize)> {
    let pairs = || SIZES.into_iter().flat_map(|a| SIZES.map(|b| (a, b)));
    pairs().flat_map(|(a, b)| (0..=ALL).flat_map(move |c| [(a, b, c), (a, c, b), (c, a, b)]))
}

/// Runs the program on all executors but those of burn, which has no kernels of ours.
fn check(program: &Program, parameters: &[(&str, Tensor)], inputs: &[Vec<(&str, Tensor)>]) {
    let ours = executors().into_iter().filter(|e| e.name() == "cpu");
    let mut sessions: Vec<_> = ours
        .map(|executor| {
            let mut session = Session::boxed(executor, 7);
            let handle = session.compile(program).expect("it can be compiled");
            (session, handle)
        })
        .collect();
    let before: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    for inputs in inputs {
        let inputs: Vec<_> = inputs.iter().map(|(name, value)| (*name, value.view())).collect();
        let want = evaluate(program, &inputs, &before, 7, 0).expect("it can be evaluated");
        let about = || inputs.iter().map(|(n, t)| format!("{n} {:?}", t.shape())).collect::<Vec<_>>();
        for (session, handle) in &mut sessions {
            for (name, value) in parameters {
                session.set(name, value).expect("it fits");
            }
            let outputs = session.run_named(handle, &inputs).unwrap_or_else(|e| panic!("{:?}: {e}", about()));
            for (name, want) in &want.outputs {
                let got = outputs.read(name).expect("an output");
                assert!(got.to_f64() == want.to_f64(), "{name} of {:?}: {got:?} is not {want:?}", about());
            }
            for (name, want) in &want.updates {
                let got = session.get(name).expect("a parameter");
                assert!(got.to_f64() == want.to_f64(), "{name} by {:?}: {got:?} is not {want:?}", about());
            }
        }
    }
}

fn check_divided(float: DType) {
    let mut by_weights = std::collections::BTreeMap::<(usize, usize), Vec<usize>>::new();
    // A dimension with a name is never empty.
    sizes().filter(|(m, ..)| *m > 0).for_each(|(m, n, k)| by_weights.entry((k, n)).or_default().push(m));
    for ((k, n), mut rows) in by_weights {
        rows.sort_unstable();
        rows.dedup();
        let parameters = [("w", whole(float, [k, n], 1)), ("v", whole(float, [n, k], 2))];
        let inputs = |m: &usize| vec![("x", whole(float, [*m, k], 3)), ("d", whole(float, [*m, n], 4))];
        check(&divided(float, k, n), &parameters, &rows.iter().map(inputs).collect::<Vec<_>>());
    }
}

fn check_undivided(float: DType) {
    let program = undivided(float);
    let inputs: Vec<_> = sizes()
        .filter(|(m, n, k)| m * n * k > 0)
        .map(|(m, n, k)| {
            let of = |name, shape, seed| (name, whole(float, shape, seed));
            vec![of("a", [m, k], 1), of("b", [k, n], 2), of("c", [k, m], 3), of("d", [n, k], 4)]
        })
        .collect();
    inputs.chunks(500).for_each(|inputs| check(&program, &[], inputs));
}

/// Too slow for the many seeds of `cargo xtask fuzz`.
#[test]
fn random_programs_of_odd_sizes() {
    agree("programs of odd sizes", 60, 40);
}

#[test]
fn divided_products_of_single_precision() {
    check_divided(F32);
}

#[test]
fn divided_products_of_double_precision() {
    check_divided(F64);
}

#[test]
fn undivided_products() {
    check_undivided(F32);
    check_undivided(F64);
}
