//! Small inputs for a program or plan that somebody changed, and whether it is small itself.

use dl_core::graph::InputDecl;
use dl_core::ops::Op;
use dl_core::tensor::Data;
use dl_core::{DType, Dims, Shape, Tensor};

use crate::mutate::Random;

/// The most elements of all values together, and the most products of a contraction, for a run.
const MOST: usize = 40_000;

/// Sizes for every name in the shapes of inputs.
pub(crate) fn dims(decls: &[InputDecl], random: &mut Random) -> Dims {
    let names = decls.iter().flat_map(|d| d.shape.iter()).flat_map(|d| d.names());
    names.fold(Dims::new(), |dims, name| {
        let size = dims.get(&name).unwrap_or_else(|| random.pick(&[1, 2, 3, 5, 8]));
        dims.with(&name, size)
    })
}

/// Whether operations on values of these shapes are a matter of microseconds.
pub(crate) fn is_small<'a>(
    shapes: impl Iterator<Item = &'a Shape>,
    ops: impl Iterator<Item = (&'a Op, Vec<&'a Shape>)>,
    dims: &Dims,
) -> bool {
    // What cannot be evaluated is refused by the run.
    let count = |shape: &Shape| shape.eval(dims).map_or(0, |sizes| sizes.iter().product::<usize>());
    let elements = shapes.fold(0usize, |sum, shape| sum.saturating_add(count(shape)));
    // The inner axes of a contraction are axes of both.
    let products = |(op, args): (&Op, Vec<&Shape>)| match op {
        Op::Contract(_) => args.iter().fold(1usize, |n, shape| n.saturating_mul(count(shape))),
        // One inside the other, they take the product of their steps.
        Op::Scan(scan) => scan.length.eval(dims).map_or(0, |n| n.saturating_mul(n).saturating_mul(100)),
        _ => 0,
    };
    elements <= MOST && ops.map(products).all(|n| n <= 10 * MOST)
}

/// A value for each input, or nothing where it cannot have one.
pub(crate) fn inputs(decls: &[InputDecl], dims: &Dims, random: &mut Random) -> Option<Vec<Tensor>> {
    decls.iter().map(|d| input(d.dtype, &d.shape.eval(dims).ok()?, random)).collect()
}

fn input(dtype: DType, shape: &[usize], random: &mut Random) -> Option<Tensor> {
    let n = shape.iter().product();
    if n > MOST {
        return None;
    }
    let floats = [0.0, 1.0, -1.0, 0.5, 2.5, 1e-3, 100.0, -0.0];
    let data = match dtype {
        DType::F32 => Data::F32((0..n).map(|_| random.pick(&floats) as f32).collect()),
        DType::F64 => Data::F64((0..n).map(|_| random.pick(&floats)).collect()),
        DType::I64 => Data::I64((0..n).map(|_| random.pick(&[0, 1, 2, 0, 1, 2, 1])).collect()),
        DType::Bool => Data::Bool((0..n).map(|_| random.below(2) == 0).collect()),
        DType::U8 => Data::U8((0..n).map(|_| random.pick(&[0, 1, 2, 255])).collect()),
    };
    Tensor::from_data(shape.to_vec(), data).ok()
}
