//! Dimensions and shapes: exact integer polynomials over named sizes, and broadcasting.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dtype::{DType, Scalar};

/// A name: of a dimension, an input, a parameter or an output. Cheap to clone.
pub type Name = Arc<str>;

/// A dimension known by name until a program runs, such as the batch size.
///
/// ```
/// use dl_core::{Graph, Named, F32};
/// const B: Named = Named("B");
/// let g = Graph::new();
/// let x = g.input("x", F32, (B, 784));
/// assert_eq!(x.shape().to_string(), "[B, 784]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named(pub &'static str);

/// A dimension: a polynomial with integer coefficients over named sizes.
///
/// Arithmetic is exact or gives [`Dim::Overflow`], which no shape may hold: it never wraps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub enum Dim {
    /// A known number of elements.
    Size(i64),
    /// Anything else, as a sum of terms in order; never a mere constant.
    Poly(Arc<Vec<Term>>),
    /// What lies beyond integers of 64 bits or has more than [`Dim::MAX_TERMS`] terms. Nothing that is
    /// computed from it is anything else.
    #[serde(skip)]
    Overflow,
}

/// What a file says, before anyone believes it.
#[derive(Deserialize)]
#[serde(rename = "Dim")]
enum Unchecked {
    Size(i64),
    Poly(Arc<Vec<Term>>),
}

/// `coefficient · name₁^power₁ · …`, names in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    /// The names and their powers, sorted by name; empty for the constant term.
    pub factors: Vec<(Name, u32)>,
    /// Never zero.
    pub coefficient: i64,
}

/// The sizes of the named dimensions of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dims(BTreeMap<Name, usize>);

impl Dims {
    /// No names bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one size.
    pub fn with(mut self, name: &str, size: usize) -> Self {
        self.0.insert(name.into(), size);
        self
    }

    /// The size of a name.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// Binds a name; returns the earlier size if it was bound to another one.
    pub fn bind(&mut self, name: &Name, size: usize) -> Result<(), usize> {
        match self.0.get(name) {
            Some(&old) if old != size => Err(old),
            Some(_) => Ok(()),
            None => {
                self.0.insert(name.clone(), size);
                Ok(())
            }
        }
    }

    /// Names and sizes, in the names' order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, usize)> {
        self.0.iter().map(|(name, size)| (name, *size))
    }
}

type Terms = BTreeMap<Vec<(Name, u32)>, i64>;

impl Dim {
    /// The most terms that a polynomial may have: a product of sums has exponentially many.
    pub const MAX_TERMS: usize = 64;

    /// The dimension called `name`.
    pub fn named(name: &str) -> Self {
        Dim::Poly(Arc::new(vec![Term { factors: vec![(name.into(), 1)], coefficient: 1 }]))
    }

    /// The size if it is known without bindings.
    pub fn size(&self) -> Option<usize> {
        match self {
            Dim::Size(n) => usize::try_from(*n).ok(),
            Dim::Poly(_) | Dim::Overflow => None,
        }
    }

    /// The name if the dimension is exactly one name.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Dim::Poly(terms) => match terms.as_slice() {
                [Term { factors, coefficient: 1 }] => match factors.as_slice() {
                    [(name, 1)] => Some(name),
                    _ => None,
                },
                _ => None,
            },
            Dim::Size(_) | Dim::Overflow => None,
        }
    }

    /// True for the size one, the only one that broadcasts.
    pub fn is_one(&self) -> bool {
        *self == Dim::Size(1)
    }

    /// All names that occur.
    pub fn names(&self) -> Vec<Name> {
        match self {
            Dim::Size(_) | Dim::Overflow => vec![],
            Dim::Poly(terms) => {
                let mut names: Vec<Name> =
                    terms.iter().flat_map(|t| t.factors.iter().map(|(n, _)| n.clone())).collect();
                names.sort();
                names.dedup();
                names
            }
        }
    }

    /// The number of elements under `dims`, or the reason why there is none.
    pub fn eval(&self, dims: &Dims) -> Result<usize, String> {
        let value = match self {
            Dim::Size(n) => *n,
            Dim::Overflow => return Err(TOO_LARGE.into()),
            Dim::Poly(terms) => {
                let mut total = 0i64;
                for term in terms.iter() {
                    let mut product = term.coefficient;
                    for (name, power) in &term.factors {
                        let size = dims.get(name).ok_or_else(|| format!("dimension {name} has no size"))?;
                        let size =
                            i64::try_from(size).map_err(|_| format!("dimension {name} is too large"))?;
                        product = size
                            .checked_pow(*power)
                            .and_then(|p| product.checked_mul(p))
                            .ok_or_else(|| format!("dimension {self} overflows"))?;
                    }
                    total =
                        total.checked_add(product).ok_or_else(|| format!("dimension {self} overflows"))?;
                }
                total
            }
        };
        usize::try_from(value).map_err(|_| format!("dimension {self} is {value}, which is negative"))
    }

    /// The number of elements as a number of `dtype`.
    ///
    /// # Errors
    /// As for [`eval`](Dim::eval).
    pub fn number(&self, dims: &Dims, dtype: DType) -> Result<Scalar, String> {
        let n = self.eval(dims)?;
        Ok(if dtype.is_float() { Scalar::Float(n as f64) } else { Scalar::Int(n as i64) })
    }

    /// Whether it can be the size of an axis, as far as that is known before a run.
    ///
    /// # Errors
    /// What is wrong: it is negative, beyond the integers, or a polynomial that is not in normal form.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Dim::Size(n) if *n < 0 => Err(format!("size {n} is negative")),
            Dim::Size(_) => Ok(()),
            Dim::Poly(terms) if is_normal(terms) => Ok(()),
            Dim::Poly(_) => Err(format!("polynomial {self} is not in normal form")),
            Dim::Overflow => Err(TOO_LARGE.into()),
        }
    }

    /// `self / by` where the division is exact for every binding.
    pub fn exact_div(&self, by: &Dim) -> Option<Dim> {
        if self == by {
            return Some(Dim::Size(1));
        }
        let [divisor] = by.terms()?.into_iter().collect::<Vec<_>>().try_into().ok()?;
        let (factors, coefficient) = divisor;
        let mut out = Terms::new();
        for (mut own, c) in self.terms()? {
            if c.checked_rem(coefficient)? != 0 {
                return None;
            }
            for (name, power) in &factors {
                let slot = own.iter_mut().find(|(n, _)| n == name)?;
                slot.1 = slot.1.checked_sub(*power)?;
            }
            own.retain(|(_, power)| *power > 0);
            out.insert(own, c.checked_div(coefficient)?);
        }
        Some(Dim::from_terms(out))
    }

    /// Nothing where it overflowed.
    fn terms(&self) -> Option<Terms> {
        match self {
            Dim::Size(0) => Some(Terms::new()),
            Dim::Size(n) => Some(Terms::from([(vec![], *n)])),
            Dim::Poly(terms) => Some(terms.iter().map(|t| (t.factors.clone(), t.coefficient)).collect()),
            Dim::Overflow => None,
        }
    }

    fn from_terms(mut terms: Terms) -> Self {
        terms.retain(|_, c| *c != 0);
        if terms.is_empty() {
            return Dim::Size(0);
        }
        if terms.len() == 1
            && let Some(n) = terms.get(&vec![])
        {
            return Dim::Size(*n);
        }
        if terms.len() > Dim::MAX_TERMS {
            return Dim::Overflow;
        }
        Dim::Poly(Arc::new(
            terms.into_iter().map(|(factors, coefficient)| Term { factors, coefficient }).collect(),
        ))
    }

    fn checked_add(&self, other: &Dim) -> Option<Dim> {
        if let (Dim::Size(a), Dim::Size(b)) = (self, other) {
            return a.checked_add(*b).map(Dim::Size);
        }
        let mut terms = self.terms()?;
        for (factors, c) in other.terms()? {
            add_to(&mut terms, factors, c)?;
        }
        Some(Dim::from_terms(terms))
    }

    fn checked_mul(&self, other: &Dim) -> Option<Dim> {
        if let (Dim::Size(a), Dim::Size(b)) = (self, other) {
            return a.checked_mul(*b).map(Dim::Size);
        }
        let (left, right) = (self.terms()?, other.terms()?);
        let mut out = Terms::new();
        for (a, x) in &left {
            for (b, y) in &right {
                let mut factors: BTreeMap<Name, u32> = a.iter().cloned().collect();
                for (name, power) in b {
                    let slot = factors.entry(name.clone()).or_insert(0);
                    *slot = slot.checked_add(*power)?;
                }
                add_to(&mut out, factors.into_iter().collect(), x.checked_mul(*y)?)?;
            }
        }
        Some(Dim::from_terms(out))
    }
}

const TOO_LARGE: &str = "a size is beyond integers of 64 bits, or has more than 64 terms";

/// Nothing where the coefficient overflows.
fn add_to(terms: &mut Terms, factors: Vec<(Name, u32)>, coefficient: i64) -> Option<()> {
    let slot = terms.entry(factors).or_insert(0);
    *slot = slot.checked_add(coefficient)?;
    Some(())
}

/// Terms in order, each once, with names in order, and more than a constant: what arithmetic makes.
fn is_normal(terms: &[Term]) -> bool {
    let is_term = |t: &Term| {
        t.coefficient != 0
            && t.factors.iter().all(|(_, power)| *power > 0)
            && t.factors.windows(2).all(|w| w[0].0 < w[1].0)
    };
    terms.len() <= Dim::MAX_TERMS
        && terms.iter().any(|t| !t.factors.is_empty())
        && terms.iter().all(is_term)
        && terms.windows(2).all(|w| w[0].factors < w[1].factors)
}

impl TryFrom<Unchecked> for Dim {
    type Error = String;
    fn try_from(raw: Unchecked) -> Result<Dim, String> {
        match raw {
            Unchecked::Size(n) => Ok(Dim::Size(n)),
            Unchecked::Poly(terms) => {
                let dim = Dim::Poly(terms);
                dim.check().map(|()| dim)
            }
        }
    }
}

impl std::ops::Add for &Dim {
    type Output = Dim;
    fn add(self, other: &Dim) -> Dim {
        self.checked_add(other).unwrap_or(Dim::Overflow)
    }
}

impl std::ops::Sub for &Dim {
    type Output = Dim;
    fn sub(self, other: &Dim) -> Dim {
        self + &(other * &Dim::Size(-1))
    }
}

impl std::ops::Mul for &Dim {
    type Output = Dim;
    fn mul(self, other: &Dim) -> Dim {
        self.checked_mul(other).unwrap_or(Dim::Overflow)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = match self {
            Dim::Size(n) => return write!(f, "{n}"),
            Dim::Overflow => return f.write_str("overflow"),
            Dim::Poly(terms) => terms,
        };
        // Highest powers first, as one writes polynomials.
        for (i, term) in terms.iter().rev().enumerate() {
            let magnitude = term.coefficient.unsigned_abs();
            match (i, term.coefficient < 0) {
                (0, true) => f.write_str("-")?,
                (0, false) => {}
                (_, true) => f.write_str(" - ")?,
                (_, false) => f.write_str(" + ")?,
            }
            let mut parts: Vec<String> = vec![];
            if magnitude != 1 || term.factors.is_empty() {
                parts.push(magnitude.to_string());
            }
            for (name, power) in &term.factors {
                parts.push(if *power == 1 { name.to_string() } else { format!("{name}^{power}") });
            }
            f.write_str(&parts.join("·"))?;
        }
        Ok(())
    }
}

impl From<Named> for Dim {
    fn from(name: Named) -> Self {
        Dim::named(name.0)
    }
}

macro_rules! dim_from_int {
    ($($t:ty),*) => {$(impl From<$t> for Dim {
        fn from(n: $t) -> Self {
            i64::try_from(n).map_or(Dim::Overflow, Dim::Size)
        }
    })*};
}
dim_from_int!(usize, i32, u32, i64, u64);

impl From<&Dim> for Dim {
    fn from(dim: &Dim) -> Self {
        dim.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b() -> Dim {
        Dim::named("B")
    }

    #[test]
    fn arithmetic_is_exact() {
        let p = &(&b() + &Dim::Size(2)) * &(&b() - &Dim::Size(2));
        assert_eq!(p.to_string(), "B^2 - 4");
        assert_eq!(p.eval(&Dims::new().with("B", 5)), Ok(21));
        assert_eq!(&p - &p, Dim::Size(0));
    }

    #[test]
    fn division_is_exact_or_none() {
        let six_b = &b() * &Dim::Size(6);
        assert_eq!(six_b.exact_div(&Dim::Size(3)).unwrap().to_string(), "2·B");
        assert_eq!(six_b.exact_div(&b()), Some(Dim::Size(6)));
        assert_eq!(b().exact_div(&Dim::Size(2)), None);
        assert_eq!(Dim::Size(6).exact_div(&Dim::Size(0)), None);
    }

    #[test]
    fn what_leaves_the_integers_overflows_and_stays_so() {
        let (most, least) = (Dim::Size(i64::MAX), Dim::Size(i64::MIN));
        let most_b = &b() * &most;
        let two = Dim::Size(2);
        let results = [&most + &most, &most * &two, &least - &most, &most_b + &b(), &most_b * &two];
        assert!(results.iter().all(|d| *d == Dim::Overflow), "{results:?}");
        assert_eq!(&Dim::Overflow - &Dim::Overflow, Dim::Overflow);
        assert_eq!(&Dim::Overflow * &Dim::Size(0), Dim::Overflow);
        assert_eq!(least.exact_div(&Dim::Size(-1)), None);
        assert_eq!(Dim::from(u64::MAX), Dim::Overflow);
        assert_eq!((&b() * &least).to_string(), "-9223372036854775808·B");
        let power = Dim::Poly(Arc::new(vec![Term { factors: vec![("B".into(), u32::MAX)], coefficient: 1 }]));
        assert_eq!(&power * &b(), Dim::Overflow);
        let huge = Dims::new().with("B", usize::MAX);
        assert!([b(), power].iter().all(|d| d.eval(&huge).is_err()));
    }

    #[test]
    fn products_of_sums_have_a_limit() {
        let sums: Vec<Dim> = (0..20).map(|i| &Dim::named(&format!("N{i}")) + &Dim::Size(1)).collect();
        let product = |n: usize| sums[..n].iter().fold(Dim::Size(1), |p, d| &p * d);
        assert!(matches!(product(6), Dim::Poly(terms) if terms.len() == Dim::MAX_TERMS));
        assert_eq!(product(7), Dim::Overflow);
        assert_eq!(product(20), Dim::Overflow);
    }

    #[test]
    fn files_hold_polynomials_in_normal_form_only() {
        let check = |text: &str, fine: bool| {
            let read = serde_json::from_str::<Dim>(text);
            assert_eq!(read.is_ok(), fine, "{text}: {read:?}");
        };
        check(&serde_json::to_string(&(&b() * &(&b() + &Dim::Size(2)))).unwrap(), true);
        check(
            r#"{"Poly":[{"factors":[["B",1]],"coefficient":1},{"factors":[["B",1]],"coefficient":1}]}"#,
            false,
        );
        check(r#"{"Poly":[{"factors":[["B",1]],"coefficient":0}]}"#, false);
        check(r#"{"Poly":[{"factors":[["B",0]],"coefficient":1}]}"#, false);
        check(r#"{"Poly":[{"factors":[["B",1],["A",1]],"coefficient":1}]}"#, false);
        check(r#"{"Poly":[{"factors":[["B",1],["B",1]],"coefficient":1}]}"#, false);
        check(
            r#"{"Poly":[{"factors":[["B",1]],"coefficient":1},{"factors":[["A",1]],"coefficient":1}]}"#,
            false,
        );
        check(r#"{"Poly":[{"factors":[],"coefficient":3}]}"#, false);
        check(r#"{"Poly":[]}"#, false);
        check(r#""Overflow""#, false);
    }

    #[test]
    fn evaluation_reports_what_is_missing_or_negative() {
        assert_eq!(b().eval(&Dims::new()), Err("dimension B has no size".into()));
        let p = &b() - &Dim::Size(3);
        assert_eq!(p.eval(&Dims::new().with("B", 1)), Err("dimension B - 3 is -2, which is negative".into()));
    }
}
