//! Programs evaluated element by element in any arithmetic.

use dl_core::ops::binary::Class;
use dl_core::ops::{Binary, Contraction, Op, Reduce, Scatter, Unary};
use dl_core::program::{Program, bind};
use dl_core::tensor::Literal;
use dl_core::{DType, Dims, Scalar, Tensor, TensorRef};

/// Numbers and what can be done with them.
pub(crate) trait Arithmetic {
    type Real: Clone;

    fn real(&self, x: f64) -> Self::Real;
    fn unary(&self, op: Unary, x: &Self::Real) -> Self::Real;
    fn binary(&self, op: Binary, x: &Self::Real, y: &Self::Real) -> Self::Real;
    /// `None` where it cannot be told.
    fn compare(&self, op: Binary, x: &Self::Real, y: &Self::Real) -> Option<bool>;
    fn is_finite(&self, x: &Self::Real) -> Option<bool>;
    /// What stands where a condition cannot be told.
    fn unknown(&self) -> Self::Real;
}

/// One element.
#[derive(Clone, Debug)]
pub(crate) enum Cell<R> {
    Real(R),
    Int(i64),
    Bool(Option<bool>),
}

/// A dense array in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct Values<R> {
    pub(crate) shape: Vec<usize>,
    pub(crate) cells: Vec<Cell<R>>,
}

/// A tensor's elements as they are.
pub(crate) fn inputs<A: Arithmetic>(a: &A, tensor: &Tensor) -> Values<A::Real> {
    let cell = |x: f64| match tensor.dtype() {
        DType::F32 | DType::F64 => Cell::Real(a.real(x)),
        DType::I64 | DType::U8 => Cell::Int(x as i64),
        DType::Bool => Cell::Bool(Some(x != 0.0)),
    };
    Values { shape: tensor.shape().to_vec(), cells: tensor.to_f64().into_iter().map(cell).collect() }
}

/// The outputs of a program without parameters. `values` are those of its inputs, by name, where
/// they are not what `given` says: moved a little, say.
pub(crate) fn evaluate<A: Arithmetic>(
    a: &A,
    program: &Program,
    given: &[(&str, Tensor)],
    values: &[(&str, Values<A::Real>)],
) -> Vec<Values<A::Real>> {
    // As plans compute it.
    let program = program.expanded();
    let tensor = |name: &str| &given.iter().find(|(n, _)| *n == name).expect("every input is given").1;
    let views: Vec<TensorRef<'_>> = program.inputs().iter().map(|d| tensor(&d.name).view()).collect();
    let dims = bind(program.inputs(), &views).expect("inputs fit");
    let mut done: Vec<Values<A::Real>> = Vec::with_capacity(program.nodes().len());
    for node in program.nodes() {
        let shape = node.shape.eval(&dims).expect("every name is bound");
        let args: Vec<&Values<A::Real>> = node.args.iter().map(|x| &done[x.index()]).collect();
        let cells = match &node.op {
            Op::Input(name) => match values.iter().find(|(n, _)| **n == **name) {
                Some((_, moved)) => moved.cells.clone(),
                None => inputs(a, tensor(name)).cells,
            },
            op => eval(a, op, node.dtype, &shape, &args, &dims),
        };
        assert_eq!(cells.len(), shape.iter().product::<usize>(), "{}", node.op.name());
        done.push(Values { shape, cells });
    }
    program.outputs().iter().map(|o| done[o.node.index()].clone()).collect()
}

fn eval<A: Arithmetic>(
    a: &A,
    op: &Op,
    dtype: DType,
    shape: &[usize],
    args: &[&Values<A::Real>],
    dims: &Dims,
) -> Vec<Cell<A::Real>> {
    let count = shape.iter().product();
    let number = |n: usize| if dtype.is_float() { Cell::Real(a.real(n as f64)) } else { Cell::Int(n as i64) };
    match op {
        Op::Constant(value) => vec![scalar(a, *value); count],
        Op::Literal(Literal(tensor)) => inputs(a, tensor).cells,
        Op::Extent(dim) => vec![number(dim.eval(dims).expect("every name is bound")); count],
        Op::Step => vec![Cell::Int(0); count],
        Op::Unary(op) => args[0].cells.iter().map(|x| unary(a, *op, x)).collect(),
        Op::Binary(op) => zip(args[0], args[1], |x, y| binary(a, *op, x, y)),
        Op::Select => {
            (0..count).map(|i| select(a, &args[0].cells[i], &args[1].cells[i], &args[2].cells[i])).collect()
        }
        Op::Cast => args[0].cells.iter().map(|x| cast(a, x, dtype)).collect(),
        Op::Reduce { kind, axes } => reduce(a, *kind, axes, args[0], shape),
        Op::ArgReduce { kind, axis } => arg_reduce(a, *kind, *axis, args[0], shape),
        Op::Contract(spec) => contract(a, spec, args[0], args[1], shape),
        Op::Gather { axis, batch } => {
            let from = |at: &[usize]| args[0].at(&selected(at, *axis, *batch, args[1])).clone();
            indices(shape).iter().map(|at| from(at)).collect()
        }
        Op::Scatter { kind: Scatter::Add, axis, batch } => {
            let mut out = vec![number(0); count];
            for (at, x) in indices(&args[1].shape).iter().zip(&args[1].cells) {
                let to = place(shape, &selected(at, *axis, *batch, args[0]));
                out[to] = binary(a, Binary::Add, &out[to], x);
            }
            out
        }
        Op::Iota(axis) => indices(shape).iter().map(|at| number(at[*axis])).collect(),
        Op::StopGradient | Op::Variable(_) | Op::Assume(_) | Op::WithGradient | Op::Reshape => {
            args[0].cells.clone()
        }
        Op::Permute(_)
        | Op::Broadcast(_)
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat(_)
        | Op::Flip(_) => {
            let elsewhere = if let Op::Pad { value, .. } = op { scalar(a, *value) } else { number(0) };
            indices(shape)
                .iter()
                .map(|at| moved(op, at, args, dims).unwrap_or_else(|| elsewhere.clone()))
                .collect()
        }
        other => panic!("{} is not judged", other.name()),
    }
}

impl<R> Values<R> {
    fn at(&self, index: &[usize]) -> &Cell<R> {
        &self.cells[place(&self.shape, index)]
    }

    /// The elements of a float array.
    pub(crate) fn reals(&self) -> Vec<&R> {
        let real = |c: &'_ Cell<R>| matches!(c, Cell::Real(_));
        assert!(self.cells.iter().all(real), "expected floats");
        self.cells.iter().filter_map(|c| if let Cell::Real(x) = c { Some(x) } else { None }).collect()
    }
}

fn scalar<A: Arithmetic>(a: &A, value: Scalar) -> Cell<A::Real> {
    match value {
        Scalar::Float(x) => Cell::Real(a.real(x)),
        Scalar::Int(n) => Cell::Int(n),
        Scalar::Bool(b) => Cell::Bool(Some(b)),
    }
}

fn unary<A: Arithmetic>(a: &A, op: Unary, x: &Cell<A::Real>) -> Cell<A::Real> {
    match (x, op) {
        (Cell::Real(x), Unary::IsFinite) => Cell::Bool(a.is_finite(x)),
        (Cell::Real(x), _) => Cell::Real(a.unary(op, x)),
        (Cell::Bool(b), _) => Cell::Bool(b.map(|b| !b)),
        (Cell::Int(n), _) => Cell::Int(op.value_i64().expect("defined for integers")(*n)),
    }
}

fn binary<A: Arithmetic>(a: &A, op: Binary, x: &Cell<A::Real>, y: &Cell<A::Real>) -> Cell<A::Real> {
    match (x, y) {
        (Cell::Real(x), Cell::Real(y)) if op.row().class == Class::Comparison => {
            Cell::Bool(a.compare(op, x, y))
        }
        (Cell::Real(x), Cell::Real(y)) => Cell::Real(a.binary(op, x, y)),
        (Cell::Int(x), Cell::Int(y)) => match op.compare(x, y) {
            Some(truth) => Cell::Bool(Some(truth)),
            None => Cell::Int(op.value_i64().expect("defined for integers")(*x, *y)),
        },
        (Cell::Bool(x), Cell::Bool(y)) => Cell::Bool(logic(op, *x, *y)),
        _ => panic!("{} of different kinds", op.row().name),
    }
}

/// What is known where one of both is unknown.
fn logic(op: Binary, x: Option<bool>, y: Option<bool>) -> Option<bool> {
    match (op, x, y) {
        (Binary::And, Some(false), _) | (Binary::And, _, Some(false)) => Some(false),
        (Binary::Or, Some(true), _) | (Binary::Or, _, Some(true)) => Some(true),
        (_, Some(x), Some(y)) => match op {
            Binary::And => Some(x && y),
            Binary::Or => Some(x || y),
            _ => op.compare(&x, &y),
        },
        _ => None,
    }
}

fn select<A: Arithmetic>(a: &A, c: &Cell<A::Real>, x: &Cell<A::Real>, y: &Cell<A::Real>) -> Cell<A::Real> {
    match (c, x) {
        (Cell::Bool(Some(true)), _) => x.clone(),
        (Cell::Bool(Some(false)), _) => y.clone(),
        (_, Cell::Bool(_)) => Cell::Bool(None),
        _ => Cell::Real(a.unknown()),
    }
}

fn cast<A: Arithmetic>(a: &A, x: &Cell<A::Real>, to: DType) -> Cell<A::Real> {
    match x {
        Cell::Int(n) if to.is_float() => Cell::Real(a.real(*n as f64)),
        Cell::Bool(Some(b)) if to.is_float() => Cell::Real(a.real(f64::from(u8::from(*b)))),
        Cell::Bool(None) if to.is_float() => Cell::Real(a.unknown()),
        Cell::Bool(Some(b)) if to != DType::Bool => Cell::Int(i64::from(*b)),
        Cell::Real(x) if to == DType::Bool => Cell::Bool(a.compare(Binary::Ne, x, &a.real(0.0))),
        Cell::Real(_) if !to.is_float() => panic!("a cast of floats to integers is not judged"),
        other => other.clone(),
    }
}

fn reduce<A: Arithmetic>(
    a: &A,
    kind: Reduce,
    axes: &[usize],
    x: &Values<A::Real>,
    shape: &[usize],
) -> Vec<Cell<A::Real>> {
    let op = match kind {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Max,
        Reduce::Min => Binary::Min,
    };
    let mut out: Vec<Option<Cell<A::Real>>> = vec![None; shape.iter().product()];
    for (at, cell) in indices(&x.shape).iter().zip(&x.cells) {
        let kept: Vec<usize> = (0..at.len()).filter(|i| !axes.contains(i)).map(|i| at[i]).collect();
        let to = &mut out[place(shape, &kept)];
        *to = Some(to.take().map_or_else(|| cell.clone(), |sum| binary(a, op, &sum, cell)));
    }
    out.into_iter().map(|c| c.unwrap_or_else(|| Cell::Real(a.real(kind.identity())))).collect()
}

fn arg_reduce<A: Arithmetic>(
    a: &A,
    kind: Reduce,
    axis: usize,
    x: &Values<A::Real>,
    shape: &[usize],
) -> Vec<Cell<A::Real>> {
    let wins = if kind == Reduce::Min { Binary::Lt } else { Binary::Gt };
    let along = |at: &[usize], k: usize| x.at(&[&at[..axis], &[k], &at[axis..]].concat());
    let best = |at: &Vec<usize>| {
        (1..x.shape[axis]).fold(0, |best, k| match binary(a, wins, along(at, k), along(at, best)) {
            Cell::Bool(Some(true)) => k,
            _ => best,
        })
    };
    indices(shape).iter().map(|at| Cell::Int(best(at) as i64)).collect()
}

fn contract<A: Arithmetic>(
    a: &A,
    spec: &Contraction,
    x: &Values<A::Real>,
    y: &Values<A::Real>,
    shape: &[usize],
) -> Vec<Cell<A::Real>> {
    let summed: Vec<u8> = spec.summed().collect();
    let size =
        |l: &u8| x.shape[spec.lhs.iter().position(|m| m == l).expect("summed letters are on the left")];
    let inner = indices(&summed.iter().map(size).collect::<Vec<_>>());
    let element = |at: &Vec<usize>| {
        let terms = inner.iter().map(|k| {
            let value = |l: &u8| match spec.out.iter().position(|o| o == l) {
                Some(i) => at[i],
                None => k[summed.iter().position(|s| s == l).expect("summed or in the result")],
            };
            let (i, j): (Vec<usize>, Vec<usize>) =
                (spec.lhs.iter().map(value).collect(), spec.rhs.iter().map(value).collect());
            binary(a, Binary::Mul, x.at(&i), y.at(&j))
        });
        terms.reduce(|s, t| binary(a, Binary::Add, &s, &t)).unwrap_or_else(|| Cell::Real(a.real(0.0)))
    };
    indices(shape).iter().map(element).collect()
}

/// The element that an index map puts at `at`; nothing where a pad is.
fn moved<R: Clone>(op: &Op, at: &[usize], args: &[&Values<R>], dims: &Dims) -> Option<Cell<R>> {
    let start = |d: &dl_core::Dim| d.eval(dims).expect("every name is bound");
    let x = args[0];
    let from: Vec<usize> = match op {
        Op::Permute(order) => {
            (0..at.len()).map(|i| at[order.iter().position(|o| *o == i).expect("every axis")]).collect()
        }
        Op::Broadcast(axes) => axes.iter().map(|i| at[*i]).collect(),
        Op::Slice { starts, strides } => {
            (0..at.len()).map(|i| start(&starts[i]) + at[i] * strides[i]).collect()
        }
        Op::Flip(axes) => {
            (0..at.len()).map(|i| if axes.contains(&i) { x.shape[i] - 1 - at[i] } else { at[i] }).collect()
        }
        Op::Pad { starts, strides, .. } => (0..at.len())
            .map(|i| {
                let distance = at[i].checked_sub(start(&starts[i])).filter(|d| d % strides[i] == 0)?;
                Some(distance / strides[i]).filter(|k| *k < x.shape[i])
            })
            .collect::<Option<_>>()?,
        Op::Concat(axis) => {
            let (mut own, mut part) = (at.to_vec(), 0);
            while own[*axis] >= args[part].shape[*axis] {
                own[*axis] -= args[part].shape[*axis];
                part += 1;
            }
            return Some(args[part].at(&own).clone());
        }
        _ => return None,
    };
    Some(x.at(&from).clone())
}

/// The index into the indexed array of an index into the gathered one.
fn selected<R>(at: &[usize], axis: usize, batch: usize, picks: &Values<R>) -> Vec<usize> {
    let end = axis + picks.shape.len() - batch;
    let pick = match picks.at(&[&at[..batch], &at[axis..end]].concat()) {
        Cell::Int(n) => *n as usize,
        _ => panic!("indices are integers"),
    };
    [&at[..axis], &[pick], &at[end..]].concat()
}

fn zip<R>(x: &Values<R>, y: &Values<R>, f: impl Fn(&Cell<R>, &Cell<R>) -> Cell<R>) -> Vec<Cell<R>> {
    x.cells.iter().zip(&y.cells).map(|(a, b)| f(a, b)).collect()
}

fn place(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |o, (n, i)| o * n + i)
}

/// Every multi-index, in row-major order; the empty one for a scalar.
fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for n in shape {
        all = all.into_iter().flat_map(|at| (0..*n).map(move |i| [at.as_slice(), &[i]].concat())).collect();
    }
    all
}
