//! Elementwise steps: functions of one and two arguments, `select` and `cast`.

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::{Binary, Unary};

use super::array::{Array, Item, View, each};
use super::lanes::{Context, Source, choose, each1, each2};
use super::real::Real;

/// An operand of a step.
pub(super) enum Term<'a> {
    /// A value.
    Array(Array<'a>),
    /// The same number everywhere.
    Number(Scalar),
}

/// An operand whose element type is known.
enum Typed<'a, T> {
    View(View<'a, T>),
    Number(T),
}

impl<'a> Term<'a> {
    /// The element type, where it is known.
    pub(super) fn dtype(&self) -> Option<DType> {
        match self {
            Term::Array(array) => Some(array.dtype()),
            Term::Number(_) => None,
        }
    }

    fn of<T: Item>(self) -> Typed<'a, T> {
        match self {
            Term::Array(array) => Typed::View(array.of()),
            Term::Number(scalar) => Typed::Number(T::number(scalar)),
        }
    }
}

impl<T: Item> Typed<'_, T> {
    fn source(&self) -> Source<'_, T> {
        match self {
            Typed::View(view) => Source::View(view),
            Typed::Number(number) => Source::Number(number),
        }
    }

    fn unique(&mut self) -> bool {
        match self {
            Typed::View(view) => view.unique().is_some(),
            Typed::Number(_) => false,
        }
    }
}

impl Context {
    /// `op(x)`.
    pub(super) fn unary<'a>(&mut self, op: Unary, x: Array<'a>) -> Array<'a> {
        match x {
            Array::F32(x) => self.float(op, x),
            Array::F64(x) => self.float(op, x),
            Array::I64(x) => {
                let f = op.value_i64().expect("a plan's element types were checked");
                Array::I64(self.remap(x, f))
            }
            Array::Bool(x) => Array::Bool(self.remap(x, |x| !x)),
            Array::U8(x) => Array::U8(x),
        }
    }

    fn float<'a, T: Real>(&mut self, op: Unary, x: View<'a, T>) -> Array<'a> {
        T::wrap_view(match op {
            Unary::Neg => self.remap(x, |x| -x),
            Unary::Abs => self.remap(x, T::abs),
            Unary::Sign => self.remap(x, T::sign),
            Unary::Exp => self.remap(x, T::exp),
            Unary::Expm1 => self.remap(x, T::expm1),
            Unary::Log => self.remap(x, T::log),
            Unary::Log1p => self.remap(x, T::log1p),
            Unary::Sqrt => self.remap(x, T::sqrt),
            Unary::Sin => self.remap(x, T::sin),
            Unary::Cos => self.remap(x, T::cos),
            Unary::Tanh => self.remap(x, T::tanh),
            Unary::Sigmoid => self.remap(x, T::sigmoid),
            Unary::Softplus => self.remap(x, T::softplus),
            Unary::Relu => self.remap(x, T::relu),
            Unary::Erf => self.remap(x, T::erf),
            Unary::Floor => self.remap(x, T::floor),
            Unary::IsFinite => return Array::Bool(self.map(x, T::is_finite)),
            Unary::Not => x,
        })
    }

    /// `op(x, y)`; at least one of both is a value.
    pub(super) fn binary<'a>(
        &mut self,
        op: Binary,
        x: Term<'a>,
        y: Term<'a>,
        dtype: DType,
        shape: &[usize],
    ) -> Array<'a> {
        match dtype {
            DType::F32 => self.reals::<f32>(op, x, y, shape),
            DType::F64 => self.reals::<f64>(op, x, y, shape),
            DType::I64 => match op.value_i64() {
                Some(f) => Array::I64(self.zip(x.of(), y.of(), shape, f)),
                None => self.compare::<i64>(op, x, y, shape),
            },
            DType::Bool => match op {
                Binary::And => Array::Bool(self.zip(x.of(), y.of(), shape, |x, y| x & y)),
                Binary::Or => Array::Bool(self.zip(x.of(), y.of(), shape, |x, y| x | y)),
                _ => self.compare::<bool>(op, x, y, shape),
            },
            DType::U8 => self.compare::<u8>(op, x, y, shape),
        }
    }

    fn reals<'a, T: Real>(&mut self, op: Binary, x: Term<'a>, y: Term<'a>, shape: &[usize]) -> Array<'a> {
        let (x, y) = match op {
            Binary::Add
            | Binary::Sub
            | Binary::Mul
            | Binary::Div
            | Binary::Pow
            | Binary::Max
            | Binary::Min => (x.of::<T>(), y.of::<T>()),
            _ => return self.compare::<T>(op, x, y, shape),
        };
        T::wrap_view(match op {
            Binary::Add => self.zip(x, y, shape, |x, y| x + y),
            Binary::Sub => self.zip(x, y, shape, |x, y| x - y),
            Binary::Mul => self.zip(x, y, shape, |x, y| x * y),
            Binary::Div => self.zip(x, y, shape, |x, y| x / y),
            Binary::Max => self.zip(x, y, shape, T::maximum),
            Binary::Min => self.zip(x, y, shape, T::minimum),
            _ => self.zip(x, y, shape, T::pow),
        })
    }

    fn compare<'a, T: Item>(&mut self, op: Binary, x: Term<'a>, y: Term<'a>, shape: &[usize]) -> Array<'a> {
        let (x, y) = (x.of::<T>(), y.of::<T>());
        Array::Bool(match op {
            Binary::Eq => self.zip_to(x, y, shape, |x, y| x == y),
            Binary::Ne => self.zip_to(x, y, shape, |x, y| x != y),
            Binary::Lt => self.zip_to(x, y, shape, |x, y| x < y),
            Binary::Le => self.zip_to(x, y, shape, |x, y| x <= y),
            Binary::Gt => self.zip_to(x, y, shape, |x, y| x > y),
            _ => self.zip_to(x, y, shape, |x, y| x >= y),
        })
    }

    /// A new array of `f(x, y)`.
    fn zip_to<'a, T: Item, R: Item>(
        &mut self,
        x: Typed<'a, T>,
        y: Typed<'a, T>,
        shape: &[usize],
        f: impl Fn(T, T) -> R + Sync,
    ) -> View<'a, R> {
        let mut out = self.pool.take(shape.iter().product());
        each2(self.threads, &mut out, shape, x.source(), y.source(), |o, x, y| *o = f(x, y));
        self.free(x);
        self.free(y);
        View::dense(out, shape)
    }

    /// `f(x, y)` of the same type, in place where nobody else sees one of both.
    fn zip<'a, T: Item>(
        &mut self,
        mut x: Typed<'a, T>,
        mut y: Typed<'a, T>,
        shape: &[usize],
        f: impl Fn(T, T) -> T + Sync,
    ) -> View<'a, T> {
        let (x_unique, y_unique) = (x.unique(), y.unique());
        match (x, y) {
            (Typed::View(mut x), y) if x_unique => {
                let out = x.unique().expect("it was unique a moment ago");
                each1(self.threads, out, shape, y.source(), |o, y| *o = f(*o, y));
                self.free(y);
                x
            }
            (x, Typed::View(mut y)) if y_unique => {
                let out = y.unique().expect("it was unique a moment ago");
                each1(self.threads, out, shape, x.source(), |o, x| *o = f(x, *o));
                self.free(x);
                y
            }
            (x, y) => self.zip_to(x, y, shape, f),
        }
    }

    fn free<T: Item>(&mut self, x: Typed<'_, T>) {
        if let Typed::View(view) = x {
            self.pool.free(view);
        }
    }

    /// Elements of `a` where the condition holds, else of `b`.
    pub(super) fn select<'a>(
        &mut self,
        condition: View<'a, bool>,
        a: Term<'a>,
        b: Term<'a>,
        dtype: DType,
    ) -> Array<'a> {
        match dtype {
            DType::F32 => self.select_typed::<f32>(condition, a, b),
            DType::F64 => self.select_typed::<f64>(condition, a, b),
            DType::I64 => self.select_typed::<i64>(condition, a, b),
            DType::Bool => self.select_typed::<bool>(condition, a, b),
            DType::U8 => self.select_typed::<u8>(condition, a, b),
        }
    }

    fn select_typed<'a, T: Item>(
        &mut self,
        condition: View<'a, bool>,
        a: Term<'a>,
        b: Term<'a>,
    ) -> Array<'a> {
        let (a, b) = (a.of::<T>(), b.of::<T>());
        let shape = condition.layout.shape.clone();
        let mut out = self.pool.take(condition.layout.len());
        choose(self.threads, &mut out, &shape, Source::View(&condition), a.source(), b.source());
        self.pool.free(condition);
        self.free(a);
        self.free(b);
        T::wrap_view(View::dense(out, &shape))
    }

    /// The same values in another element type.
    pub(super) fn cast<'a>(&mut self, x: Array<'a>, to: DType) -> Array<'a> {
        macro_rules! numbers {
            ($x:ident, $($t:ty),*) => {
                match to {
                    DType::F32 => Array::F32(self.map($x, |x| x $(as $t)* as f32)),
                    DType::F64 => Array::F64(self.map($x, |x| x $(as $t)* as f64)),
                    DType::I64 => Array::I64(self.map($x, |x| x $(as $t)* as i64)),
                    DType::U8 => Array::U8(self.map($x, |x| x $(as $t)* as u8)),
                    DType::Bool => Array::Bool(self.map($x, is_true)),
                }
            };
        }
        match x {
            Array::F32(x) => numbers!(x,),
            Array::F64(x) => numbers!(x,),
            Array::U8(x) => numbers!(x,),
            Array::Bool(x) => numbers!(x, u8),
            // A byte saturates, from integers too.
            Array::I64(x) if to == DType::U8 => Array::U8(self.map(x, |x| x.clamp(0, 255) as u8)),
            Array::I64(x) => numbers!(x,),
        }
    }

    /// Any value row by row.
    pub(super) fn dense_array<'a>(&mut self, x: Array<'a>) -> Array<'a> {
        each!(x, v => Item::wrap_view(self.dense(v)))
    }

    /// Any value as parameters are kept.
    pub(super) fn whole_array(&mut self, x: Array<'_>) -> Array<'static> {
        each!(x, v => Item::wrap_view(self.whole(v)))
    }
}

/// Everything but zero is, NaN too.
fn is_true<T: Item>(x: T) -> bool {
    x != T::default()
}
