//! What sessions promise on every executor: inputs that do not fit are refused, executables come and go by
//! size without a trace, and steps are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dl_backends::{Buffer, Executable, Executor, Result, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{Bool, Dims, F32, F64, Graph, I64, Init, Named, Plan, Program, Shape, Tensor, TensorRef, U8};

use crate::executors::executors;

const B: Named = Named("B");

/// A classifier of three classes with five features.
fn training() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 5)), g.input("y", I64, B));
    let hidden = nn::dense(x, "fc1", 8).relu();
    nn::cross_entropy(nn::dense(hidden, "fc2", 3), y)
        .mean(..)
        .named("J")
        .minimize(Sgd::new(0.1))
        .expect("it is sound")
}

fn batch(rows: usize) -> (Tensor, Tensor) {
    let x = (0..rows * 5).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect();
    (
        Tensor::new([rows, 5], x).expect("five a row"),
        Tensor::vector((0..rows as i64).map(|i| i % 3).collect()),
    )
}

fn bits(session: &Session) -> Vec<Vec<u64>> {
    let weights = session.weights().expect("the device answers");
    weights.iter().map(|(_, w)| w.to_f64().into_iter().map(f64::to_bits).collect()).collect()
}

/// The same batches with so many executables kept.
fn train(executor: Box<dyn Executor>, most: usize) -> Vec<Vec<u64>> {
    let mut session = Session::boxed(executor, 7).keeping_sizes(most);
    let step = session.compile(&training()).expect("it can be compiled");
    for rows in [4, 9, 1, 4, 2, 3, 7, 9, 4, 1, 9, 9, 2, 4] {
        let (x, y) = batch(rows);
        session.run(&step, &[x.view(), y.view()]).expect("it runs");
    }
    bits(&session)
}

#[test]
fn executables_that_were_let_go_come_back_the_same() {
    for (i, executor) in executors().into_iter().enumerate() {
        let name = executor.name();
        let all = train(executor, 100);
        for most in [0, 1, 2, 4] {
            assert!(train(executors().remove(i), most) == all, "{name}, {most} kept");
        }
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let (x, y) = batch(4);
    let wrong: [(&str, Vec<Tensor>, &str); 12] = [
        ("none", vec![], "expected 2 inputs (x, y), got 0"),
        ("too few", vec![x.clone()], "expected 2 inputs (x, y), got 1"),
        ("too many", vec![x.clone(), y.clone(), y.clone()], "expected 2 inputs (x, y), got 3"),
        ("turned round", vec![y.clone(), x.clone()], "input x: expected elements of f32, got i64"),
        ("other floats", vec![Tensor::zeros(F64, [4, 5]), y.clone()], "expected elements of f32, got f64"),
        ("bytes", vec![x.clone(), Tensor::zeros(U8, [4])], "input y: expected elements of i64, got u8"),
        ("truth", vec![x.clone(), Tensor::zeros(Bool, [4])], "input y: expected elements of i64, got bool"),
        ("an axis less", vec![Tensor::zeros(F32, [20]), y.clone()], "2 axes are needed"),
        ("an axis more", vec![x.clone(), Tensor::zeros(I64, [4, 1])], "1 axes are needed"),
        ("wide", vec![Tensor::zeros(F32, [4, 6]), y.clone()], "axis 1 must be 5"),
        (
            "other rows",
            vec![x.clone(), Tensor::zeros(I64, [5])],
            "dimension B is 5 here and 4 in another input",
        ),
        (
            "no rows",
            vec![Tensor::zeros(F32, [0, 5]), Tensor::zeros(I64, [0])],
            "dimension B (axis 0) is empty",
        ),
    ];
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7);
        let step = session.compile(&training()).expect("it can be compiled");
        let before = bits(&session);
        // Before anything is compiled for the right sizes, and after it.
        for round in 0..2 {
            for (what, tensors, want) in &wrong {
                let views: Vec<TensorRef<'_>> = tensors.iter().map(Tensor::view).collect();
                let error = session.run(&step, &views).err().unwrap_or_else(|| panic!("{name}: {what}"));
                assert!(error.to_string().contains(want), "{name}, {what}: {error}");
            }
            assert!(round == 1 || bits(&session) == before, "{name}");
            session.run(&step, &[x.view(), y.view()]).expect("these are right");
        }
        assert_eq!(session.step(), 2, "{name}");
        let named: [(&[(&str, TensorRef<'_>)], &str); 4] = [
            (&[("x", x.view())], "input y is missing; the program has x, y"),
            (&[("x", x.view()), ("z", y.view())], "unknown input z; the program has x, y"),
            (&[("x", x.view()), ("y", y.view()), ("y", y.view())], "input y is given twice"),
            (&[], "input x is missing"),
        ];
        for (inputs, want) in named {
            let error = session.run_named(&step, inputs).err().expect("they are wrong").to_string();
            assert!(error.contains(want), "{name}: {error}");
        }
        session.run_named(&step, &[("y", y.view()), ("x", x.view())]).expect("in any order");
        let (n, outputs) = (3, session.run(&step, &[x.view(), y.view()]).expect("these are right"));
        assert!(outputs.read_at(n).is_err() && outputs.read("K").is_err(), "{name}");
    }
}

#[test]
fn steps_are_counted_up_to_the_last() {
    let g = Graph::new();
    let w = g.parameter("w", F32, (), Init::Zeros);
    let train = Program::builder(&g).update(w, w + 1.0).compile().expect("it is well formed");
    let look = Program::builder(&g).output("w", w * 2.0).compile().expect("so is this");
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7);
        let (train, look) =
            (session.compile(&train).expect("compiled"), session.compile(&look).expect("compiled"));
        let last = i64::MAX as u64;
        session.set_step(last - 1);
        session.run(&train, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        session.run(&look, &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
        for (step, trains) in
            [(last, true), (last + 1, true), (u64::MAX, true), (last + 1, false), (u64::MAX, false)]
        {
            session.set_step(step);
            let error = session.run(if trains { &train } else { &look }, &[]).err().expect("it is too many");
            assert!(
                error.to_string().contains(&format!("after step {step} none can be counted")),
                "{name}: {error}"
            );
        }
        assert_eq!(
            (session.get("w").expect("there is one").item().expect("a scalar"), session.step()),
            (1.0, u64::MAX)
        );
    }
}

/// Sizes whose product is beyond the numbers of the machine.
#[test]
fn values_beyond_all_memory_are_refused_with_their_line() {
    const W: usize = 1 << 31;
    let shapes: [Shape; 4] =
        [(B, B, B, B).into(), (B, B, B, 1usize << 16).into(), (B, W, W, 8).into(), (B, W, W, 0).into()];
    let x = Tensor::zeros(F32, [1 << 16]);
    for shape in shapes {
        let g = Graph::new();
        let w = g.parameter("w", F32, (), Init::Zeros);
        let rows = g.input("x", F32, B).unsqueeze(1).unsqueeze(2).unsqueeze(3);
        let y = rows.broadcast_to(&shape).exp();
        let program = Program::builder(&g).output("y", y * y).update(w, w + 1.0);
        // What no number of rows makes small enough is refused when it is built.
        let program = match program.without_rewriting().compile() {
            Ok(program) => program,
            Err(error) => {
                let error = error.to_string();
                assert!(shape[1].size().is_some(), "{error}");
                assert!(
                    error.contains("sessions.rs:") && error.ends_with("has too many elements"),
                    "{error}"
                );
                continue;
            }
        };
        for executor in executors() {
            let name = executor.name();
            let mut session = Session::boxed(executor, 7);
            let handle = session.compile(&program).expect("sizes are not known yet");
            let error = session.run(&handle, &[x.view()]).err().expect("nothing is so large").to_string();
            let told = error.contains("sessions.rs:") && error.ends_with("has too many elements");
            assert!(told, "{name}: {error}");
        }
    }
}

/// Counts what it compiles.
struct Counting(Box<dyn Executor>, Arc<AtomicUsize>);

impl Executor for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }
    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.compile(plan, dims)
    }
    fn upload(&self, value: TensorRef<'_>) -> Result<Buffer> {
        self.0.upload(value)
    }
    fn download(&self, buffer: &Buffer) -> Result<Tensor> {
        self.0.download(buffer)
    }
}

#[test]
fn the_least_recently_used_goes() {
    for executor in executors() {
        let compiled = Arc::new(AtomicUsize::new(0));
        let mut session = Session::new(Counting(executor, compiled.clone()), 7).keeping_sizes(2);
        let step = session.compile(&training()).expect("it can be compiled");
        // How many were compiled after each: 4 is used again before 6 comes, so that 5 goes, and so on.
        for (rows, want) in
            [(4, 1), (5, 2), (4, 2), (6, 3), (4, 3), (6, 3), (5, 4), (6, 4), (4, 5), (6, 5), (5, 6)]
        {
            let (x, y) = batch(rows);
            session.run(&step, &[x.view(), y.view()]).expect("it runs");
            assert_eq!(compiled.load(Ordering::Relaxed), want, "{rows} rows");
        }
        // Fewer are left at once; wrong sizes let none go.
        session = session.keeping_sizes(1);
        let (x, y) = batch(5);
        assert!(session.run(&step, &[y.view(), x.view()]).is_err());
        session.run(&step, &[x.view(), y.view()]).expect("it runs");
        assert_eq!(compiled.load(Ordering::Relaxed), 6);
    }
}
