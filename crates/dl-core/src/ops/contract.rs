//! Contraction: a two-operand einsum, of which every matrix product is a case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::graph::{Expr, Node};
use crate::ops::{Op, Signature};
use crate::shape::Shape;

/// Which axes of two operands go together: one letter per axis.
///
/// A letter occurs at most once per operand and in at least two of left, right and
/// result; so the cotangents of both operands are contractions as well.
/// ```
/// use dl_core::ops::Contraction;
/// let product: Contraction = "bi,io->bo".parse()?;
/// assert_eq!(product.to_string(), "bi,io->bo");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Contraction {
    /// Letters of the left operand's axes.
    pub lhs: Vec<u8>,
    /// Letters of the right operand's axes.
    pub rhs: Vec<u8>,
    /// Letters of the result's axes.
    pub out: Vec<u8>,
}

impl Contraction {
    /// Letters that occur in both operands and not in the result: the sum runs over them.
    pub fn summed(&self) -> impl Iterator<Item = u8> {
        self.lhs.iter().copied().filter(|l| !self.out.contains(l))
    }

    /// Letters in both operands and in the result.
    pub fn batch(&self) -> impl Iterator<Item = u8> {
        self.lhs.iter().copied().filter(|l| self.rhs.contains(l) && self.out.contains(l))
    }

    /// The contraction of `(cotangent, right)` that gives the left operand's cotangent.
    pub fn transposed_lhs(&self) -> Contraction {
        Contraction { lhs: self.out.clone(), rhs: self.rhs.clone(), out: self.lhs.clone() }
    }

    /// The contraction of `(left, cotangent)` that gives the right operand's cotangent.
    pub fn transposed_rhs(&self) -> Contraction {
        Contraction { lhs: self.lhs.clone(), rhs: self.out.clone(), out: self.rhs.clone() }
    }

    fn validate(&self) -> Result<(), String> {
        for (side, letters) in [("left", &self.lhs), ("right", &self.rhs), ("result", &self.out)] {
            for (i, l) in letters.iter().enumerate() {
                if letters[..i].contains(l) {
                    return Err(format!("contraction {self}: {} occurs twice on the {side}", char::from(*l)));
                }
            }
        }
        for l in self.lhs.iter().chain(&self.rhs).chain(&self.out) {
            let places = [&self.lhs, &self.rhs, &self.out].iter().filter(|s| s.contains(l)).count();
            if places < 2 {
                return Err(format!(
                    "contraction {self}: {} occurs only once, sum over it first",
                    char::from(*l)
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn signature(&self, a: &Node, b: &Node) -> Result<Signature, String> {
        if a.dtype != b.dtype || !a.dtype.is_numeric() {
            return Err(format!(
                "cannot contract {} with {}: both must be the same number type",
                a.dtype, b.dtype
            ));
        }
        for (letters, shape) in [(&self.lhs, &a.shape), (&self.rhs, &b.shape)] {
            if letters.len() != shape.rank() {
                return Err(format!(
                    "cannot contract {} with {} by {self}: {} axes expected, got {}",
                    a.shape,
                    b.shape,
                    letters.len(),
                    shape.rank()
                ));
            }
        }
        let mut out = vec![None; self.out.len()];
        for (l, dim) in self.lhs.iter().zip(a.shape.iter()).chain(self.rhs.iter().zip(b.shape.iter())) {
            if let Some(k) = self.rhs.iter().position(|r| r == l)
                && b.shape[k] != *dim
            {
                return Err(misfit(&a.shape, &b.shape, dim, &b.shape[k]));
            }
            if let Some(k) = self.out.iter().position(|o| o == l) {
                out[k] = Some(dim.clone());
            }
        }
        let shape = out
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| format!("contraction {self} names an axis that no operand has"))?;
        Ok((a.dtype, shape.into()))
    }
}

fn misfit(a: &Shape, b: &Shape, inner_a: &crate::dim::Dim, inner_b: &crate::dim::Dim) -> String {
    format!("cannot contract {a} with {b}: inner sizes {inner_a} and {inner_b} differ")
}

impl fmt::Display for Contraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |s: &[u8]| String::from_utf8_lossy(s).into_owned();
        write!(f, "{},{}->{}", text(&self.lhs), text(&self.rhs), text(&self.out))
    }
}

impl FromStr for Contraction {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let bad = || format!("contraction {s:?}: expected two operands and a result, as in \"bi,io->bo\"");
        let (operands, out) = s.split_once("->").ok_or_else(bad)?;
        let (lhs, rhs) = operands.split_once(',').ok_or_else(bad)?;
        let letters = |s: &str| s.bytes().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>();
        let c = Contraction { lhs: letters(lhs), rhs: letters(rhs), out: letters(out) };
        if !c.lhs.iter().chain(&c.rhs).chain(&c.out).all(u8::is_ascii_alphabetic) {
            return Err(bad());
        }
        c.validate()?;
        Ok(c)
    }
}

impl TryFrom<String> for Contraction {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Contraction> for String {
    fn from(c: Contraction) -> String {
        c.to_string()
    }
}

impl<'g> Expr<'g> {
    /// Einsum with another operand, as in `x.contract("bi,io->bo", w)`.
    #[track_caller]
    pub fn contract(self, spec: &str, other: Expr<'g>) -> Expr<'g> {
        match spec.parse() {
            Ok(c) => self.apply(Op::Contract(c), &[other]),
            Err(message) => self.fail(message),
        }
    }

    /// Matrix product: the last axis of `self` with the second last of `other` (the only one of a
    /// vector). Leading axes of `other`, if it has more than two, go in step with those of `self`.
    #[track_caller]
    pub fn dot(self, other: Expr<'g>) -> Expr<'g> {
        let other = self.beside(other);
        let (a, b) = (self.shape(), other.shape());
        if self.is_poison() || other.is_poison() {
            return self.graph().poison();
        }
        if a.rank() == 0 || b.rank() == 0 {
            return self
                .fail(format!("cannot contract {a} with {b}: a scalar has no axis, multiply instead"));
        }
        let inner_b = b.rank().saturating_sub(2);
        if a[a.rank() - 1] != b[inner_b] {
            return self.fail(misfit(&a, &b, &a[a.rank() - 1], &b[inner_b]));
        }
        match dot_spec(a.rank(), b.rank()) {
            Some(c) => self.apply(Op::Contract(c), &[other]),
            None => self.fail(format!(
                "cannot contract {a} with {b}: {} leading axes on the right, {} on the left",
                b.rank() - 2,
                a.rank() - 1
            )),
        }
    }
}

/// Letters for the product of ranks `a` and `b`; `None` where leading axes cannot go in step.
fn dot_spec(a: usize, b: usize) -> Option<Contraction> {
    const INNER: u8 = b'k';
    const COLUMN: u8 = b'n';
    let leading: Vec<u8> =
        (b'a'..=b'z').chain(b'A'..=b'Z').filter(|l| ![INNER, COLUMN].contains(l)).take(a - 1).collect();
    let shared = b.saturating_sub(2);
    if leading.len() < a - 1 || shared > leading.len().saturating_sub(usize::from(shared > 0)) {
        return None;
    }
    let mut lhs = leading.clone();
    lhs.push(INNER);
    let mut rhs = leading[..shared].to_vec();
    rhs.push(INNER);
    let mut out = leading;
    if b > 1 {
        rhs.push(COLUMN);
        out.push(COLUMN);
    }
    Some(Contraction { lhs, rhs, out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_checked() {
        let err = |s: &str| s.parse::<Contraction>().unwrap_err();
        assert_eq!(err("ii,ij->j"), "contraction ii,ij->j: i occurs twice on the left");
        assert_eq!(err("ij,k->ij"), "contraction ij,k->ij: k occurs only once, sum over it first");
        assert!(err("ij->ij").contains("expected two operands"));
    }

    #[test]
    fn products_by_rank() {
        let spec = |a, b| dot_spec(a, b).map(|c| c.to_string());
        assert_eq!(spec(2, 2).unwrap(), "ak,kn->an");
        assert_eq!(spec(1, 1).unwrap(), "k,k->");
        assert_eq!(spec(1, 2).unwrap(), "k,kn->n");
        assert_eq!(spec(3, 2).unwrap(), "abk,kn->abn");
        assert_eq!(spec(3, 3).unwrap(), "abk,akn->abn");
        assert_eq!(spec(2, 3), None);
    }
}
