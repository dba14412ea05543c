//! The prediction: how long a kernel takes on a machine with these ceilings.
//!
//! A kernel computes and moves bytes, and its time is the sum of both: the larger one alone, as in a
//! roofline, is nearer only where loads run ahead of what is computed, and calls of vector kernels on
//! blocks of a few kilobytes end before that. What it computes is known by operation: elements and calls
//! of vector kernels, each with its ceiling in the first cache; matrix products by the tiles that their
//! micro-kernels fill. Bytes move as fast as the caches that hold them allow; those in the first cache are
//! part of what computing takes. Each operation's first call finds its code and data where all that was
//! touched since the last one has pushed them, be that in this step or in the one before. A body's data and machine code are its own: they are found where
//! they were left by its last run.
//!
//! Operations in registers, several between a load and a store, are a loop whose loads do run ahead: of what
//! they take and what the kernel's bytes take, the larger one counts.

use std::collections::{BTreeMap, BTreeSet};

use dl_backends::{Amount, Kernel, Operation};
use dl_core::ops::Unary;

use super::ceilings::{Ceiling, Ceilings, STEP};

/// A kernel's time, and what it comes of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prediction {
    pub(super) seconds: f64,
    /// What takes the largest part of it.
    pub(super) bound: String,
}

/// Which operations a step has called so far, and how many bytes it has touched since.
#[derive(Default)]
pub(super) struct History {
    touched: usize,
    called: BTreeMap<Operation, usize>,
}

impl History {
    /// Bytes since the last call.
    fn since(&self, operation: Operation) -> Option<usize> {
        self.called.get(&operation).map(|then| self.touched - then)
    }

    /// Adds a kernel, or a part of each that is done in parts.
    pub(super) fn add(&mut self, kernel: &Kernel) {
        self.touched += (kernel.bytes + kernel.input_bytes) / kernel.parts.max(1);
        called(kernel).into_iter().for_each(|operation| _ = self.called.insert(operation, self.touched));
    }
}

/// The operations whose kernels a kernel calls; those in registers have none, but code that is its own.
fn called(kernel: &Kernel) -> BTreeSet<Operation> {
    let called = kernel.amounts.iter().filter(|a| a.calls > 0 && !a.in_registers);
    called.map(|a| a.operation).collect()
}

/// Predicts a kernel's time, after those of a `history`. `inputs` are the bytes of all batches that steps
/// take in turn: between two uses of one, all others have passed.
pub(super) fn predict(kernel: &Kernel, history: &History, inputs: usize, ceilings: &Ceilings) -> Prediction {
    let threads = kernel.threads.max(1) as f64;
    let each = kernel.parts as f64 / threads;
    let mut parts: Vec<(String, f64)> = vec![("clock".to_owned(), each * ceilings.get(Ceiling::Clock))];
    let mut add = |name: &str, seconds: f64| match parts.iter_mut().find(|(known, _)| known == name) {
        Some((_, sum)) => *sum += seconds,
        None => parts.push((name.to_owned(), seconds)),
    };
    let mut inside: Vec<(String, f64)> = vec![];
    for amount in &kernel.amounts {
        let (elements, calls) = match (amount.operation, kernel.product) {
            (Operation::Multiply, Some(sizes)) => (product(amount, sizes, ceilings), 0.0),
            (Operation::Multiply, None) => {
                let vectors = amount.elements as f64 / (ceilings.panel * ceilings.width).max(1) as f64;
                (vectors * ceilings.get(Ceiling::Depth(ceilings.panel)), 0.0)
            }
            (operation, _) => (
                amount.elements as f64 * element(operation, amount.in_registers, ceilings),
                amount.calls as f64 * ceilings.get(Ceiling::Call(operation)),
            ),
        };
        let threads = amount.threads.max(1) as f64;
        match amount.in_registers {
            true => inside.push((amount.operation.name().to_owned(), elements / threads)),
            false => add(amount.operation.name(), elements / threads),
        }
        add("calls", calls / threads);
    }
    let cold =
        |ceiling: &dyn Fn(usize) -> Ceiling| match kernel.parts == 1 || kernel.distance >= ceilings.step {
            true => ceilings.get(ceiling(STEP)),
            false => ceilings.among(kernel.distance, ceiling),
        };
    for operation in called(kernel) {
        let first = |point| Ceiling::First(operation, point);
        // What a body needs is its own, whatever came before.
        let since = history.since(operation).filter(|_| operation != Operation::Body);
        add("first calls", each * since.map_or_else(|| cold(&first), |bytes| ceilings.among(bytes, first)));
    }
    add("first calls", each * kernel.code.div_ceil(LINE) as f64 * cold(&Ceiling::Code));
    let beyond = |bytes: usize, among: usize, ceiling: fn(usize) -> Ceiling| {
        if among <= ceilings.caches[0] {
            0.0
        } else {
            bytes as f64 / threads * ceilings.among(among, ceiling)
        }
    };
    let near = kernel.bytes.saturating_sub(kernel.far);
    let moved = [
        (ceilings.level(kernel.footprint), beyond(near, kernel.footprint, Ceiling::Copied)),
        (ceilings.level(kernel.distance), beyond(kernel.far, kernel.distance, Ceiling::Copied)),
        (ceilings.level(inputs), beyond(kernel.input_bytes, inputs, Ceiling::Read)),
    ];
    let sum = |parts: &mut dyn Iterator<Item = f64>| parts.fold(0.0, |sum, seconds| sum + seconds);
    let computed = sum(&mut inside.iter().map(|part| part.1));
    if inside.is_empty() || computed < sum(&mut moved.iter().map(|part| part.1)) {
        moved.into_iter().for_each(|(name, seconds)| add(name, seconds));
    } else {
        inside.iter().for_each(|(name, seconds)| add(name, *seconds));
    }
    // From 0: the sum of no floats is -0, and would be printed so.
    let seconds = parts.iter().fold(0.0, |sum, (_, seconds)| sum + seconds);
    let bound = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(name, _)| name);
    Prediction { seconds, bound: bound.unwrap_or_default() }
}

/// Seconds of an element; in registers that of an operation which takes little longer than a pass over its
/// operands is a quarter of a pass, since all that it took was the pass.
fn element(operation: Operation, in_registers: bool, ceilings: &Ceilings) -> f64 {
    let alone = ceilings.get(Ceiling::Element(operation));
    let pass = ceilings.get(Ceiling::Element(PASS));
    if in_registers && alone <= 2.5 * pass { alone.min(pass / 4.0) } else { alone }
}

/// Bytes of a line of the caches.
pub(super) const LINE: usize = 64;

/// The operation that stands for a pass: it reads one element, does next to nothing and writes it.
pub(super) const PASS: Operation = Operation::Unary(Unary::Neg);

/// Seconds of matrix products: for each row, what its panels take, the last of them with fewer vectors.
fn product(amount: &Amount, [m, n, k]: [usize; 3], ceilings: &Ceilings) -> f64 {
    let row = |vectors: usize| {
        ceilings.get(Ceiling::Row(vectors)) + k as f64 * ceilings.get(Ceiling::Depth(vectors))
    };
    let panel = (ceilings.panel * ceilings.width).max(1);
    let rows = match (n / panel, (n % panel).div_ceil(ceilings.width.max(1))) {
        (0, _) if n == 1 => row(0),
        (whole, rest) => whole as f64 * row(ceilings.panel) + if rest > 0 { row(rest) } else { 0.0 },
    };
    // The last tile has fewer rows.
    let times = amount.elements as f64 / (m * n * k).max(1) as f64;
    times * m as f64 * rows
}

#[cfg(test)]
mod tests {
    use dl_core::ops::Binary;

    use super::*;

    const EXP: Operation = Operation::Unary(Unary::Exp);

    /// A machine of round numbers: seconds that can be added in one's head.
    fn ceilings() -> Ceilings {
        let mut ceilings = Ceilings {
            width: 16,
            panel: 4,
            points: vec![1000, 10_000],
            step: 50_000,
            caches: [1000, 10_000, 100_000],
            ..Ceilings::default()
        };
        let found = [
            (Ceiling::Element(EXP), 2.0),
            (Ceiling::Call(EXP), 100.0),
            (Ceiling::First(EXP, 1000), 10.0),
            (Ceiling::First(EXP, 10_000), 1000.0),
            (Ceiling::First(EXP, STEP), 7000.0),
            (Ceiling::Depth(4), 4.0),
            (Ceiling::Row(4), 20.0),
            (Ceiling::Depth(1), 1.0),
            (Ceiling::Row(1), 5.0),
            (Ceiling::Depth(0), 0.5),
            (Ceiling::Copied(1000), 0.25),
            (Ceiling::Copied(10_000), 0.5),
            (Ceiling::Read(10_000), 0.125),
            (Ceiling::Clock, 1.0),
        ];
        found.into_iter().for_each(|(ceiling, seconds)| ceilings.add(ceiling, seconds));
        ceilings
    }

    fn kernel(amounts: &[Amount], parts: usize) -> Kernel {
        Kernel {
            name: "kernel".into(),
            amounts: amounts.to_vec(),
            operations: 0,
            product: None,
            input_bytes: 0,
            bytes: 0,
            footprint: 0,
            far: 0,
            code: 0,
            parts,
            distance: 1000,
            threads: 1,
            seconds: 0.0,
        }
    }

    fn amount(operation: Operation, elements: usize, calls: usize) -> Amount {
        Amount { operation, elements, calls, threads: 1, in_registers: false }
    }

    #[track_caller]
    fn check(kernel: &Kernel, seconds: f64, bound: &str) {
        let prediction = predict(kernel, &History::default(), 10_000, &ceilings());
        assert_eq!(prediction, Prediction { seconds, bound: bound.into() });
    }

    #[test]
    fn operations_take_elements_calls_and_a_first_call_in_each_part() {
        let exp = kernel(&[amount(EXP, 1000, 3)], 2);
        check(&exp, 2.0 + 2000.0 + 300.0 + 2.0 * 10.0, "exp");
        check(
            &Kernel { distance: 60_000, ..exp.clone() },
            2.0 + 2000.0 + 300.0 + 2.0 * 7000.0,
            "first calls",
        );
        check(&kernel(&[amount(EXP, 10, 3)], 1), 1.0 + 20.0 + 300.0 + 7000.0, "first calls");
        // A kernel has called it, and others have touched bytes since.
        let (again, mut history) = (kernel(&[amount(EXP, 10, 3)], 1), History::default());
        history.add(&again);
        let seconds = |history: &History| predict(&again, history, 10_000, &ceilings()).seconds;
        assert_eq!(seconds(&history), 1.0 + 20.0 + 300.0 + 10.0);
        history.add(&Kernel { bytes: 20_000, input_bytes: 10_000, ..kernel(&[], 3) });
        assert_eq!(seconds(&history), 1.0 + 20.0 + 300.0 + 1000.0);
        // Another operation costs nothing that is not known.
        check(&kernel(&[amount(Operation::Binary(Binary::Add), 10, 3)], 1), 1.0, "clock");
    }

    #[test]
    fn bodies_have_data_and_code_of_their_own() {
        let mut ceilings = ceilings();
        let found = [
            (Ceiling::Element(Operation::Body), 30.0),
            (Ceiling::First(Operation::Body, STEP), 400.0),
            (Ceiling::Code(STEP), 20.0),
        ];
        found.into_iter().for_each(|(ceiling, seconds)| ceilings.add(ceiling, seconds));
        let body = Kernel { code: 128, ..kernel(&[amount(Operation::Body, 1, 1)], 1) };
        // Another body before it has made none of that known.
        let mut history = History::default();
        history.add(&body);
        let prediction = predict(&body, &history, 10_000, &ceilings);
        assert_eq!(prediction.seconds, 1.0 + 30.0 + 400.0 + 2.0 * 20.0);
    }

    #[test]
    fn in_registers_the_larger_of_computing_and_moving_counts() {
        let body = |operation| Amount { in_registers: true, ..amount(operation, 1000, 0) };
        let mut two = kernel(&[Amount { calls: 3, ..body(EXP) }, body(PASS)], 2);
        let mut ceilings = ceilings();
        ceilings.add(Ceiling::Element(PASS), 0.5);
        // No kernels are called, but two lines of code run for the first time in each part.
        ceilings.add(Ceiling::Code(1000), 5.0);
        two.code = 65;
        let mut check = |bytes, seconds: f64, bound: &str| {
            (two.bytes, two.footprint) = (bytes, 10_000);
            let prediction = predict(&two, &History::default(), 10_000, &ceilings);
            assert_eq!(prediction, Prediction { seconds, bound: bound.into() });
        };
        check(100, 2.0 + 300.0 + 20.0 + 2000.0 + 125.0, "exp");
        check(10_000, 2.0 + 300.0 + 20.0 + 5000.0, "L2");
    }

    #[test]
    fn threads_share_what_they_do_together() {
        let mut shared = kernel(&[Amount { threads: 2, ..amount(EXP, 1000, 3) }, amount(EXP, 100, 0)], 2);
        shared.threads = 2;
        check(&shared, 1.0 + 1150.0 + 200.0 + 10.0, "exp");
    }

    #[test]
    fn products_fill_panels_and_the_rest_of_one() {
        let of = |[m, n, k]: [usize; 3], tiles: usize| Kernel {
            product: Some([m, n, k]),
            ..kernel(&[amount(Operation::Multiply, m * n * k * tiles, tiles)], 1)
        };
        // Eight vectors are two panels; ten columns are one vector; one column has a kernel of its own.
        check(&of([3, 128, 10], 5), 1.0 + 15.0 * 2.0 * (20.0 + 40.0), "multiply");
        check(&of([3, 10, 100], 1), 1.0 + 3.0 * (5.0 + 100.0), "multiply");
        check(&of([3, 74, 100], 1), 1.0 + 3.0 * (20.0 + 400.0 + 5.0 + 100.0), "multiply");
        check(&of([3, 1, 100], 1), 1.0 + 3.0 * 50.0, "multiply");
    }

    #[test]
    fn bytes_come_from_what_holds_them() {
        let mut copy = kernel(&[], 1);
        copy.bytes = 800;
        check(&copy, 1.0, "clock");
        copy.footprint = 10_000;
        check(&copy, 1.0 + 800.0 * 0.5, "L2");
        (copy.far, copy.distance) = (200, 20_000);
        check(&copy, 1.0 + 600.0 * 0.5 + 200.0 * 0.5, "L2");
        (copy.input_bytes, copy.threads) = (1600, 2);
        check(&copy, 0.5 + 300.0 * 0.5 + 100.0 * 0.5 + 800.0 * 0.125, "L2");
    }
}
