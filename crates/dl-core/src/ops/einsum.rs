//! Einsums of any number of operands, as contractions of two in the cheapest order.

use std::fmt;
use std::str::FromStr;

use crate::dim::Dim;
use crate::graph::{Expr, Graph};
use crate::ops::{Contraction, Op};
use crate::shape::Shape;

/// Which axes of operands go together: a letter for each, as in `"bi,io->bo"`.
///
/// A letter that stands twice in one operand takes its diagonal. Letters that the result lacks are
/// summed over. Without `->`, the result has the letters that occur once, in alphabetical order.
/// `...` stands for any axes; those of several operands are aligned at the end and broadcast.
///
/// ```
/// use dl_core::{Shape, ops::Einsum};
/// let chain: Einsum = "ab,bc,cd->ad".parse()?;
/// let order = chain.order(&[[2, 50].into(), [50, 3].into(), [3, 40].into()])?;
/// assert_eq!(order.to_string(), "\
/// ab,bc,cd->ad
///   ab,bc->ac   of 1 and 2: 300 products
///   ac,cd->ad   of (1,2) and 3: 240 products
/// ");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Einsum {
    operands: Vec<Vec<Letter>>,
    /// Without `->`, nothing.
    out: Option<Vec<Letter>>,
}

/// A letter, or the axes that `...` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Named(u8),
    Rest,
}

/// In which order an einsum contracts two operands at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    spec: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    /// Places among the operands that are left; the result takes the place of the first.
    of: (usize, usize),
    contraction: Contraction,
    names: (String, String),
    products: f64,
}

/// What a dimension of unknown size counts as, where orders are compared.
const UNKNOWN_SIZE: f64 = 64.0;

/// Up to so many operands, the best of all orders is found; of more, the cheapest contraction comes first.
const EXHAUSTIVE: usize = 8;

impl FromStr for Einsum {
    type Err = String;
    fn from_str(spec: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("einsum {spec:?}: {why}");
        let letters = |text: &str| -> Result<Vec<Letter>, String> {
            let (text, mut letters) = (text.replace(char::is_whitespace, ""), vec![]);
            let mut rest = text.as_str();
            while let Some(first) = rest.bytes().next() {
                if let Some(after) = rest.strip_prefix("...") {
                    if letters.contains(&Letter::Rest) {
                        return Err(bad("... stands twice in one operand"));
                    }
                    letters.push(Letter::Rest);
                    rest = after;
                } else if first.is_ascii_alphabetic() {
                    letters.push(Letter::Named(first));
                    rest = &rest[1..];
                } else {
                    return Err(bad("expected letters, ... and commas, as in \"ab,bc->ac\""));
                }
            }
            Ok(letters)
        };
        let (operands, out) = match spec.split_once("->") {
            Some((operands, out)) => (operands, Some(letters(out)?)),
            None => (spec, None),
        };
        let operands = operands.split(',').map(letters).collect::<Result<Vec<_>, _>>()?;
        for (i, letter) in out.iter().flatten().enumerate() {
            let Letter::Named(l) = letter else { continue };
            let l = char::from(*l);
            if out.iter().flatten().skip(i + 1).any(|other| other == letter) {
                return Err(bad(&format!("{l} occurs twice in the result")));
            }
            if !operands.iter().any(|o| o.contains(letter)) {
                return Err(bad(&format!("{l} of the result occurs in no operand")));
            }
        }
        Ok(Einsum { operands, out })
    }
}

/// An operand on its way: its letters, no two alike, and what it was made of.
#[derive(Clone)]
struct Part {
    letters: Vec<u8>,
    name: String,
}

/// Operands with a letter for each axis, and those of the result.
struct Lettered {
    operands: Vec<Vec<u8>>,
    /// The axes of each operand that have one element and broadcast: they have no letter.
    squeezed: Vec<Vec<usize>>,
    out: Vec<u8>,
    sizes: Vec<(u8, Dim)>,
}

impl Lettered {
    fn size(&self, letter: u8) -> f64 {
        let dim = self.sizes.iter().find(|(l, _)| *l == letter).and_then(|(_, d)| d.size());
        dim.map_or(UNKNOWN_SIZE, |n| n as f64)
    }

    fn product(&self, letters: &[u8]) -> f64 {
        letters.iter().map(|l| self.size(*l)).product()
    }
}

impl Einsum {
    /// In which order operands of these shapes are contracted: the one with the fewest products (each
    /// contraction takes as many as its letters have index tuples), dimensions of unknown size counted
    /// as 64.
    ///
    /// # Errors
    /// When the operands do not fit the letters.
    pub fn order(&self, shapes: &[Shape]) -> Result<Order, String> {
        let lettered = self.lettered(shapes)?;
        let parts = lettered.operands.iter().enumerate().map(|(i, letters)| {
            let mut own: Vec<u8> = vec![];
            letters.iter().filter(|l| needed(**l, i, &lettered.operands, &lettered.out)).for_each(|l| {
                if !own.contains(l) {
                    own.push(*l);
                }
            });
            Part { letters: own, name: (i + 1).to_string() }
        });
        Ok(Order { spec: self.to_string(), steps: steps(&lettered, parts.collect()) })
    }

    /// A letter for each axis, also for those that `...` stands for.
    fn lettered(&self, shapes: &[Shape]) -> Result<Lettered, String> {
        let bad = |why: String| Err(format!("einsum {:?}: {why}", self.to_string()));
        if shapes.len() != self.operands.len() {
            return bad(format!("{} operands are named, {} given", self.operands.len(), shapes.len()));
        }
        let taken: Vec<u8> = self
            .operands
            .iter()
            .flatten()
            .filter_map(|l| if let Letter::Named(l) = l { Some(*l) } else { None })
            .collect();
        let free: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').filter(|l| !taken.contains(l)).collect();
        let ranks = self.operands.iter().zip(shapes).map(|(letters, shape)| {
            if letters.contains(&Letter::Rest) { (shape.rank() + 1).saturating_sub(letters.len()) } else { 0 }
        });
        let ranks: Vec<usize> = ranks.collect();
        let most = ranks.iter().copied().max().unwrap_or(0);
        if most > free.len() {
            return bad("too many axes for the alphabet".into());
        }
        let rest = &free[..most];
        let expand = |letters: &[Letter], rank: usize| -> Vec<u8> {
            letters
                .iter()
                .flat_map(|letter| match letter {
                    Letter::Named(l) => vec![*l],
                    Letter::Rest => rest[most - rank..].to_vec(),
                })
                .collect()
        };
        let (mut operands, mut sizes) = (vec![], Vec::<(u8, Dim)>::new());
        for ((letters, shape), rank) in self.operands.iter().zip(shapes).zip(ranks) {
            let own = expand(letters, rank);
            if own.len() != shape.rank() {
                return bad(format!("operand {} has {} axes: {shape}", operands.len() + 1, shape.rank()));
            }
            for (letter, dim) in own.iter().zip(shape.iter()) {
                match sizes.iter_mut().find(|(l, _)| l == letter) {
                    None => sizes.push((*letter, dim.clone())),
                    Some((_, size)) if size == dim => {}
                    Some((_, size)) if rest.contains(letter) && *size == Dim::Size(1) => *size = dim.clone(),
                    Some(_) if rest.contains(letter) && *dim == Dim::Size(1) => {}
                    Some((_, size)) => {
                        let axis = if rest.contains(letter) {
                            "...".into()
                        } else {
                            char::from(*letter).to_string()
                        };
                        return bad(format!("{axis} has the sizes {size} and {dim}"));
                    }
                }
            }
            operands.push(own);
        }
        let out = match &self.out {
            Some(out) => expand(out, if out.contains(&Letter::Rest) { most } else { 0 }),
            None => {
                let once = |l: &u8| taken.iter().filter(|t| *t == l).count() == 1;
                let mut named: Vec<u8> = taken.iter().copied().filter(once).collect();
                named.sort_unstable();
                rest.iter().copied().chain(named).collect()
            }
        };
        let mut squeezed = vec![];
        for (own, shape) in operands.iter_mut().zip(shapes) {
            let full = |l: u8| sizes.iter().any(|(letter, size)| *letter == l && *size != Dim::Size(1));
            let one = |a: &usize| rest.contains(&own[*a]) && shape[*a] == Dim::Size(1) && full(own[*a]);
            let gone: Vec<usize> = (0..own.len()).filter(one).collect();
            *own = (0..own.len()).filter(|a| !gone.contains(a)).map(|a| own[a]).collect();
            squeezed.push(gone);
        }
        Ok(Lettered { operands, squeezed, out, sizes })
    }
}

/// Whether another operand or the result has the letter of operand `i`.
fn needed(letter: u8, i: usize, operands: &[Vec<u8>], out: &[u8]) -> bool {
    out.contains(&letter) || operands.iter().enumerate().any(|(k, o)| k != i && o.contains(&letter))
}

/// The letters that are left of two parts, and how many products that takes.
fn pair(of: &Lettered, a: &Part, b: &Part, others: &[&Part]) -> (Vec<u8>, f64) {
    let all: Vec<u8> = a
        .letters
        .iter()
        .copied()
        .chain(b.letters.iter().copied().filter(|l| !a.letters.contains(l)))
        .collect();
    let kept = |l: &u8| of.out.contains(l) || others.iter().any(|p| p.letters.contains(l));
    (all.iter().copied().filter(kept).collect(), of.product(&all))
}

/// The contractions that make one part of all.
fn steps(of: &Lettered, mut parts: Vec<Part>) -> Vec<Step> {
    let plan = if parts.len() <= EXHAUSTIVE { best(of, &parts) } else { None };
    let mut plan = plan.unwrap_or_default().into_iter();
    let mut steps = vec![];
    while parts.len() > 1 {
        let (i, j) = plan.next().unwrap_or_else(|| cheapest(of, &parts));
        let (b, a) = (parts.remove(i.max(j)), parts.remove(i.min(j)));
        let others: Vec<&Part> = parts.iter().collect();
        let (mut letters, products) = pair(of, &a, &b, &others);
        if parts.is_empty() {
            letters = of.out.iter().copied().filter(|l| letters.contains(l)).collect();
        }
        let contraction = Contraction { lhs: a.letters, rhs: b.letters, out: letters.clone() };
        let name = format!("({},{})", a.name, b.name);
        steps.push(Step { of: (i.min(j), i.max(j)), contraction, names: (a.name, b.name), products });
        parts.insert(i.min(j), Part { letters, name });
    }
    steps
}

/// The two parts whose contraction takes the fewest products; the smaller result decides between equals.
fn cheapest(of: &Lettered, parts: &[Part]) -> (usize, usize) {
    let pairs = (0..parts.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
    let cost = |&(i, j): &(usize, usize)| {
        let others: Vec<&Part> =
            (0..parts.len()).filter(|k| ![i, j].contains(k)).map(|k| &parts[k]).collect();
        let (letters, products) = pair(of, &parts[i], &parts[j], &others);
        (products, of.product(&letters))
    };
    pairs
        .min_by(|a, b| {
            let (a, b) = (cost(a), cost(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
        .unwrap_or((0, 1))
}

/// The cheapest way to make one part of a set of them, as pairs of places in [`steps`]' list.
fn best(of: &Lettered, parts: &[Part]) -> Option<Vec<(usize, usize)>> {
    let all = (1usize << parts.len()) - 1;
    // For each set of parts: its products, and the subset that is made first.
    let mut found: Vec<Option<(f64, usize)>> = vec![None; all + 1];
    let inside = |set: usize| (0..parts.len()).filter(move |i| set >> i & 1 == 1);
    let letters = |set: usize| {
        let mut letters: Vec<u8> = vec![];
        for i in inside(set) {
            letters.extend(
                parts[i].letters.iter().filter(|l| !letters.contains(l)).copied().collect::<Vec<_>>(),
            );
        }
        let outside = |l: &u8| of.out.contains(l) || inside(all & !set).any(|i| parts[i].letters.contains(l));
        if set.count_ones() > 1 {
            letters.retain(outside);
        }
        letters
    };
    for set in 1..=all {
        if set.count_ones() == 1 {
            found[set] = Some((0.0, 0));
            continue;
        }
        let mut sub = (set - 1) & set;
        while sub > 0 {
            let other = set & !sub;
            // Each split once: the part that has the first operand is named.
            if sub.trailing_zeros() == set.trailing_zeros()
                && let (Some((a, _)), Some((b, _))) = (found[sub], found[other])
            {
                let (mut union, more) = (letters(sub), letters(other));
                union.extend(more.iter().filter(|l| !union.contains(l)).copied().collect::<Vec<_>>());
                let cost = a + b + of.product(&union);
                if found[set].is_none_or(|(c, _)| cost < c) {
                    found[set] = Some((cost, sub));
                }
            }
            sub = (sub - 1) & set;
        }
    }
    // The splits, innermost first.
    let (mut order, mut stack) = (vec![], vec![all]);
    while let Some(set) = stack.pop() {
        if set.count_ones() > 1 {
            let (_, sub) = found[set]?;
            order.push((sub, set & !sub));
            stack.extend([sub, set & !sub]);
        }
    }
    let mut list: Vec<usize> = (0..parts.len()).map(|i| 1 << i).collect();
    let mut pairs = vec![];
    for (a, b) in order.into_iter().rev() {
        let place = |set| list.iter().position(|s| *s == set);
        let (i, j) = (place(a)?, place(b)?);
        pairs.push((i, j));
        list.remove(i.max(j));
        list.remove(i.min(j));
        list.insert(i.min(j), a | b);
    }
    Some(pairs)
}

impl fmt::Display for Einsum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |letters: &[Letter]| -> String {
            let one = |l: &Letter| match l {
                Letter::Named(l) => char::from(*l).to_string(),
                Letter::Rest => "...".into(),
            };
            letters.iter().map(one).collect()
        };
        let operands: Vec<String> = self.operands.iter().map(|o| text(o)).collect();
        write!(f, "{}", operands.join(","))?;
        self.out.as_ref().map_or(Ok(()), |out| write!(f, "->{}", text(out)))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.spec)?;
        for step in &self.steps {
            let (a, b) = &step.names;
            writeln!(f, "  {}   of {a} and {b}: {} products", step.contraction, step.products)?;
        }
        Ok(())
    }
}

impl Graph {
    /// The einsum of one operand or more, by the letters of [`Einsum`]: traces, diagonals, transposes,
    /// sums, and products of any number of arrays, contracted two at a time in the order with the fewest
    /// products ([`Einsum::order`] prints it).
    ///
    /// # Errors
    /// Recorded when the letters are not well-formed, the operands do not fit them, or their element
    /// types are not one type of numbers.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let a = g.literal(Tensor::new([2, 2], vec![1.0, 2.0, 3.0, 4.0])?);
    /// assert_eq!(eval_expr(g.einsum("ii", &[a]), &[])?.item()?, 5.0);
    /// assert_eq!(eval_expr(g.einsum("ij,jk,kl->il", &[a, a, a]), &[])?.to_f64(), [37.0, 54.0, 81.0, 118.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn einsum<'g>(&'g self, spec: &str, operands: &[Expr<'g>]) -> Expr<'g> {
        for operand in operands {
            if self.own(*operand).is_poison() {
                return self.poison();
            }
        }
        let shapes: Vec<Shape> = operands.iter().map(|x| x.shape()).collect();
        let parsed = spec.parse::<Einsum>().and_then(|e| Ok((e.lettered(&shapes)?, e.order(&shapes)?)));
        let (lettered, order) = match parsed {
            Ok(parsed) => parsed,
            Err(message) => return self.fail(message),
        };
        if let Some(wrong) = operands.iter().find(|x| !x.dtype().is_numeric()) {
            return self.fail(format!("einsum of {}: numbers are needed", wrong.dtype()));
        }
        let mut parts: Vec<(Vec<u8>, Expr<'g>)> = Vec::with_capacity(operands.len());
        for (i, (letters, x)) in lettered.operands.iter().zip(operands).enumerate() {
            parts.push(alone(&lettered, i, letters.clone(), *x));
        }
        for step in &order.steps {
            let ((_, b), (_, a)) = (parts.remove(step.of.1), parts.remove(step.of.0));
            let y = a.apply(Op::Contract(step.contraction.clone()), &[b]);
            if y.is_poison() {
                return y;
            }
            parts.insert(step.of.0, (step.contraction.out.clone(), y));
        }
        let (letters, y) = parts.remove(0);
        let axes: Vec<usize> =
            lettered.out.iter().filter_map(|l| letters.iter().position(|own| own == l)).collect();
        y.permute(&axes)
    }
}

/// An operand with its diagonals taken, and summed over letters that nothing else needs.
#[track_caller]
fn alone<'g>(of: &Lettered, i: usize, mut letters: Vec<u8>, mut x: Expr<'g>) -> (Vec<u8>, Expr<'g>) {
    x = x.reshape(x.shape().without(&of.squeezed[i]));
    let twice = |letters: &[u8]| {
        (0..letters.len()).find_map(|b| letters[..b].iter().position(|l| *l == letters[b]).map(|a| (a, b)))
    };
    while let Some((a, b)) = twice(&letters) {
        x = x.diagonal(a as isize, b as isize);
        letters.remove(b);
    }
    let gone: Vec<usize> =
        (0..letters.len()).filter(|a| !needed(letters[*a], i, &of.operands, &of.out)).collect();
    x = x.sum(gone.clone());
    let mut axis = 0;
    letters.retain(|_| {
        axis += 1;
        !gone.contains(&(axis - 1))
    });
    (letters, x)
}
