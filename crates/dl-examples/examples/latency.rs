//! How long a saved model takes: from the file to the first answer, and for an answer from then on, by one thread
//! and by several.
//!
//! `cargo run --release -p dl-examples --example latency -- digits.dlm`; `--cold` ends after the first answer.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use dl_backends::Model;
use dl_core::{DType, Tensor, TensorRef};

/// Calls that are timed one by one.
const CALLS: usize = 100_000;

/// Inputs that differ, one after the other.
const KINDS: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (cold, path) = match &arguments[..] {
        [path] => (false, path),
        [cold, path] if cold == "--cold" => (true, path),
        _ => return Err("usage: latency [--cold] MODEL.dlm".into()),
    };
    let model = Model::load(path)?;
    let loaded = begun.elapsed();
    let [input] = model.inputs() else { return Err("a model of one input is expected".into()) };
    let sizes: Vec<usize> = input.shape.iter().skip(1).filter_map(|dim| dim.size()).collect();
    let shape: Vec<usize> = [1].into_iter().chain(sizes).collect();
    let inputs: Vec<Tensor> = (0..KINDS).map(|kind| example(input.dtype, &shape, kind)).collect();
    let name = model.outputs().next().ok_or("the model has no outputs")?.to_owned();
    let mut out = vec![0.0f32; model.run(&[inputs[0].view()])?.read(&name)?.len()];
    let first = begun.elapsed();
    println!("loaded after {:.2} ms, first answer after {:.2} ms", ms(loaded), ms(first));
    if cold {
        return Ok(());
    }

    let mut runner = model.runner();
    report("a runner", |x| Ok(runner.run(&[x])?.read_into(&name, &mut out)?), &inputs)?;
    let mut out = vec![0.0f32; out.len()];
    report("Model::run", |x| Ok(model.run(&[x])?.read_into(&name, &mut out)?), &inputs)?;

    let cores = std::thread::available_parallelism()?.get();
    for threads in [1, 2, 4, 8, 16].into_iter().filter(|n| *n == 1 || *n <= 2 * cores) {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let each = || -> dl_backends::Result<()> {
                let (mut runner, mut out) = (model.runner(), vec![0.0f32; out.len()]);
                (0..CALLS)
                    .try_for_each(|i| runner.run(&[inputs[i % KINDS].view()])?.read_into(&name, &mut out))
            };
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(each)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("it did not panic"))
        })?;
        let rate = (threads * CALLS) as f64 / begun.elapsed().as_secs_f64();
        println!("{threads} threads with a runner each: {:.0} answers a second", rate);
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

/// Numbers of which one of five is not zero, side by side, as in an image of a digit.
fn example(dtype: DType, shape: &[usize], kind: usize) -> Tensor {
    let count: usize = shape.iter().product();
    let number = |i: usize| match (i + 131 * kind) / 12 % 5 {
        0 => ((i * 7919 + kind) % 255 + 1) as f64,
        _ => 0.0,
    };
    let numbers: Vec<f64> = (0..count).map(number).collect();
    Tensor::from_f64(dtype, shape, &numbers).expect("as many as the shape says")
}

/// Times calls one by one.
fn report(
    what: &str,
    mut call: impl FnMut(TensorRef<'_>) -> Result<(), Box<dyn Error>>,
    inputs: &[Tensor],
) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::with_capacity(CALLS);
    for i in 0..CALLS {
        let begun = Instant::now();
        call(inputs[i % inputs.len()].view())?;
        times.push(begun.elapsed().as_nanos());
    }
    times.sort_unstable();
    let at = |part: f64| times[((CALLS - 1) as f64 * part) as usize];
    println!(
        "{what}: a batch of one in ns, with the clock's own: least {}, p10 {}, median {}, p99 {}, p99.9 {}",
        at(0.0),
        at(0.1),
        at(0.5),
        at(0.99),
        at(0.999)
    );
    Ok(())
}
