//! Arrays of many axes: they run, or are refused with the line that makes them.

use dl_backends::{Executor, Session};
use dl_core::{Dim, F32, Graph, Program, Shape, Tensor};

use crate::executors::executors;

/// How many axes arrays of an executor have at most.
fn most(executor: &dyn Executor) -> usize {
    match executor.name() {
        "ndarray" => 6,
        "wgpu" => 8,
        _ => usize::MAX,
    }
}

#[test]
fn more_axes_than_an_executor_has_are_a_mistake_with_its_line() {
    for rank in [6, 7, 8, 9, 12] {
        let g = Graph::new();
        let x = g.input("x", F32, (0..rank).map(|_| Dim::from(2)).collect::<Shape>());
        let odd: Vec<usize> = (0..rank).filter(|axis| axis % 2 == 1).collect();
        let last = rank as isize - 1;
        let y = x.flip(0).cumsum(last) * x.slice(1, 0, 1);
        let (turned, sums) = (y.permute(&(0..rank).rev().collect::<Vec<_>>()), y.max(last));
        let program = Program::builder(&g).output("y", sums.sum(&odd[..odd.len() - 1])).output("t", turned);
        let program = program.compile().unwrap();
        let values: Vec<f32> = (0..1 << rank).map(|i| ((i * 37) % 11) as f32).collect();
        let x = Tensor::new(vec![2; rank], values).unwrap();
        let want = dl_core::interp::evaluate(&program, &[("x", x.view())], &[], 0, 0).unwrap();
        for executor in executors() {
            let (who, most) = (executor.name(), most(&*executor));
            let mut session = Session::boxed(executor, 7);
            let handle = session.compile(&program).unwrap();
            match session.run(&handle, &[x.view()]) {
                Ok(outputs) => {
                    for name in ["y", "t"] {
                        let got = outputs.read(name).unwrap();
                        assert_eq!(got.to_f64(), want.output(name).unwrap().to_f64(), "{who}: {rank} axes");
                    }
                }
                Err(error) => {
                    let told = error.to_string();
                    let wanted = format!("{who} has arrays of at most {most} axes, got ");
                    assert!(rank > most && told.contains("ranks.rs:") && told.contains(&wanted), "{told}");
                }
            }
        }
    }
}

/// A long axis is cut into parts: one axis more, where there are eight already.
#[test]
fn long_axes_among_many_are_reduced() {
    let shape = [2, 2, 2, 2000, 1, 2, 2, 1];
    let count = shape.iter().product();
    let g = Graph::new();
    let x = g.input("x", F32, shape);
    let program = Program::builder(&g).output("y", x.sum([1, 3, 5, 7])).compile().unwrap();
    let x = Tensor::new(shape, vec![0.25f32; count]).unwrap();
    for executor in executors() {
        if most(&*executor) < shape.len() {
            continue;
        }
        let who = executor.name();
        let mut session = Session::boxed(executor, 7);
        let handle = session.compile(&program).unwrap();
        let y = session.run(&handle, &[x.view()]).unwrap().read("y").unwrap();
        assert_eq!((y.shape(), y.to_f64()), (&[2, 2, 1, 2][..], vec![2000.0; 8]), "{who}");
    }
}
