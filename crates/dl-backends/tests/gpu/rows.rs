//! Inputs that are rows of columns on the device.

use dl_backends::{Session, Wgpu};
use dl_core::ops::Order;
use dl_core::{Bool, F32, Graph, I64, Program, Tensor, U8};

use super::{B, array};

/// Columns of every element type, with rows of whole words and others.
fn columns() -> Vec<(&'static str, Tensor)> {
    let bytes = |len: usize| (0..len).map(|i| (i * 37 % 251) as u8).collect::<Vec<_>>();
    let make = |tensor: dl_core::Result<Tensor>| tensor.expect("as many as the shape says");
    vec![
        ("four", make(Tensor::new([9, 4], bytes(36)))),
        ("three", make(Tensor::new([9, 3], bytes(27)))),
        ("one", make(Tensor::new([9], bytes(9)))),
        ("floats", array(&[9, 2, 5], 3)),
        ("integers", make(Tensor::new([9, 2], (0..18).map(|i| i * i - 40).collect::<Vec<i64>>()))),
        ("truths", make(Tensor::new([9, 3], (0..27).map(|i| i % 4 == 1).collect::<Vec<bool>>()))),
    ]
}

fn program(sorted: bool) -> Program {
    let g = Graph::new();
    let mut builder = Program::builder(&g);
    let four = g.input("four", U8, (B, 4)).cast(F32) * 2.0;
    // What burn's operations read lies in words of its own.
    builder = builder.output("a", if sorted { four.sort(1, Order::Ascending) } else { four });
    builder = builder.output("b", g.input("three", U8, (B, 3)).cast(F32) + 0.5);
    builder = builder.output("c", g.input("one", U8, B).cast(I64) * 3.0);
    builder = builder.output("d", g.input("floats", F32, (B, 2, 5)) - 1.0);
    builder = builder.output("e", g.input("integers", I64, (B, 2)).cast(F32));
    builder = builder.output("f", g.input("truths", Bool, (B, 3)));
    let scale = g.input("scale", F32, ());
    builder.output("g", scale * g.input("floats", F32, (B, 2, 5)).sum(..)).compile().expect("a program")
}

#[test]
fn rows_are_gathered_on_the_device() {
    for sorted in [false, true] {
        let program = program(sorted);
        let mut session = Session::new(Wgpu::default(), 7);
        let handle = session.compile(&program).expect("it can be compiled");
        let columns = columns();
        let views = columns.iter().map(|(name, value)| (*name, value.view()));
        let data = session.preload(views).expect("it holds them");
        assert!(data.is_on_device() && data.len() == 9);
        let scale = Tensor::scalar(0.25f32);
        for rows in [vec![3, 8, 0], vec![1, 1, 7], vec![5, 4, 3, 2, 1]] {
            let host: Vec<(&str, Tensor)> =
                columns.iter().map(|(name, value)| (*name, picked(value, &rows))).collect();
            let mut inputs: Vec<_> = host.iter().map(|(name, value)| (*name, value.view())).collect();
            inputs.push(("scale", scale.view()));
            let read = |outputs: dl_backends::Outputs<'_>| {
                ["a", "b", "c", "d", "e", "f", "g"].map(|name| outputs.read(name).expect("an output"))
            };
            let want = read(session.run_named(&handle, &inputs).expect("it runs"));
            let waits = session.waits();
            let got = session.run_rows(&handle, &data, &rows, &[("scale", scale.view())]).expect("it runs");
            assert_eq!(read(got), want);
            // One for each output, and one for the sort, which goes by the host.
            assert_eq!(session.waits(), waits + 7 + u64::from(sorted));
        }
    }
}

fn picked(value: &Tensor, rows: &[usize]) -> Tensor {
    use dl_core::tensor::{Data, Element};
    fn of<T: Element>(from: &[T], shape: &[usize], rows: &[usize]) -> Tensor {
        let size: usize = shape[1..].iter().product();
        let elements = rows.iter().flat_map(|row| from[row * size..][..size].to_vec()).collect();
        let mut shape = shape.to_vec();
        shape[0] = rows.len();
        Tensor::new(shape, elements).expect("as many as the shape says")
    }
    match value.data() {
        Data::F32(v) => of(v, value.shape(), rows),
        Data::F64(v) => of(v, value.shape(), rows),
        Data::I64(v) => of(v, value.shape(), rows),
        Data::Bool(v) => of(v, value.shape(), rows),
        Data::U8(v) => of(v, value.shape(), rows),
    }
}

#[test]
fn readings_arrive_while_later_runs_go_on() {
    let g = Graph::new();
    let theta = g.parameter("θ", F32, [300], dl_core::Init::Constant(1.0));
    let program =
        Program::builder(&g).output("sum", theta.sum(..)).output("θ", theta).update(theta, theta * 2.0);
    let mut session = Session::new(Wgpu::default(), 7);
    let handle = session.compile(&program.compile().expect("a program")).expect("it can be compiled");
    let mut readings = vec![];
    for _ in 0..5 {
        let outputs = session.run(&handle, &[]).expect("it runs");
        readings.push((
            outputs.begin_reading("sum").expect("begun"),
            outputs.begin_reading_at(1).expect("begun"),
        ));
    }
    for (i, (sum, mut theta)) in readings.into_iter().enumerate() {
        let want = 2f64.powi(i as i32);
        assert_eq!(sum.wait().expect("it arrives").item().expect("a number"), 300.0 * want);
        while !theta.is_ready() {
            std::thread::yield_now();
        }
        assert_eq!(theta.wait().expect("it arrives").to_f64(), vec![want; 300]);
    }
}

#[test]
fn rows_and_columns_are_checked() {
    let mut session = Session::new(Wgpu::default(), 7);
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2));
    let program = Program::builder(&g).output("sum", x.sum(..)).compile().expect("a program");
    let handle = session.compile(&program).expect("it can be compiled");
    let x = array(&[4, 2], 1);
    let data = session.preload([("x", x.view())]).expect("it holds them");
    let mut fails = |rows: &[usize], others: &[(&str, dl_core::TensorRef<'_>)]| {
        session.run_rows(&handle, &data, rows, others).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert_eq!(fails(&[4], &[]), "row 4 is outside columns of 4 examples");
    assert_eq!(fails(&[1], &[("x", x.view())]), "input x is given twice");
    assert_eq!(fails(&[1], &[("z", x.view())]), "unknown input z; the program has x");
    assert_eq!(fails(&[], &[]), "input x: expected shape [B, 2], got [0, 2]: dimension B (axis 0) is empty");
    let empty = session.preload(std::iter::empty::<(&str, dl_core::TensorRef<'_>)>()).expect("nothing");
    let told = session.run_rows(&handle, &empty, &[], &[]).err().map(|e| e.to_string());
    assert_eq!(told.as_deref(), Some("input x is missing; the program has x"));
    let wrong = session.preload([("x", array(&[3], 1)), ("y", array(&[4], 2))]).err().map(|e| e.to_string());
    assert_eq!(wrong.as_deref(), Some("column y has 4 examples, column x has 3"));
}
