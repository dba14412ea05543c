//! Stabilization of quotients whose numerator and divisor grow alike: divided factor by factor, so that no
//! square or power leaves the range of the type.

use super::Known;
use super::Rule;
use super::exponential::{bounded, is_scaled, is_splat, pair, reduction, root_of_squares};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                    at                   instance                              result
    "quotient-by-squares"   at ["div"]         : "x * y / (x * x + y * y)"          => "x / h * (y / h) with h = hypot(x, y)" by quotient;
    "complement-of-squares" at ["sub"]         : "y - y * (x / h * (x / h)) with h = hypot(x, 1)" => "y * (1 / h * (1 / h))" by complement;
    "log1p-of-square"       at ["log1p"]       : "log1p(x * x)"                     => "select(|x| > c, 2 * log|x|, log1p(x * x))" by log1p_square;
    "p-norm"                at ["pow", "sqrt"] : "sum[r](abs(x) ^ c) ^ (1 / c)"     => "p_norm[r](x)"                         by p_norm;
    "root-of-quotient"      at ["sqrt"]        : "sqrt(x * x / (y * y))"            => "abs(x / y)"                           by root_of_quotient;
};

/// How deep products are taken apart.
const DEPTH: usize = 6;
/// How many factors there may be.
const FACTORS: usize = 8;
/// From here on the square is all that counts of what one is added to.
const LARGE: f64 = 1e10;

/// `constant · Π factors`, each as often as it occurs.
struct Product<'g> {
    constant: f64,
    factors: Vec<Expr<'g>>,
    splats: Vec<(Expr<'g>, bool)>,
}

impl<'g> Product<'g> {
    fn of(expr: Expr<'g>) -> Option<Self> {
        let mut product = Product { constant: 1.0, factors: vec![], splats: vec![] };
        product.collect(expr, DEPTH)?;
        (product.factors.len() <= FACTORS).then_some(product)
    }

    fn collect(&mut self, expr: Expr<'g>, depth: usize) -> Option<()> {
        let arg: Vec<Expr<'g>> = args(expr).collect();
        match (&expr.node().op, depth.checked_sub(1)) {
            (Op::Constant(c), _) => self.constant *= c.as_f64(),
            (Op::Unary(Unary::Neg), Some(d)) => {
                self.constant = -self.constant;
                self.collect(arg[0], d)?;
            }
            (Op::Binary(Binary::Mul), Some(d)) => {
                self.collect(arg[0], d)?;
                self.collect(arg[1], d)?;
            }
            (Op::Binary(Binary::Div), Some(d)) if is_splat(arg[1]) => {
                match number(arg[1]) {
                    Some(c) => self.constant /= c,
                    None => self.splats.push((arg[1], false)),
                }
                self.collect(arg[0], d)?;
            }
            (Op::Binary(Binary::Pow), Some(_)) if whole(arg[1]).is_some() => {
                self.factors.extend((0..whole(arg[1])?).map(|_| arg[0]));
            }
            (Op::Extent(_), _) => match number(expr) {
                Some(c) => self.constant *= c,
                None => self.splats.push((expr, true)),
            },
            _ => self.factors.push(expr),
        }
        Some(())
    }

    /// The product again, with other factors.
    fn with(&self, factors: impl Iterator<Item = Expr<'g>>, like: Expr<'g>) -> Option<Expr<'g>> {
        let product = factors.reduce(|a, b| a * b)?;
        let product = if self.constant == 1.0 { product } else { self.constant * product };
        let _ = like;
        Some(self.splats.iter().fold(product, |p, (splat, above)| {
            let splat = splat.graph().leaf(splat.node().op.clone(), p.dtype(), p.shape());
            if *above { p * splat } else { p / splat }
        }))
    }
}

/// A constant, or a size that is known.
fn number(e: Expr<'_>) -> Option<f64> {
    match &e.node().op {
        Op::Extent(dim) => dim.size().filter(|n| *n > 0).map(|n| n as f64),
        _ => e.as_constant(),
    }
}

/// A small whole power.
fn whole(power: Expr<'_>) -> Option<usize> {
    let c = power.as_constant()?;
    (c.fract() == 0.0 && (2.0..=6.0).contains(&c)).then_some(c as usize)
}

/// Roots, the constant that they are multiplied with, and sizes, above or below.
type Roots<'g> = (Vec<Expr<'g>>, f64, Vec<(Expr<'g>, bool)>);

/// The root of a sum of squares and its power in the divisor, for each such factor; and all other factors.
fn roots<'g>(divisor: Expr<'g>, facts: &Known<'g>) -> Option<Roots<'g>> {
    let (base, times) = match pair(divisor).filter(|_| divisor.node().op == Op::Binary(Binary::Pow)) {
        Some((base, power)) => (base, power.as_constant()?),
        None => (divisor, 1.0),
    };
    let product = Product::of(base)?;
    let mut roots = vec![];
    let mut sums = 0;
    for factor in &product.factors {
        if let Some(root) = sum_of_squares(*factor, facts) {
            roots.extend([root, root]);
            sums += 1;
        } else if is_root(*factor) {
            roots.push(*factor);
        } else {
            return None;
        }
    }
    let degree = roots.len() as f64 * times;
    if degree.fract() != 0.0
        || !(1.0..=6.0).contains(&degree)
        || (sums == 0 && roots.len() < 2 && times == 1.0)
    {
        return None;
    }
    let all: Vec<Expr<'g>> = roots.iter().copied().cycle().take(degree as usize).collect();
    // A broken power of different roots does not come apart.
    if times != 1.0
        && (roots.iter().any(|r| *r != roots[0]) || !product.splats.is_empty() && times.fract() != 0.0)
    {
        return None;
    }
    if times != 1.0 && times.fract() != 0.0 && product.constant <= 0.0 {
        return None;
    }
    Some((
        all,
        product.constant.powf(times),
        if times == 1.0 {
            product.splats
        } else if product.splats.is_empty() {
            vec![]
        } else {
            return None;
        },
    ))
}

/// The root of a sum of squares, which may leave the range.
fn sum_of_squares<'g>(sum: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    match sum.node().op {
        Op::Binary(Binary::Add) | Op::Reduce { kind: Reduce::Sum, .. } | Op::Contract(_) => {
            root_of_squares(sum, facts)
        }
        _ => None,
    }
}

/// A norm or a hypotenuse, as the library writes them.
fn is_root(e: Expr<'_>) -> bool {
    if let Op::Broadcast(_) = e.node().op {
        return args(e).next().is_some_and(is_root);
    }
    let scaled =
        args(e).nth(1).filter(|s| e.node().op == Op::Select && s.node().op == Op::Binary(Binary::Mul));
    scaled.is_some_and(|s| {
        args(s).any(|r| r.node().op == Op::Unary(Unary::Sqrt)) && args(s).any(|r| r.node().op == Op::Select)
    })
}

/// `Π f / (constant · hᵈ)`, also of a sum of such products along axes.
fn quotient<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (above, below) = pair(expr)?;
    let (mut roots, constant, splats) = roots(below, facts)?;
    if !constant.is_normal() {
        return None;
    }
    let outer = Product::of(above)?;
    // Each factor is divided by the root of its own squares, if there is one.
    let divided = |product: &Product<'g>, roots: &mut Vec<Expr<'g>>| -> Vec<Expr<'g>> {
        let over = |f: &Expr<'g>| {
            let own = roots.iter().position(|root| speaks_of(*root, *f, 7));
            match own.or_else(|| roots.len().checked_sub(1)).map(|at| roots.remove(at)) {
                Some(root) => *f / root,
                None => *f,
            }
        };
        product.factors.iter().map(over).collect()
    };
    let sum = match outer.factors.as_slice() {
        [sum] => match reduction(*sum, Reduce::Sum) {
            Some((inner, axes)) => Some((inner, axes)),
            None => dot(*sum),
        },
        _ => None,
    };
    let value = match sum {
        Some((inner, axes)) => {
            let kept: Vec<usize> = (0..inner.shape().rank()).filter(|a| !axes.contains(a)).collect();
            let term = Product::of(inner)?;
            if term.factors.len() < roots.len() {
                return None;
            }
            let mut wide: Vec<Expr<'g>> =
                roots.drain(..).map(|r| r.broadcast_along(&kept, &inner.shape())).collect();
            let factors = divided(&term, &mut wide);
            outer.with([term.with(factors.into_iter(), inner)?.sum(axes)].into_iter(), expr)?
        }
        None => {
            if outer.factors.iter().any(|f| is_root(*f)) {
                return None;
            }
            let factors = divided(&outer, &mut roots);
            let product = match factors.is_empty() {
                true => expr.graph().full(expr.dtype(), expr.shape(), outer.constant),
                false => outer.with(factors.into_iter(), expr)?,
            };
            roots.drain(..).fold(product, |p, root| p / root)
        }
    };
    let value = splats.iter().fold(value, |v, (splat, over)| {
        let splat = splat.graph().leaf(splat.node().op.clone(), v.dtype(), v.shape());
        if *over { v / splat } else { v * splat }
    });
    Some(if constant == 1.0 { value } else { value / constant })
}

/// True where `f` is a part of `root`.
fn speaks_of<'g>(root: Expr<'g>, f: Expr<'g>, depth: usize) -> bool {
    root == f || depth.checked_sub(1).is_some_and(|deeper| args(root).any(|e| speaks_of(e, f, deeper)))
}

/// A contraction with all of a row as a sum of products.
fn dot(e: Expr<'_>) -> Option<(Expr<'_>, Vec<usize>)> {
    let Op::Contract(spec) = &e.node().op else { return None };
    let (x, y) = pair(e)?;
    let axes: Vec<usize> = (0..spec.lhs.len()).filter(|i| !spec.out.contains(&spec.lhs[*i])).collect();
    let left: Vec<u8> = spec.lhs.iter().copied().filter(|l| spec.out.contains(l)).collect();
    (spec.lhs == spec.rhs && left == spec.out).then(|| (x * y, axes))
}

/// The root of `x²`, `x²/y`, `x²/y²` and of sums of squares, perhaps scaled.
fn root<'g>(v: Expr<'g>, facts: &Known<'g>, depth: usize) -> Option<Expr<'g>> {
    let deeper = depth.checked_sub(1)?;
    let known = |e: Expr<'g>| facts.of(e).positive() && e.as_constant().is_some();
    match v.node().op {
        Op::Reduce { .. } | Op::Contract(_) => root_of_squares(v, facts),
        Op::Binary(Binary::Mul) => {
            let (a, b) = pair(v)?;
            match () {
                () if a == b => Some(a.abs()),
                () if known(a) => Some(a.sqrt() * root(b, facts, deeper)?),
                () if known(b) => Some(root(a, facts, deeper)? * b.sqrt()),
                () => Some(root(a, facts, deeper)? * root(b, facts, deeper)?),
            }
        }
        Op::Binary(Binary::Div) => {
            let (a, b) = pair(v)?;
            let below = root(b, facts, deeper);
            let above = if known(a) { a.sqrt() } else { root(a, facts, deeper)? };
            Some(
                above
                    / below
                        .or_else(|| (known(b) || is_splat(b) || facts.of(b).positive()).then(|| b.sqrt()))?,
            )
        }
        _ => None,
    }
}

/// `log(1 + x²)`.
fn log1p_square<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let over = |v: Expr<'g>| match pair(v).filter(|_| v.node().op == Op::Binary(Binary::Div)) {
        // A divisor of unknown sign stays a divisor.
        Some((a, b)) if !is_splat(b) && root(b, facts, DEPTH).is_none() => {
            Some((root(a, facts, DEPTH)?, Some(b)))
        }
        _ => Some((root(v, facts, DEPTH)?, None)),
    };
    let (size, divisor) = over(v)?;
    if facts.of(size).high <= LARGE || has_select(size) {
        return None;
    }
    let large = size.gt(LARGE);
    let small = large.select(0.0, size);
    let big = large.select(size, 1.0).log();
    let (square, far) = match divisor {
        Some(b) => (small * small / b, (2.0 * big + large.select(1.0 / b, 1.0).log()).softplus()),
        None => (small * small, 2.0 * big),
    };
    Some(large.select(far, square.log1p()))
}

/// What the rule itself is made of.
fn has_select(size: Expr<'_>) -> bool {
    let mut at = size;
    for _ in 0..4 {
        match at.node().op {
            Op::Select => return args(at).nth(1).and_then(Expr::as_constant) == Some(0.0),
            Op::Unary(Unary::Abs) | Op::Binary(Binary::Div) => match args(at).next() {
                Some(x) => at = x,
                None => return false,
            },
            Op::Binary(Binary::Mul) => match args(at).find(|e| e.as_constant().is_none()) {
                Some(x) => at = x,
                None => return false,
            },
            _ => return false,
        }
    }
    false
}

/// `(Σ|x|ᵖ)^(1/p)`.
fn p_norm<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (base, power) = match expr.node().op {
        Op::Unary(Unary::Sqrt) => {
            let inner = args(expr).next()?;
            let (scaled, k) = if inner.node().op == Op::Unary(Unary::Sqrt) {
                (args(inner).next()?, 0.25)
            } else {
                (inner, 0.5)
            };
            (scaled, k)
        }
        _ => (pair(expr)?.0, pair(expr)?.1.as_constant()?),
    };
    let outer = Product::of(base)?;
    let [sum] = outer.factors.as_slice() else { return None };
    let (inner, axes) = reduction(*sum, Reduce::Sum)?;
    let (x, p) = monomial(inner)?;
    if p <= 2.0
        || (p * power - 1.0).abs() > 1e-6
        || outer.constant <= 0.0
        || bounded(x, facts)
        || is_scaled(x)
    {
        return None;
    }
    let norm = stable::p_norm(x, p, axes);
    let root = |e: Expr<'g>| e.pow(power);
    let norm = if outer.constant == 1.0 { norm } else { outer.constant.powf(power) * norm };
    Some(outer.splats.iter().fold(norm, |n, (splat, above)| {
        let splat = root(splat.graph().leaf(splat.node().op.clone(), n.dtype(), n.shape()));
        if *above { n * splat } else { n / splat }
    }))
}

/// `x` and `p` of `|x|ᵖ`, also as a product.
fn monomial(inner: Expr<'_>) -> Option<(Expr<'_>, f64)> {
    let (mut at, mut p) = (inner, 1.0);
    for _ in 0..DEPTH {
        match pair(at) {
            Some((x, c)) if at.node().op == Op::Binary(Binary::Pow) => {
                p *= c.as_constant()?;
                at = x;
            }
            Some((x, y)) if at.node().op == Op::Binary(Binary::Mul) && x == y => {
                p *= 2.0;
                at = x;
            }
            Some(_) if at.node().op == Op::Binary(Binary::Mul) => {
                // Three factors and more, some of them sizes.
                let all = Product::of(at)?;
                let bare = |f: Expr<'_>| match f.node().op {
                    Op::Unary(Unary::Abs) => args(f).next().map_or(f.id(), Expr::id),
                    _ => f.id(),
                };
                let same =
                    all.constant == 1.0 && all.factors.iter().all(|f| bare(*f) == bare(all.factors[0]));
                let count = all.factors.len();
                let sized = all.factors.iter().any(|f| f.node().op == Op::Unary(Unary::Abs));
                if !same || (!sized && count % 2 == 1) {
                    return None;
                }
                return Some((at.graph().expr(bare(all.factors[0])), p * count as f64));
            }
            _ => break,
        }
    }
    let sized = at.node().op == Op::Unary(Unary::Abs);
    let x = if sized { args(at).next()? } else { at };
    (p > 1.0 && (sized || p % 2.0 == 0.0)).then_some((x, p))
}

/// `√(x²/y²)` and `√(Σx²·Σy²)`.
fn root_of_quotient<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let (a, b) = pair(v).filter(|_| matches!(v.node().op, Op::Binary(Binary::Div | Binary::Mul)))?;
    if a == b || a.as_constant().is_some() || is_splat(b) || is_splat(a) {
        return None;
    }
    let (x, y) = (root(a, facts, DEPTH)?, root(b, facts, DEPTH)?);
    Some(if v.node().op == Op::Binary(Binary::Div) { x / y } else { x * y })
}

/// `y - y·(x/h)²` of `h = hypot(x, c)`.
fn complement<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (y, part) = pair(expr)?;
    let (whole, mut share) = (Product::of(y)?, Product::of(part)?);
    if whole.splats.len() + share.splats.len() > 0 || whole.constant != share.constant {
        return None;
    }
    let quotients: Vec<Expr<'g>> =
        share.factors.iter().copied().filter(|f| f.node().op == Op::Binary(Binary::Div)).collect();
    let quotient = *quotients.first()?;
    let (x, root) = pair(quotient)?;
    let (a, b) = super::cancellation::legs_of(root)?;
    let other = if a == x { b } else { Some(a).filter(|_| b == x)? };
    for factor in [quotient, quotient].iter().chain(&whole.factors) {
        share.factors.remove(share.factors.iter().position(|e| e == factor)?);
    }
    let rest = other / root;
    share.factors.is_empty().then(|| y * (rest * rest))
}
