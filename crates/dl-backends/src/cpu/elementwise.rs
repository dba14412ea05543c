//! Elementwise steps: functions of one and two arguments, `select` and `cast`.

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::binary::Class;
use dl_core::ops::{Binary, Unary};

use super::array::{Array, Item, View, each};
use super::loops::{CHUNK, Context, Kernel2, Source, choose, each1, each2, runs1, runs2, share};
use super::real::Real;
use super::vector::Isa;

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
        let isa = Isa::widest();
        if op == Unary::IsFinite {
            return Array::Bool(self.map_runs(x, |x, out| isa.is_finite(x, out)));
        }
        let mut x = self.dense(x);
        match x.unique() {
            Some(x) => share(self.team(), x, CHUNK, &|_, x| isa.unary_in_place(op, x)),
            None => return T::wrap_view(self.map_runs(x, |x, out| isa.unary(op, x, out))),
        }
        T::wrap_view(x)
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

    /// In place where nobody else sees one of both.
    fn reals<'a, T: Real>(&mut self, op: Binary, x: Term<'a>, y: Term<'a>, shape: &[usize]) -> Array<'a> {
        if op.row().class == Class::Comparison {
            return self.compare::<T>(op, x, y, shape);
        }
        let isa = Isa::widest();
        let (mut x, mut y) = (x.of::<T>(), y.of::<T>());
        let (x_unique, y_unique) = (x.unique(), y.unique());
        T::wrap_view(match (x, y) {
            (Typed::View(mut x), y) if x_unique => {
                let out = x.unique().expect("it was unique a moment ago");
                runs1(self.team(), out, shape, y.source(), &|out, y| isa.binary_in_place(op, out, y));
                self.free(y);
                x
            }
            (x, Typed::View(mut y)) if y_unique => {
                let out = y.unique().expect("it was unique a moment ago");
                runs1(self.team(), out, shape, x.source(), &|out, x| isa.binary_in_place_right(op, x, out));
                self.free(x);
                y
            }
            (x, y) => self.zip_runs(x, y, shape, &|out, x, y| isa.binary(op, x, y, out)),
        })
    }

    fn compare<'a, T: Item>(&mut self, op: Binary, x: Term<'a>, y: Term<'a>, shape: &[usize]) -> Array<'a> {
        let isa = Isa::widest();
        Array::Bool(self.zip_runs::<T, _>(x.of(), y.of(), shape, &|out, x, y| isa.compare(op, x, y, out)))
    }

    /// A new array of a kernel's results.
    fn zip_runs<'a, T: Item, R: Item>(
        &mut self,
        x: Typed<'a, T>,
        y: Typed<'a, T>,
        shape: &[usize],
        kernel: Kernel2<'_, R, T, T>,
    ) -> View<'a, R> {
        let mut out = self.pool.take(shape.iter().product());
        runs2(self.team(), &mut out, shape, x.source(), y.source(), kernel);
        self.free(x);
        self.free(y);
        self.pool.dense(out, shape)
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
        each2(self.team(), &mut out, shape, x.source(), y.source(), |o, x, y| *o = f(x, y));
        self.free(x);
        self.free(y);
        self.pool.dense(out, shape)
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
                each1(self.team(), out, shape, y.source(), |o, y| *o = f(*o, y));
                self.free(y);
                x
            }
            (x, Typed::View(mut y)) if y_unique => {
                let out = y.unique().expect("it was unique a moment ago");
                each1(self.team(), out, shape, x.source(), |o, x| *o = f(x, *o));
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
        choose(self.team(), &mut out, &shape, Source::View(&condition), a.source(), b.source());
        self.pool.free(condition);
        self.free(a);
        self.free(b);
        T::wrap_view(self.pool.dense(out, &shape))
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
        let isa = Isa::widest();
        match x {
            Array::U8(x) if to == DType::F32 => Array::F32(self.map_runs(x, |x, out| isa.cast(x, out))),
            Array::Bool(x) if to == DType::F32 => Array::F32(self.map_runs(x, |x, out| isa.cast(x, out))),
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
