//! Scans over segments: memory for the square root of the number of steps, and maps over blocks.

use rustc_hash::FxHashMap;

use crate::dim::Dim;
use crate::graph::{Expr, Graph, Node, NodeId, reachable};
use crate::ops::scan::{Scan, Scanned};
use crate::ops::{Op, check_axis};
use crate::shape::Shape;

/// The body of a scan, as it was built for its carries and elements.
struct Body<'g> {
    carries: Vec<Expr<'g>>,
    elements: Vec<Expr<'g>>,
    next: Vec<Expr<'g>>,
    outputs: Vec<Expr<'g>>,
}

impl Scan {
    /// The scan over segments as long as their number: reverse mode keeps the carries between segments, and
    /// has a segment's values while it goes through it.
    #[track_caller]
    pub(super) fn run_by_segments<'g, N, O>(
        &self,
        graph: &'g Graph,
        sequences: &[Expr<'g>],
        init: &[Expr<'g>],
        steps: usize,
        body: impl FnOnce(&[Expr<'g>], &[Expr<'g>]) -> (N, O),
    ) -> Scanned<'g>
    where
        N: AsRef<[Expr<'g>]>,
        O: AsRef<[Expr<'g>]>,
    {
        let axis = self.axis;
        let size = (1..).find(|b: &usize| b.saturating_mul(*b) >= steps).unwrap_or(1);
        let count = steps / size.max(1);
        let rest = steps - count * size;
        // Segments come first, what is left over after them, in the order of the steps.
        let (main, left) = match self.reverse {
            false => ((0, count * size), (count * size, steps)),
            true => ((rest, steps), (0, rest)),
        };
        let mut segments = vec![];
        for x in sequences {
            segments.push(folded(x.slice(axis, main.0, main.1), axis, count.into(), size.into()));
        }
        let plain = Scan { checkpointed: false, ..self.clone() };
        let outer = Scan { again: true, ..plain.clone() };
        let mut built = None;
        let run = outer.run_plain(graph, &segments, init, count.into(), |carries, segment| {
            let run = plain.run_plain(graph, segment, carries, size.into(), |carries, elements| {
                let (next, outputs) = body(carries, elements);
                built = Some(Body {
                    carries: carries.to_vec(),
                    elements: elements.to_vec(),
                    next: next.as_ref().to_vec(),
                    outputs: outputs.as_ref().to_vec(),
                });
                (next, outputs)
            });
            (run.finals, run.outputs)
        });
        let mut outputs = vec![];
        for all in &run.outputs {
            outputs.push(unfolded(*all, axis));
        }
        let Some(built) = built.filter(|_| rest > 0 && graph.check().is_ok()) else {
            return Scanned { finals: run.finals, outputs };
        };
        let mut others = vec![];
        for x in sequences {
            others.push(x.slice(axis, left.0, left.1));
        }
        let end = plain.run_plain(graph, &others, &run.finals, rest.into(), |carries, elements| {
            let old = built.carries.iter().chain(&built.elements);
            let new = carries.iter().chain(elements);
            let there = old.map(|e| e.id()).zip(new.copied()).collect();
            (graph.with(&built.next, &there), graph.with(&built.outputs, &there))
        });
        let mut all = vec![];
        for (main, rest) in outputs.into_iter().zip(end.outputs) {
            let parts = if self.reverse { [rest, main] } else { [main, rest] };
            all.push(graph.concat(axis, &parts));
        }
        Scanned { finals: end.finals, outputs: all }
    }
}

/// An axis of segments as two: which one, and the place in it.
#[track_caller]
fn folded<'g>(x: Expr<'g>, axis: usize, count: Dim, size: Dim) -> Expr<'g> {
    let mut dims = x.shape().to_vec();
    if axis < dims.len() {
        dims.splice(axis..=axis, [count, size]);
    }
    x.reshape(dims)
}

/// The two axes as one again.
#[track_caller]
fn unfolded(x: Expr<'_>, axis: usize) -> Expr<'_> {
    let mut dims = x.shape().to_vec();
    if axis + 1 < dims.len() {
        let both = &dims[axis] * &dims[axis + 1];
        dims.splice(axis..=axis + 1, [both]);
    }
    x.reshape(dims)
}

impl Graph {
    /// Values with others in place of some that they are computed from.
    fn with<'g>(&'g self, values: &[Expr<'g>], there: &FxHashMap<NodeId, Expr<'g>>) -> Vec<Expr<'g>> {
        let mut done: FxHashMap<NodeId, NodeId> = there.iter().map(|(old, new)| (*old, new.id())).collect();
        let roots: Vec<NodeId> = values.iter().map(|e| e.id()).collect();
        for id in reachable(self, &roots) {
            if done.contains_key(&id) {
                continue;
            }
            let node = self.get(id);
            let args: Vec<NodeId> = node.args.iter().map(|a| done[a]).collect();
            let new = if args == node.args {
                id
            } else {
                self.attributed(&self.origin(id), || self.push(Node { args, ..(*node).clone() })).id()
            };
            done.insert(id, new);
        }
        roots.iter().map(|id| self.expr(done[id])).collect()
    }

    /// The same function of each element along an axis, whose values reverse mode computes again instead of
    /// keeping them: memory for one element at a time beside inputs and outputs.
    ///
    /// Shapes: elements are without `axis`, outputs are stacked along it.
    ///
    /// # Errors
    /// As for [`scan`](Graph::scan).
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, [3, 2]);
    /// let sums = g.map(0, &[x], |x| [x[0].square().sum(..)]);
    /// let x = Tensor::new([3, 2], vec![1.0, 2.0, 0.0, 1.0, 3.0, 4.0])?;
    /// assert_eq!(eval_expr(sums[0], &[("x", x)])?.to_f64(), [5.0, 1.0, 25.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn map<'g, O: AsRef<[Expr<'g>]>>(
        &'g self,
        axis: usize,
        sequences: &[Expr<'g>],
        body: impl FnOnce(&[Expr<'g>]) -> O,
    ) -> Vec<Expr<'g>> {
        let scan = Scan::along(axis).recomputed();
        scan.run(self, sequences, &[], |_, elements| ([], body(elements))).outputs
    }

    /// [`map`](Graph::map) over blocks of `size` elements that follow each other along an axis, such as
    /// queries of an attention. Where `size` does not divide their number, the last block is shorter, and
    /// `body` is called for it too.
    ///
    /// Shapes: blocks have `size` elements along `axis`, and so have outputs; these are put together again.
    ///
    /// # Errors
    /// As for [`scan`](Graph::scan), and recorded when a length that has a name is no multiple of `size`.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, [5]);
    /// let lengths = g.map_blocks(0, 2, &[x], |x| [x[0] * 0.0 + x[0].sum(..)]);
    /// let x = Tensor::vector(vec![1.0, 2.0, 3.0, 4.0, 5.0]);
    /// assert_eq!(eval_expr(lengths[0], &[("x", x)])?.to_f64(), [3.0, 3.0, 7.0, 7.0, 5.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn map_blocks<'g, O: AsRef<[Expr<'g>]>>(
        &'g self,
        axis: usize,
        size: usize,
        sequences: &[Expr<'g>],
        body: impl Fn(&[Expr<'g>]) -> O,
    ) -> Vec<Expr<'g>> {
        let (length, count) = match blocks(axis, size, sequences) {
            Ok(found) => found,
            Err(why) => {
                let poison = self.fail(why);
                let elements = vec![poison; sequences.len()];
                return vec![poison; body(&elements).as_ref().len()];
            }
        };
        let whole = &count * &Dim::from(size);
        let (mut main, mut rest) = (vec![], vec![]);
        for x in sequences {
            let x = self.own(*x);
            main.push(folded(x.slice(axis, 0, &whole), axis, count.clone(), size.into()));
            rest.push(x.slice(axis, &whole, &length));
        }
        let outputs = self.map(axis, &main, &body);
        let mut all = vec![];
        for blocks in outputs {
            all.push(unfolded(blocks, axis));
        }
        if whole != length {
            let last = body(&rest);
            for (main, last) in all.iter_mut().zip(last.as_ref()) {
                *main = self.concat(axis, &[*main, *last]);
            }
        }
        all
    }
}

/// How many elements there are, and how many whole blocks of them.
fn blocks(axis: usize, size: usize, sequences: &[Expr<'_>]) -> Result<(Dim, Dim), String> {
    let first: Shape = sequences.first().ok_or("map over blocks of nothing")?.shape();
    for x in sequences.iter().filter(|x| x.node().op != Op::Poison) {
        check_axis("map", axis, &x.shape())?;
    }
    let length = first.get(axis).cloned().unwrap_or(Dim::Size(0));
    let known = length.size().and_then(|n| n.checked_div(size));
    let count = match known {
        Some(count) => Some(Dim::from(count)),
        None => length.exact_div(&Dim::from(size)),
    };
    let why =
        || format!("map over blocks of {size} along axis {axis} of {first}: {size} does not divide {length}");
    Ok((length.clone(), count.ok_or_else(why)?))
}
