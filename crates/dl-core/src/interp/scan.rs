//! Scans: the body's nodes once for each step.

use std::borrow::Borrow;

use super::array::{Array, Values};
use super::{Env, eval_node, located};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::graph::{Level, Loop, Node, NodeId, Origin};
use crate::ops::Op;

/// The values of a run so far.
pub(super) struct Run<'a, N> {
    nodes: &'a [N],
    origins: &'a [Origin],
    env: &'a Env,
    pub values: Vec<Option<Array>>,
}

impl<'a, N: Borrow<Node>> Run<'a, N> {
    pub(super) fn new(nodes: &'a [N], origins: &'a [Origin], env: &'a Env) -> Self {
        let mut values = Vec::new();
        values.resize_with(nodes.len(), || None);
        Run { nodes, origins, env, values }
    }

    fn node(&self, id: NodeId) -> &'a Node {
        self.nodes[id.index()].borrow()
    }

    /// Computes one node of a level whose needs are there; a scan with all of its results.
    pub(super) fn evaluate(&mut self, id: NodeId, level: &Level) -> Result<()> {
        let node = self.node(id);
        let at = self.origins.get(id.index());
        match (level.loops.get(&id), &node.op) {
            (Some(scan), _) => self.scan(id, scan),
            (None, Op::Final(_) | Op::Stack(_)) => Ok(()),
            (None, _) => {
                let value = eval_node(node, &self.values, self.env).map_err(|why| located(at, why))?;
                self.values[id.index()] = Some(value);
                Ok(())
            }
        }
    }

    fn scan(&mut self, id: NodeId, own: &Loop) -> Result<()> {
        let Op::Scan(scan) = &self.node(id).op else { unreachable!("only scans have bodies") };
        let steps =
            scan.length.eval(&self.env.dims).map_err(|why| located(self.origins.get(id.index()), why))?;
        let (first, next) = self.node(id).args.split_at(scan.carries);
        let mut carries: Vec<Array> = first.iter().map(|v| self.value(*v).clone()).collect();
        let mut stacked: Vec<Vec<Array>> = vec![vec![]; own.stacks.len()];
        for step in 0..steps {
            let place = if scan.reverse { steps - 1 - step } else { step };
            for leaf in &own.carries {
                let Op::Carry { index, .. } = self.node(*leaf).op else { continue };
                self.values[leaf.index()] = Some(carries[index].clone());
            }
            for leaf in &own.elements {
                let Op::Element { axis, .. } = self.node(*leaf).op else { continue };
                let element = self.value(self.node(*leaf).args[0]).element(axis, place);
                self.values[leaf.index()] = Some(element);
            }
            for node in &own.body.order {
                self.evaluate(*node, &own.body)?;
            }
            for (of, results) in own.stacks.iter().zip(&mut stacked) {
                results.push(self.value(self.node(*of).args[1]).clone());
            }
            carries = next.iter().map(|v| self.value(*v).clone()).collect();
        }
        for of in &own.finals {
            let Op::Final(k) = self.node(*of).op else { continue };
            self.values[of.index()] = Some(carries[k].clone());
        }
        for (of, mut results) in own.stacks.iter().zip(stacked) {
            let node = self.node(*of);
            let Op::Stack(axis) = node.op else { continue };
            if scan.reverse {
                results.reverse();
            }
            let shape = node.shape.eval(&self.env.dims);
            let stacked = shape.and_then(|shape| stack(&results, (node.dtype, shape), axis));
            let stacked = stacked.map_err(|why| located(self.origins.get(of.index()), why))?;
            self.values[of.index()] = Some(stacked);
        }
        self.values[id.index()] = Some(Array { shape: vec![], data: Values::Int(vec![steps as i64]) });
        Ok(())
    }

    fn value(&self, id: NodeId) -> &Array {
        self.values[id.index()].as_ref().expect("a level has what its nodes need")
    }
}

/// Arrays of one shape along a new axis.
pub(crate) fn stack(
    parts: &[Array],
    (dtype, shape): (DType, Vec<usize>),
    axis: usize,
) -> std::result::Result<Array, String> {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let mut data = Values::full(Scalar::of(dtype, 0.0), 0);
    for row in 0..outer {
        for part in parts {
            let place: Vec<usize> = (row * inner..(row + 1) * inner).collect();
            data.extend(&part.data.pick(&place))?;
        }
    }
    Ok(Array { shape, data })
}

impl Array {
    /// The elements at one place along an axis, which disappears.
    pub(crate) fn element(&self, axis: usize, place: usize) -> Array {
        let mut shape = self.shape.clone();
        let length = shape.remove(axis);
        let inner: usize = shape[axis..].iter().product();
        let outer: usize = shape[..axis].iter().product();
        let places: Vec<usize> =
            (0..outer).flat_map(|row| (0..inner).map(move |i| (row * length + place) * inner + i)).collect();
        Array { shape, data: self.data.pick(&places) }
    }
}
