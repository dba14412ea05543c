//! The verifier finds each invariant that is broken; the interpreter computes what the program means.

use super::{B, program, schedule};
use crate::interp::evaluate;
use crate::nn::{self, Adam, Mode, Sgd};
use crate::schedule::{
    Access, Argument, Axes, Body, BufferId, Domain, Instr, Kernel, Layout, Loops, Operand, Operation,
    Pointwise, Register, Schedule, Source, StepId,
};
use crate::{F32, Graph, I64, Init, Program, Tensor};

fn training() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3)), g.input("y", I64, B));
    let h = nn::dense(x, "a", 4).tanh();
    let loss = nn::cross_entropy(nn::dense(h, "b", 2), y).mean(..);
    loss.minimize(Adam::new(0.1)).expect("it is right")
}

fn inputs() -> [Tensor; 2] {
    let x = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
    [Tensor::new([8, 3], x).expect("24 numbers"), Tensor::vector((0..8).map(|i| i % 2).collect::<Vec<i64>>())]
}

/// Whether the interpreters of programs and of schedules give the same, to a few roundings.
fn agree(program: &Program, inputs: &[Tensor]) {
    let parameters = program.initial(7).expect("it has first values");
    let named: Vec<_> = program.inputs().iter().zip(inputs).map(|(d, t)| (&*d.name, t.view())).collect();
    let want = evaluate(program, &named, &parameters, 7, 3).expect("it runs");
    let schedule = schedule(program);
    let plan = schedule.plan();
    let find = |name: &str| &parameters.iter().find(|(n, _)| **n == *name).expect("it is given").1;
    let given: Vec<_> = plan.parameters().iter().map(|p| find(&p.decl.name).view()).collect();
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let got = schedule.interpret(&views, &given, (7, 3)).expect("it runs");
    let updates =
        got.updates.iter().zip(plan.parameters()).filter_map(|(u, p)| Some((&p.decl.name, u.as_ref()?)));
    let outputs = plan.outputs().iter().map(|o| &o.name).zip(&got.outputs);
    let wanted = want.outputs.iter().chain(&want.updates);
    for (name, got) in outputs.chain(updates) {
        let want = &wanted.clone().find(|(n, _)| n == name).expect("it is there").1;
        for (a, b) in got.to_f64().iter().zip(want.to_f64()) {
            assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{name}: {a} is not {b}\n{schedule}");
        }
    }
}

#[test]
fn a_schedule_means_what_its_program_means() {
    agree(&training(), &inputs());
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let w = g.parameter("w", F32, [3, 2], Init::Normal { mean: 0.0, std: 1.0 });
    let loss = (nn::dropout(x.dot(w), 0.5, Mode::Train).exp() + 1.0).log().mean(..);
    agree(&loss.minimize(Sgd::new(0.5)).expect("it is right"), &inputs()[..1]);
}

#[test]
fn the_interpreter_wants_all_values_in_their_shapes() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let w = g.parameter("w", F32, [3], Init::Zeros);
    let schedule = schedule(&program(&g, &[("y", x + w)], &[]));
    let (x, w) = (Tensor::zeros(F32, [8, 3]), Tensor::zeros(F32, [3]));
    let refused = |inputs: &[&Tensor], parameters: &[&Tensor]| {
        let inputs: Vec<_> = inputs.iter().map(|t| t.view()).collect();
        let parameters: Vec<_> = parameters.iter().map(|t| t.view()).collect();
        schedule.interpret(&inputs, &parameters, (0, 0)).expect_err("it is wrong").to_string()
    };
    assert_eq!(refused(&[], &[&w]), "input x is missing: [8, 3] is expected");
    assert_eq!(refused(&[&w], &[&w]), "input x: expected shape [8, 3], got [3]");
    assert_eq!(refused(&[&x, &x], &[&w]), "1 more values than inputs");
    assert_eq!(refused(&[&x], &[]), "parameter w is missing: [3] is expected");
}

/// What the verifier says of a schedule in which something is changed.
fn broken(change: impl FnOnce(&mut Schedule)) -> String {
    let mut schedule = schedule(&training());
    change(&mut schedule);
    schedule.verify().expect_err("it is broken")
}

/// The first instruction that a change applies to.
fn instr(schedule: &mut Schedule, change: impl Fn(&mut Operation) -> bool) {
    for kernel in schedule.stages.iter_mut().flat_map(|s| &mut s.rows) {
        let body = match kernel {
            Kernel::Pointwise(pointwise) => &mut pointwise.body,
            Kernel::Product(product) => match &mut product.epilogue {
                Some(body) => body,
                None => continue,
            },
            Kernel::Opaque(_) | Kernel::Loop(_) => continue,
        };
        if body.instrs.iter_mut().any(|i| change(&mut i.operation)) {
            return;
        }
    }
    panic!("nothing to change");
}

#[test]
fn a_kernel_too_early_reads_what_is_not_there() {
    let why = broken(|s| s.stages[0].rows.rotate_left(1));
    assert!(why.contains("is read before it is made"), "{why}");
}

#[test]
fn a_buffer_is_made_once() {
    let why = broken(|s| {
        let again = s.stages[0].rows[1].clone();
        s.stages[0].rows.push(again);
    });
    assert!(why.contains("is made twice"), "{why}");
}

#[test]
fn a_sum_over_rows_is_read_in_a_later_stage() {
    let why = broken(|s| {
        let kernels = s.stages[0].rows.iter().flat_map(Kernel::writes);
        let whole = kernels.into_iter().find(|b| matches!(s.buffer(*b).layout, Layout::Whole(_)));
        let buffer = whole.expect("rows are summed");
        let (dtype, len) = (s.buffer(buffer).dtype, s.buffer(buffer).layout.len());
        let operation = Operation::Load { buffer, access: Access::same(len) };
        let body = Body { instrs: vec![Instr { operation, dtype, len, step: StepId(0) }] };
        s.stages[0].rows.push(Kernel::Pointwise(Pointwise { domain: Domain::Rows, body }));
    });
    assert!(why.contains("is complete at the end of the stage"), "{why}");
}

#[test]
fn registers_are_defined_before_they_are_read() {
    let why = broken(|s| {
        instr(s, |operation| match operation {
            Operation::Unary { x, .. } => {
                *x = Operand::Register(Register(999));
                true
            }
            _ => false,
        });
    });
    assert!(why.contains("r999 is not defined"), "{why}");
}

#[test]
fn loads_lie_inside_their_buffers() {
    let why = broken(|s| {
        instr(s, |operation| match operation {
            Operation::Load { access, .. } => {
                *access = Access { row: 7, element: 3 };
                true
            }
            _ => false,
        });
    });
    assert!(why.contains("a load outside"), "{why}");
}

#[test]
fn stores_have_the_layout_of_their_buffers() {
    let why = broken(|s| {
        let whole = s.buffers.iter().position(|b| matches!(b.layout, Layout::Whole(_)));
        let whole = BufferId(whole.expect("parameters are whole") as u32);
        instr(s, |operation| match operation {
            Operation::Store { buffer, .. } => {
                *buffer = whole;
                true
            }
            _ => false,
        });
    });
    assert!(why.contains("a store into another layout"), "{why}");
}

#[test]
fn the_operands_of_a_product_fit_its_sizes() {
    let why = broken(|s| {
        let Some(Kernel::Product(product)) = s.stages[0].rows.first_mut() else { panic!("a product") };
        product.sizes.k += 1;
    });
    assert!(why.contains("an operand of another size"), "{why}");
    let why = broken(|s| {
        let Some(Kernel::Product(product)) = s.stages[0].rows.first_mut() else { panic!("a product") };
        product.right.source = Source::Buffer(product.left.source.buffer().expect("an input"));
    });
    assert!(why.contains("an operand of another layout"), "{why}");
}

#[test]
fn lifetimes_last_until_the_last_reader() {
    let why = broken(|s| {
        let long = s
            .buffers
            .iter_mut()
            .find(|b| b.lifetime.until.zip(b.lifetime.from).is_some_and(|(until, from)| until > from));
        let long = long.expect("a value that a later kernel reads");
        long.lifetime.until = long.lifetime.from;
    });
    assert!(why.contains("is read after its lifetime"), "{why}");
}

#[test]
fn an_opaque_kernel_has_the_operands_of_its_step() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let mut schedule = schedule(&program(&g, &[("y", x.sort(1, crate::ops::Order::Ascending))], &[]));
    for kernel in &mut schedule.stages[0].rows {
        if let Kernel::Opaque(opaque) = kernel {
            opaque.args.push(Argument::Buffer(BufferId(0)));
        }
    }
    let why = schedule.verify().expect_err("it is broken");
    assert!(why.contains("as many operands as the step has"), "{why}");
}

#[test]
fn products_in_loops_fill_their_result_and_stay_inside_their_operands() {
    let g = Graph::new();
    let heads = |name: &str, length| g.input(name, F32, (B, length, 2, 3)).permute(&[0, 2, 1, 3]);
    let (q, k) = (heads("q", 4), heads("k", 5));
    let program = program(&g, &[("y", q.dot(k.transpose()))], &[]);
    let broken = |change: fn(&mut Loops)| {
        let mut schedule = schedule(&program);
        let Some(Kernel::Product(product)) = schedule.stages[0].rows.first_mut() else { panic!("a product") };
        change(product.loops.as_mut().expect("heads are a loop"));
        schedule.verify().expect_err("it is broken")
    };
    let why = broken(|loops| loops.out = Axes::plain(2, 5));
    assert!(why.contains("results that share an element"), "{why}");
    let why = broken(|loops| loops.right = Axes::plain(2, 100));
    assert!(why.contains("of an operand of"), "{why}");
    let why = broken(|loops| loops.count = 3);
    assert!(why.contains("loops of another size"), "{why}");
}

#[test]
fn attention_of_a_schedule_means_what_its_program_means() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3, 4));
    let y = nn::MultiHeadAttention::new(2).apply(x, "attention", Mode::Train);
    let x = Tensor::new([8, 3, 4], (0..96).map(|i| (i as f32 * 0.7).sin()).collect()).expect("96 numbers");
    agree(&y.square().mean(..).minimize(Sgd::new(0.5)).expect("it is sound"), &[x]);
}
