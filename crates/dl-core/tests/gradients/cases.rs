//! What is differentiated: one case or more for every op and every row of the tables.

use dl_core::ops::binary::BINARY;
use dl_core::ops::scan::{Scan, Scanned};
use dl_core::ops::unary::UNARY;
use dl_core::ops::{Binary, Cumulative, Order, Prefix, Scatter, Unary};
use dl_core::{Expr, F32, F64, Fact, Graph, I64, Named, Shape, Tensor};

use super::library::Case;
use super::library::elementwise::{binary, unary};

const B: Named = Named("B");

fn case(
    name: &str,
    shapes: &[Shape],
    range: (f64, f64),
    function: impl for<'g> Fn(&[Expr<'g>]) -> Expr<'g> + 'static,
) -> Case {
    let input = |case: Case, (i, shape): (usize, &Shape)| case.over(&format!("x{i}"), shape, range);
    shapes.iter().enumerate().fold(super::library::case(name, function), input)
}

/// A case of one input of `[2, 3]`.
fn one(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, &[[2, 3].into()], (-1.5, 1.5), move |x| function(x[0]))
}

/// A case of two inputs.
fn two<const N: usize, const M: usize>(
    name: &str,
    (a, b): ([usize; N], [usize; M]),
    function: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g> + 'static,
) -> Case {
    case(name, &[a.into(), b.into()], (0.2, 1.7), move |x| function(x[0], x[1]))
}

pub(crate) fn all() -> Vec<Case> {
    let mut all = elementwise();
    all.extend(tables());
    all.extend(reductions());
    all.extend(contractions());
    all.extend(movements());
    all.extend(indexing());
    all.extend(scans());
    all.extend(running());
    all.extend(selections());
    all
}

fn tables() -> Vec<Case> {
    let mut all = vec![];
    for row in UNARY.iter().filter(|row| row.derivative.is_some()) {
        let range = match row.op {
            Unary::Log | Unary::Sqrt | Unary::Log2 | Unary::Lgamma | Unary::Digamma => (0.2, 2.0),
            Unary::Asin | Unary::Acos | Unary::Erfinv => (-0.9, 0.9),
            Unary::Tan => (-0.9, 1.2),
            _ => (-0.9, 1.9),
        };
        all.push(case(row.name, &[[2, 3].into()], range, move |x| unary(row.op, x[0])));
    }
    for row in BINARY.iter().filter(|row| row.derivative.is_some()) {
        let has_order = matches!(row.op, Binary::Ierfcx | Binary::Polygamma);
        all.push(two(row.name, ([2, 3], [2, 3]), move |x, y| {
            // Orders are whole numbers.
            binary(row.op, if has_order { (2.0 * x).floor() } else { x }, y)
        }));
    }
    all
}

fn elementwise() -> Vec<Case> {
    vec![
        one("of one value twice", |x| x * x / (x + 3.0)),
        two("broadcast operands", ([2, 3], [3]), |x, y| x * y),
        two("broadcast size-one axes", ([2, 1], [1, 3]), |x, y| x / y),
        one("pow with a constant", |x| x.pow(3.0)),
        two("select", ([2, 3], [2, 3]), |x, y| x.gt(1.0).select(x.exp() * y, y.sin())),
        two("select in select", ([2, 3], [2, 3]), |x, y| {
            x.gt(1.0).select(y.gt(1.0).select(x * x, y / x), x.lt(0.5).select(x.log(), y.sqrt() * x))
        }),
        one("clip", |x| x.clip(-1.0, 0.5).exp()),
        one("cast", |x| (x.cast(F32).sin() * 2.0).cast(F64)),
        one("with_gradient", |x| x.exp().with_gradient(&[x], |c| [c * x.exp()])),
        one("with_gradient of its own value", |x| {
            let y = x.exp();
            y.with_gradient(&[x], |c| [c * y]).square()
        }),
        two("with_gradient of two variables", ([2, 3], [3]), |a, b| {
            (a * b).sum(1).with_gradient(&[a, b], |c| {
                let c = c.unsqueeze(1);
                [c * b, (c * a).sum(0)]
            })
        }),
        one("assume", |x| (x * x).assume(Fact::NonNegative).exp()),
        one("stop_gradient stops one of two ways", |x| x.exp() + x.argmax(1).cast(F64).sum(..)),
        one("a gradient inside", |x| {
            let inner = (x.sin() * x).sum(..).grad(&[x])[0];
            inner * x
        }),
        one("a gradient by an inner value", |x| {
            let y = x.exp();
            (y.sin() * y * x).sum(..).grad(&[y])[0] * x
        }),
        one("a gradient by several dependent values", |x| {
            let y = x.exp();
            let gradients = (y.sin() * y * x).sum(..).grad(&[y, x]);
            gradients[0] * gradients[1]
        }),
        one("the length of a gradient", |x| {
            let slope = (x.sin() * x.sum(..)).sum(..).grad(&[x])[0];
            (slope * slope).sum(..).sqrt()
        }),
        one("forward mode inside", |x| (x.sin() * x).jvp(&[x], &[x * x]) + x),
    ]
}

fn reductions() -> Vec<Case> {
    let cube = |name, f: for<'g> fn(Expr<'g>) -> Expr<'g>| {
        case(name, &[[2, 3, 2].into()], (-1.5, 1.5), move |x| f(x[0]))
    };
    let mut all = vec![
        cube("sum along the middle", |x| x.sum([1])),
        cube("sum along the outer two", |x| x.sum([0, 2])),
        cube("mean of all", |x| x.mean(..)),
        cube("prod along the first", |x| x.prod([0])),
        cube("prod along the middle", |x| x.prod([1])),
        cube("prod along the outer two", |x| x.prod([0, 2])),
        cube("prod of all", |x| x.prod(..)),
        cube("logsumexp along the middle", |x| x.logsumexp([1])),
        cube("logsumexp of all", |x| x.logsumexp(..)),
        cube("log_softmax along the first", |x| x.log_softmax(0)),
        cube("log_softmax along the outer two", |x| x.log_softmax([0, 2]).square()),
        case("log_softmax along a named axis", &[(B, 2).into()], (-1.5, 1.5), |x| x[0].log_softmax(0)),
        cube("max along the last", |x| x.max([2])),
        cube("max along the outer two", |x| x.max([0, 2])),
        cube("min of all", |x| x.min(..)),
        case("prod along a named axis", &[(B, 2).into()], (-1.5, 1.5), |x| x[0].prod([0])),
        case("prod along one named axis of two", &[(2, B).into()], (-1.5, 1.5), |x| x[0].prod([1])),
        case("mean along a named axis", &[(B, 2).into()], (-1.5, 1.5), |x| x[0].mean([0])),
    ];
    for size in [1usize, 2, 4, 7] {
        all.push(case(&format!("prod of {size}"), &[[size].into()], (-1.5, 1.5), |x| x[0].prod([0])));
    }
    all
}

fn contractions() -> Vec<Case> {
    vec![
        two("matrix product", ([2, 3], [3, 4]), |x, y| x.dot(y)),
        two("matrix and vector", ([2, 3], [3]), |x, y| x.dot(y)),
        two("inner product", ([5], [5]), |x, y| x.dot(y)),
        two("outer product", ([2], [3]), |x, y| x.contract("i,j->ij", y)),
        two("products in step", ([2, 3, 2], [2, 2, 3]), |x, y| x.dot(y)),
        two("axes out of order", ([2, 3, 4], [4, 2, 5]), |x, y| x.contract("abc,cad->dba", y)),
        two("rows in step", ([2, 3], [2, 3]), |x, y| x.contract("ab,ab->b", y)),
        one("of one value twice", |x| x.dot(x.transpose())),
        case("along a named axis", &[(B, 3).into(), (B, 2).into()], (-1.0, 1.0), |x| {
            x[0].contract("bi,bo->io", x[1])
        }),
    ]
}

fn movements() -> Vec<Case> {
    vec![
        one("reshape", |x| x.reshape([3, 2])),
        case("permute", &[[2, 3, 4].into()], (-1.0, 1.0), |x| x[0].permute(&[2, 0, 1])),
        one("broadcast in front", |x| x.broadcast_to(&[4, 2, 3].into())),
        one("broadcast in the middle", |x| x.broadcast_along(&[0, 2], &[2, 5, 3].into())),
        one("slice", |x| x.slice(1, 1, 3)),
        case("slice by a stride", &[[7].into()], (-1.0, 1.0), |x| x[0].slice_by(0, 1, 7, 3)),
        case("slice of a named axis", &[(B, 2).into()], (-1.0, 1.0), |x| {
            let length = x[0].shape()[0].clone();
            x[0].slice(0, 1, length)
        }),
        one("pad", |x| x.pad(0, 2, 1, 3.0)),
        one("flip", |x| x.flip([0, 1])),
        two("concat", ([2, 3], [2, 1]), |x, y| x.graph().concat(1, &[x, y, x])),
    ]
}

fn indices<'g>(graph: &'g Graph, shape: &[usize], values: &[i64]) -> Expr<'g> {
    graph.literal(Tensor::new(shape, values.to_vec()).expect("as many as the shape says"))
}

fn indexing() -> Vec<Case> {
    vec![
        one("gather rows", |x| x.gather(0, indices(x.graph(), &[2, 2], &[1, 0, 1, 1]))),
        one("gather columns", |x| x.gather(1, indices(x.graph(), &[4], &[2, 2, 0, 2]))),
        one("pick", |x| x.pick(indices(x.graph(), &[2], &[2, 0]))),
        one("scatter_add", |x| x.scatter_add(1, 0, indices(x.graph(), &[3], &[1, 3, 1]), &[2, 4].into())),
        one("scatter_add in step", |x| {
            x.scatter_add(1, 1, indices(x.graph(), &[2, 3], &[0, 0, 1, 1, 1, 1]), &[2, 2].into())
        }),
        one("one_hot", |x| x.graph().iota(I64, 0, [2]).one_hot(F64, 3) * x),
        one("sort along the first", |x| x.sort(0, Order::Descending)),
        one("sort along the last", |x| x.sort(1, Order::Ascending)),
        case("sort along the middle", &[[2, 3, 2].into()], (-1.0, 1.0), |x| x[0].sort(1, Order::Ascending)),
        case("unfold", &[[2, 7].into()], (-1.0, 1.0), |x| x[0].unfold(1, 3, 1, 2)),
        case("unfold by a stride", &[[7, 2].into()], (-1.0, 1.0), |x| x[0].unfold(0, 3, 2, 1)),
        case("unfold of a named axis", &[(B, 2).into()], (-1.0, 1.0), |x| x[0].unfold(0, 2, 1, 1)),
        case("fold", &[[7].into()], (-1.0, 1.0), |x| {
            // The gradient of an unfolding is a fold of what it is multiplied by.
            let windows = x[0].unfold(0, 3, 2, 1);
            (windows * windows.sin()).sum(..).grad(&[x[0]])[0]
        }),
    ]
}

/// A recurrence with a product, a bias and an elementwise part, batch first.
fn recurrent<'g>(scan: &Scan, x: &[Expr<'g>]) -> Scanned<'g> {
    let (inputs, hidden, bias) = (x[1], x[2], x[3]);
    let start = x[4].broadcast_to(&[2, 2].into());
    scan.run(x[0].graph(), &[x[0]], &[start, x[4].sum(..)], |carry, x| {
        let h = (x[0].dot(inputs) + carry[0].dot(hidden) + bias).tanh();
        let all = carry[1] * 0.5 + (h * x[0].sum(1).unsqueeze(1)).sum(..);
        ([h, all], [h.exp() * carry[0], carry[0] * bias])
    })
}

fn recurrence(name: &str, steps: usize, scan: Scan) -> Vec<Case> {
    let shapes: [Shape; 5] = [[2, steps, 2].into(), [2, 2].into(), [2, 2].into(), 2.into(), 2.into()];
    let of = |name: String, pick: for<'a, 'g> fn(&'a Scanned<'g>) -> Expr<'g>| {
        let scan = scan.clone();
        case(&name, &shapes, (-0.8, 0.8), move |x| pick(&recurrent(&scan, x)))
    };
    vec![
        of(format!("{name}: final"), |run| run.finals[0]),
        of(format!("{name}: final scalar"), |run| run.finals[1]),
        of(format!("{name}: history"), |run| run.outputs[0]),
        of(format!("{name}: all"), |run| run.outputs[0].sum(..) * run.outputs[1] + run.finals[1]),
    ]
}

fn scans() -> Vec<Case> {
    let mut all = recurrence("scan", 3, Scan::along(1));
    all.extend(recurrence("scan from the end", 3, Scan::along(1).reverse()));
    all.extend(recurrence("scan recomputed", 3, Scan::along(1).recomputed()));
    // Two segments of three steps, and one of two.
    all.extend(recurrence("scan checkpointed", 8, Scan::along(1).checkpointed()));
    all.extend(recurrence("scan checkpointed from the end", 8, Scan::along(1).reverse().checkpointed()));
    all.push(case("map over blocks", &[[2, 5, 2].into(), 2.into()], (-0.8, 0.8), |x| {
        x[0].graph().map_blocks(1, 2, &[x[0]], |block| [(block[0] * x[1]).sin() * block[0].sum(..)])[0]
    }));
    // Of scans inside each other, the inner one over what the outer one has of each row.
    for outer in [Scan::along(0), Scan::along(0).recomputed()] {
        all.push(case("scan of scans", &[[3, 2].into(), 2.into()], (-0.8, 0.8), move |x| {
            let g = x[0].graph();
            let run = outer.run(g, &[x[0]], &[x[1].sum(..)], |carry, row| {
                let inner = g.scan(0, row, &[carry[0]], |h, e| {
                    let next = (h[0] * e[0] + x[1].sum(..) * carry[0]).sin();
                    ([next], [next * carry[0]])
                });
                ([inner.finals[0]], [inner.outputs[0]])
            });
            run.outputs[0] * run.finals[0]
        }));
    }
    all.push(case("gradient in a body", &[[3].into(), ().into()], (-0.8, 0.8), |x| {
        let g = x[0].graph();
        let run = g.scan(0, &[x[0]], &[x[1]], |theta, e| {
            let j = (theta[0] * e[0]).sin() + x[0].square().sum(..) * theta[0].square();
            ([theta[0] - 0.1 * j.grad(&[theta[0]])[0]], [j.grad(&[x[0]])[0]])
        });
        run.outputs[0].sum(..) + run.finals[0]
    }));
    all
}

/// Cumulative operations in both directions, with and without the place itself.
fn running() -> Vec<Case> {
    let mut all = vec![];
    for kind in Cumulative::ALL.iter().copied() {
        for (reverse, exclusive) in [(false, false), (true, false), (false, true), (true, true)] {
            let prefix = Prefix { reverse, exclusive };
            let name = format!("{}, reverse {reverse}, exclusive {exclusive}", kind.name());
            all.push(case(&name, &[[2, 4, 2].into()], (-1.5, 1.5), move |x| {
                let y = x[0].cumulative(kind, 1, prefix);
                // The value of nothing may be infinite.
                let from = usize::from(exclusive && !reverse);
                if exclusive { y.slice(1, from, from + 3) } else { y }
            }));
        }
        all.push(case(
            &format!("{} of a named axis", kind.name()),
            &[(2, B).into()],
            (-1.5, 1.5),
            move |x| x[0].cumulative(kind, -1, Prefix::INCLUSIVE),
        ));
    }
    all.push(one("cumprod with zeros", |x| (x * holes(x)).cumprod(1)));
    all.push(one("cumprod with zeros from behind", |x| {
        (x * holes(x)).cumulative(Cumulative::Prod, 1, Prefix::INCLUSIVE.reverse())
    }));
    all.push(one("logcumsumexp of far apart", |x| (x * 40.0).logcumsumexp(1)));
    for reverse in [false, true] {
        let name = format!("linear_recurrence, reverse {reverse}");
        all.push(two(&name, ([2, 4], [2, 4]), move |x, y| (x - 1.0).linear_recurrence(1, reverse, y)));
    }
    all
}

/// 0 in the middle column, 1 elsewhere.
fn holes(x: Expr<'_>) -> Expr<'_> {
    x.graph().iota(F64, 1, x.shape()).ne(1.0).cast(F64)
}

fn selections() -> Vec<Case> {
    let mut all = vec![
        one("top_k", |x| x.top_k(2, 1, Order::Descending).0),
        one("top_k along the first", |x| x.top_k(1, 0, Order::Ascending).0),
        one("take_along_axis", |x| {
            x.take_along_axis(0, indices(x.graph(), &[3, 3], &[1, 0, 0, 1, 1, 0, 0, 0, 1]))
        }),
        one("index", |x| {
            x.index(&[indices(x.graph(), &[3], &[1, 0, 1]), indices(x.graph(), &[3], &[2, 0, 2])])
        }),
        one("tile", |x| x.tile(&[2, 3])),
        one("repeat", |x| x.repeat(1, 2)),
        one("roll", |x| x.roll(1, 2)),
        one("diff", |x| x.diff(1)),
        one("tril", |x| x.tril(0)),
        one("triu", |x| x.triu(1)),
        case("diagonal", &[[3, 2, 3].into()], (-1.0, 1.0), |x| x[0].diagonal(0, 2)),
        two("stack", ([2, 3], [2, 3]), |x, y| x.graph().stack(1, &[x, y, x])),
        case("einsum of three", &[[2, 3].into(), [3, 4].into(), [4, 2].into()], (-1.0, 1.0), |x| {
            x[0].graph().einsum("ij,jk,kl", x)
        }),
        case("einsum with diagonals", &[[3, 2, 3].into(), [3].into()], (-1.0, 1.0), |x| {
            x[0].graph().einsum("iji,i->j", x)
        }),
        case("einsum with broadcasting", &[[2, 1, 3].into(), [4, 3].into()], (-1.0, 1.0), |x| {
            x[0].graph().einsum("...i,...i->i...", x)
        }),
    ];
    for kind in [Scatter::Add, Scatter::Set, Scatter::Max, Scatter::Min] {
        all.push(two(&format!("scatter {kind:?}"), ([3, 3], [3, 3]), move |x, y| {
            x.scatter(kind, 0, indices(x.graph(), &[3], &[1, 0, 1]), y)
        }));
        all.push(two(&format!("scatter {kind:?} of columns"), ([2, 4], [2, 3, 1]), move |x, y| {
            x.scatter(kind, 1, indices(x.graph(), &[3, 1], &[1, 0, 1]), y)
        }));
        all.push(two(&format!("scatter {kind:?} along an axis"), ([3, 3], [3, 3]), move |x, y| {
            let i = indices(x.graph(), &[3, 3], &[1, 0, 1, 0, 0, 1, 1, 1, 1]);
            x.scatter_along_axis(kind, 0, i, y)
        }));
        all.push(two(&format!("index_put {kind:?}"), ([2, 3], [2, 2]), move |x, y| {
            let i = [indices(x.graph(), &[2, 1], &[1, 1]), indices(x.graph(), &[2], &[2, 0])];
            x.index_put(kind, &i, y)
        }));
    }
    all
}
