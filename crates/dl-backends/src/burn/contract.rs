//! Contractions as batched matrix products: letters are sorted into batch, rows, inner and columns.

use burn_backend::Backend;
use dl_core::Scalar;
use dl_core::ops::Contraction;

use super::machine::Machine;
use super::step::Step;
use super::value::{Value, extents};
use super::{host, long};

type Result<T> = std::result::Result<T, String>;

/// The sum over all letters that are not in the result.
pub(super) fn contract<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    spec: &Contraction,
    x: Value<B>,
    y: Value<B>,
) -> Result<Value<B>> {
    if x.is_empty() || y.is_empty() {
        return m.full(step.dtype, &step.shape, Scalar::of(step.dtype, 0.0));
    }
    let letters = Letters::of(spec);
    let size = |letters: &[u8], own: &[u8], shape: &[usize]| -> usize {
        letters.iter().filter_map(|l| place(own, *l)).map(|a| shape[a]).product()
    };
    let (left, right) = (&step.args[0].shape, &step.args[1].shape);
    let batch = size(&letters.batch, &spec.lhs, left);
    let rows = size(&letters.rows, &spec.lhs, left);
    let inner = size(&letters.inner, &spec.lhs, left);
    let columns = size(&letters.columns, &spec.rhs, right);

    let x = arranged(x, &spec.lhs, &[&letters.batch, &letters.rows, &letters.inner]);
    let y = arranged(y, &spec.rhs, &[&letters.batch, &letters.inner, &letters.columns]);
    // Without letters in step, two axes are enough, and views of transposes reach the kernel as such.
    let flat = letters.batch.is_empty();
    let three = |a: usize, b: usize| if flat { vec![a, b] } else { vec![batch, a, b] };
    let (x, y) = (x.reshape(&three(rows, inner)), y.reshape(&three(inner, columns)));
    let product = match (x, y) {
        // Nothing to sum: the broadcast product is the outer one.
        (Value::Float(x), Value::Float(y)) if letters.inner.is_empty() => Value::Float(B::float_mul(x, y)),
        (x @ Value::Float(_), y @ Value::Float(_)) if inner > m.inner(rows, columns) => {
            let (x, y) = (x.reshape(&[batch, rows, inner]), y.reshape(&[batch, inner, columns]));
            long::product(m, x, y, [batch, rows, inner, columns])?
        }
        (Value::Float(x), Value::Float(y)) => Value::Float(B::float_matmul(x, y)),
        (Value::Int(x), Value::Int(y)) if step.exact && letters.inner.is_empty() => {
            let whole = three(rows, columns);
            let (x, y) = (Value::<B>::Int(x).expand(&whole).int()?, Value::<B>::Int(y).expand(&whole).int()?);
            Value::Int(B::int_mul(x, y))
        }
        (x @ Value::Int(_), y @ Value::Int(_)) => host::matmul_ints(m, x, y, [batch, rows, inner, columns])?,
        (x, y) => return Err(format!("cannot contract {} with {}", x.kind(), y.kind())),
    };
    let order = letters.result();
    let sizes: Vec<usize> =
        order.iter().filter_map(|l| place(&spec.out, *l)).map(|a| step.shape[a]).collect();
    Ok(arranged(product.reshape(&extents(&sizes)), &order, &[&spec.out]).reshape(&extents(&step.shape)))
}

/// The letters of a contraction by what becomes of them.
struct Letters {
    batch: Vec<u8>,
    rows: Vec<u8>,
    inner: Vec<u8>,
    columns: Vec<u8>,
}

impl Letters {
    /// In the result's order where they are in it, so that it needs no copy if it can be had without.
    fn of(spec: &Contraction) -> Letters {
        let pick = |left: bool, right: bool| {
            let is = |l: &u8| spec.lhs.contains(l) == left && spec.rhs.contains(l) == right;
            spec.out.iter().copied().filter(is).collect()
        };
        Letters {
            batch: pick(true, true),
            rows: pick(true, false),
            inner: spec.summed().collect(),
            columns: pick(false, true),
        }
    }

    /// The letters of the product's axes.
    fn result(&self) -> Vec<u8> {
        [self.batch.as_slice(), &self.rows, &self.columns].concat()
    }
}

/// `x` with its axes, named by `own`, in the order of `groups`.
fn arranged<B: Backend>(x: Value<B>, own: &[u8], groups: &[&[u8]]) -> Value<B> {
    let axes: Vec<usize> = groups.iter().flat_map(|g| g.iter()).filter_map(|l| place(own, *l)).collect();
    // A scalar has one axis on the device, and no letter.
    if axes.is_empty() { x } else { x.permute(&axes) }
}

fn place(letters: &[u8], letter: u8) -> Option<usize> {
    letters.iter().position(|l| *l == letter)
}

#[cfg(test)]
mod tests {
    use super::Letters;

    #[test]
    fn letters_are_sorted_by_their_fate() {
        let check = |spec: &str, want: [&str; 4]| {
            let l = Letters::of(&spec.parse().unwrap());
            let text = |v: &[u8]| String::from_utf8(v.to_vec()).unwrap();
            assert_eq!([text(&l.batch), text(&l.rows), text(&l.inner), text(&l.columns)], want);
        };
        check("bi,io->bo", ["", "b", "i", "o"]);
        check("bi,bo->io", ["", "i", "b", "o"]);
        check("abk,akn->nab", ["a", "b", "k", "n"]);
        check("i,j->ji", ["", "i", "", "j"]);
        check("k,k->", ["", "", "k", ""]);
    }
}
