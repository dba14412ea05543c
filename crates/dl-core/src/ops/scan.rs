//! Scans: loops over an axis, whose bodies are ordinary nodes of the same graph.
//!
//! `h₀ → h₁ → … → h_T` by the same formula at each step: a recurrence. The body reads the carries of the
//! step before (`Carry`) and the step's part of each sequence (`Element`); the scan itself (`Scan`) knows
//! where carries begin and what each step makes of them. Its results are the last carries (`Final`) and,
//! of any value of the body, the values of all steps along an axis (`Stack`).

use serde::{Deserialize, Serialize};

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Expr, Graph, Node, NodeId};
use crate::ops::{Op, Signature, check_axis, random, required};
use crate::shape::{IntoDim, Shape};

/// What a scan is, apart from what its body computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Loop {
    /// Which carries and elements are its own.
    pub id: u64,
    /// How many steps there are.
    pub length: Dim,
    /// How many carries there are.
    pub carries: usize,
    /// Whether the steps go from the sequences' end to their beginning.
    pub reverse: bool,
    /// Whether reverse mode computes the body again instead of keeping its values: only carries are kept.
    pub again: bool,
}

pub(crate) fn signature(
    op: &Op,
    args: &[&Node],
    declared: Option<(DType, &Shape)>,
) -> Result<Signature, String> {
    match op {
        Op::Carry { scan, .. } => {
            check_id(*scan)?;
            required("carry", declared)
        }
        Op::Element { scan, axis } => {
            check_id(*scan)?;
            check_axis("element", *axis, &args[0].shape)?;
            Ok((args[0].dtype, args[0].shape.without(&[*axis])))
        }
        Op::Scan(scan) => {
            check_id(scan.id)?;
            scan.length.check().map_err(|why| format!("scan of {} steps: {why}", scan.length))?;
            let (first, next) = args.split_at(scan.carries);
            for (k, (first, next)) in first.iter().zip(next).enumerate() {
                check_carry(k, first, next)?;
            }
            Ok((DType::I64, Shape::scalar()))
        }
        Op::Stack(axis) => {
            let Op::Scan(scan) = &args[0].op else {
                return Err(format!("stack of the values of {}, which is no scan", args[0].op.name()));
            };
            let shape = &args[1].shape;
            if *axis > shape.rank() {
                return Err(format!("cannot stack {shape} along axis {axis}: it has {} axes", shape.rank()));
            }
            let mut dims = shape.to_vec();
            dims.insert(*axis, scan.length.clone());
            Ok((args[1].dtype, dims.into()))
        }
        _ => match &args[0].op {
            Op::Scan(_) => required("final", declared),
            other => Err(format!("final of {}, which is no scan", other.name())),
        },
    }
}

fn check_id(id: u64) -> Result<(), String> {
    if id > random::LAST { Err(format!("scan {id}: the last one is {}", random::LAST)) } else { Ok(()) }
}

fn check_carry(k: usize, first: &Node, next: &Node) -> Result<(), String> {
    if first.dtype == next.dtype && first.shape == next.shape {
        return Ok(());
    }
    let (from, to) = ((first.dtype, &first.shape), (next.dtype, &next.shape));
    Err(format!("carry {k} of a scan is {} {} at first and {} {} after a step", from.0, from.1, to.0, to.1))
}

/// A scan with options: steps along an axis of sequences, each from the carries of the one before.
///
/// ```
/// use dl_core::ops::scan::Scan;
/// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let zero = g.constant(F64, 0.0);
/// let from_the_end = Scan::along(0).reverse();
/// let sums = from_the_end.run(&g, &[x], &[zero], |carry, x| ([carry[0] + x[0]], [carry[0] + x[0]]));
/// let value = eval_expr(sums.outputs[0], &[("x", Tensor::vector(vec![1.0, 2.0, 3.0, 4.0]))])?;
/// assert_eq!(value.to_f64(), [10.0, 9.0, 7.0, 4.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    pub(super) axis: usize,
    pub(super) length: Option<Dim>,
    pub(super) reverse: bool,
    pub(super) again: bool,
    pub(super) checkpointed: bool,
}

/// The results of a scan.
#[derive(Clone, Debug)]
pub struct Scanned<'g> {
    /// The carries after the last step, each of the shape of its initial value.
    pub finals: Vec<Expr<'g>>,
    /// The body's outputs of all steps, along the axis of the scan.
    pub outputs: Vec<Expr<'g>>,
}

impl Scan {
    /// Steps along `axis` of the sequences, which is also the axis along which outputs are stacked:
    /// 1 for sequences `[B, T, …]`.
    pub fn along(axis: usize) -> Scan {
        Scan { axis, length: None, reverse: false, again: false, checkpointed: false }
    }

    /// From the last element to the first. Outputs stand at the places of their elements.
    pub fn reverse(self) -> Scan {
        Scan { reverse: true, ..self }
    }

    /// With this number of steps: needed where there is no sequence.
    pub fn length(self, length: impl IntoDim) -> Scan {
        Scan { length: Some(length.into_dim()), ..self }
    }

    /// Reverse mode keeps carries and inputs only, and computes the rest of the body again.
    pub fn recomputed(self) -> Scan {
        Scan { again: true, ..self }
    }

    /// Reverse mode keeps the carries of every √T-th of T steps, and computes the values of the steps
    /// between two of them again when it comes there: memory for about 2·√T steps in place of T, for one more
    /// pass forward. The number of steps has to be known when the graph is built.
    ///
    /// Chen, Xu, Zhang, Guestrin: "Training deep nets with sublinear memory cost", 2016.
    pub fn checkpointed(self) -> Scan {
        Scan { checkpointed: true, ..self }
    }

    /// The scan over `sequences` from `init`; see [`Graph::scan`].
    #[track_caller]
    pub fn run<'g, N, O>(
        &self,
        graph: &'g Graph,
        sequences: &[Expr<'g>],
        init: &[Expr<'g>],
        body: impl FnOnce(&[Expr<'g>], &[Expr<'g>]) -> (N, O),
    ) -> Scanned<'g>
    where
        N: AsRef<[Expr<'g>]>,
        O: AsRef<[Expr<'g>]>,
    {
        let (mut own, mut first) = (vec![], vec![]);
        for sequence in sequences {
            own.push(graph.own(*sequence));
        }
        for value in init {
            first.push(graph.own(*value));
        }
        let steps = self.steps(&own);
        let sound = !own.iter().chain(&first).any(|e| e.is_poison());
        if let (true, true, Ok(length)) = (self.checkpointed, sound, &steps) {
            match length.size() {
                Some(steps) => return self.run_by_segments(graph, &own, &first, steps, body),
                None => {
                    graph.fail(format!("checkpointed scan of {length} steps: a known number is needed"));
                }
            }
        }
        let length = match steps {
            Ok(length) => length,
            Err(why) => {
                graph.fail(why);
                // The body still says how many results there are, and what else is wrong.
                Dim::Size(1)
            }
        };
        self.run_plain(graph, &own, &first, length, body)
    }

    /// The scan step by step.
    #[track_caller]
    pub(super) fn run_plain<'g, N, O>(
        &self,
        graph: &'g Graph,
        sequences: &[Expr<'g>],
        first: &[Expr<'g>],
        length: Dim,
        body: impl FnOnce(&[Expr<'g>], &[Expr<'g>]) -> (N, O),
    ) -> Scanned<'g>
    where
        N: AsRef<[Expr<'g>]>,
        O: AsRef<[Expr<'g>]>,
    {
        let id = graph.next_scan();
        let mut elements = vec![];
        for sequence in sequences {
            let known = sequence.shape().get(self.axis) == Some(&length);
            let element = Op::Element { scan: id, axis: self.axis };
            elements.push(if known { sequence.apply(element, &[]) } else { graph.poison() });
        }
        let mut carries = vec![];
        for (index, value) in first.iter().enumerate() {
            let carry = Op::Carry { scan: id, index };
            let poison = value.is_poison();
            carries.push(if poison { *value } else { graph.leaf(carry, value.dtype(), value.shape()) });
        }
        let (next, outputs) = body(&carries, &elements);
        let (next, outputs) = (next.as_ref(), outputs.as_ref());
        if next.len() != first.len() {
            graph.fail(format!("a scan's body gives {} carries for {}", next.len(), first.len()));
            let poison = graph.poison();
            return Scanned { finals: vec![poison; first.len()], outputs: vec![poison; outputs.len()] };
        }
        let scan = Loop { id, length, carries: first.len(), reverse: self.reverse, again: self.again };
        scan.results(graph, (first, next), (self.axis, outputs))
    }

    /// The number of steps.
    fn steps(&self, sequences: &[Expr<'_>]) -> Result<Dim, String> {
        let mut length = self.length.clone();
        for sequence in sequences.iter().filter(|s| !s.is_poison()) {
            let shape = sequence.shape();
            check_axis("scan", self.axis, &shape)?;
            let own = &shape[self.axis];
            match &length {
                Some(length) if length != own => {
                    let axis = self.axis;
                    return Err(format!(
                        "scan over axis {axis} of {shape}: {own} steps, others say {length}"
                    ));
                }
                _ => length = Some(own.clone()),
            }
        }
        if length.is_none() && sequences.iter().any(|s| s.is_poison()) {
            return Ok(Dim::Size(1));
        }
        length.ok_or_else(|| "scan of no sequence: the number of steps is needed".into())
    }
}

impl Loop {
    /// The node and its results.
    #[track_caller]
    pub(crate) fn results<'g>(
        self,
        graph: &'g Graph,
        (first, next): (&[Expr<'g>], &[Expr<'g>]),
        (axis, outputs): (usize, &[Expr<'g>]),
    ) -> Scanned<'g> {
        let mut args: Vec<NodeId> = first.iter().map(|e| e.id()).collect();
        for value in next {
            args.push(graph.own(*value).id());
        }
        let scan = graph.node(Op::Scan(self), args, None);
        let mut finals = vec![];
        for (k, value) in first.iter().enumerate() {
            finals.push(scan.last(k, *value));
        }
        let mut stacked = vec![];
        for value in outputs {
            stacked.push(scan.apply(Op::Stack(axis), &[*value]));
        }
        Scanned { finals, outputs: stacked }
    }
}

impl<'g> Expr<'g> {
    /// Carry `k` after the last step of this scan, which begins as `first`.
    #[track_caller]
    pub(crate) fn last(self, k: usize, first: Expr<'g>) -> Expr<'g> {
        self.apply_as(Op::Final(k), &[], first.dtype(), first.shape())
    }
}

impl Graph {
    /// A recurrence along an axis: `body` makes the next carries and a step's outputs from the carries of
    /// the step before and from the step's element of each sequence.
    ///
    /// Shapes: sequences have equal sizes along `axis`, and their elements lack it; carries keep the shape
    /// of their initial values; outputs are stacked along `axis`. So sequences `[B, T, F]` with `axis` 1
    /// have elements `[B, F]`, and outputs `[B, H]` become `[B, T, H]`. Values of the body that depend on
    /// no carry and no element are computed once. Random numbers are such values: draw those that differ
    /// from step to step as a sequence.
    ///
    /// [`Scan`] has options: the order of steps, their number where there is no sequence, and what
    /// reverse mode keeps.
    ///
    /// # Errors
    /// Recorded when sequences have different lengths or there is none, when a carry changes shape or
    /// type, or when `body` gives another number of carries. A value of the body that is used outside of
    /// it is reported when the program is compiled.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Named, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, (Named("B"), Named("T")));
    /// // h_t = x_t + h_{t-1} / 2
    /// let h0 = x.slice(1, 0, 1).sum(1) * 0.0;
    /// let run = g.scan(1, &[x], &[h0], |h, x| {
    ///     let next = x[0] + 0.5 * h[0];
    ///     ([next], [next])
    /// });
    /// let x = Tensor::new([1, 3], vec![4.0, 2.0, 1.0])?;
    /// assert_eq!(eval_expr(run.outputs[0], &[("x", x)])?.to_f64(), [4.0, 4.0, 3.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn scan<'g, N, O>(
        &'g self,
        axis: usize,
        sequences: &[Expr<'g>],
        init: &[Expr<'g>],
        body: impl FnOnce(&[Expr<'g>], &[Expr<'g>]) -> (N, O),
    ) -> Scanned<'g>
    where
        N: AsRef<[Expr<'g>]>,
        O: AsRef<[Expr<'g>]>,
    {
        Scan::along(axis).run(self, sequences, init, body)
    }
}
