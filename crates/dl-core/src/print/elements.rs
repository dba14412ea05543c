//! Formulas of single elements, with an index for every axis: `z[b,j] = Σ_i x[b,i]·w[i,j]`.

use crate::graph::{Graph, Node, NodeId};
use crate::ops::{Binary, Contraction, Op, Reduce, Scatter};
use crate::print::form::{Along, Form, Reader, Subscript};
use crate::print::formula::{self, Equation, Notation};
use crate::print::index::{another, indices_beside};
use crate::print::piece::Piece;
use crate::print::roots::{Root, Roots};

/// Values that a line may be written of; a longer one is written of arrays.
const LONGEST: usize = 500;
/// Operations within operations at most.
const DEEPEST: usize = 100;

/// What stands at an axis.
#[derive(Clone)]
enum Index {
    Letter(String),
    /// An element of an array of indices, `y[b]`, and the letters in it.
    Element(Piece, Vec<String>),
}

/// The equations for the roots, of elements where their values can be written so, and as [`formula::equations`] does
/// where not. No index is one of the names.
pub(super) fn equations(
    roots: &mut Roots<'_>,
    names: &[String],
    notation: &mut impl Notation,
) -> Vec<Equation> {
    let Some(graph) = roots.graph else { return vec![] };
    let of = |root: &Root| {
        let reader = Reader { graph, roots };
        let mut draft = Draft { graph, reader, names, notation: &mut *notation, left: LONGEST, depth: 0 };
        draft.equation(root)
    };
    let written: Option<Vec<Equation>> = roots.list.iter().map(of).collect();
    written.unwrap_or_else(|| formula::equations(roots, notation))
}

struct Draft<'a, 'g, N> {
    graph: &'g Graph,
    reader: Reader<'a, 'g>,
    names: &'a [String],
    notation: &'a mut N,
    left: usize,
    depth: usize,
}

impl<N: Notation> Draft<'_, '_, N> {
    fn equation(&mut self, root: &Root) -> Option<Equation> {
        let letters = indices_beside(&self.graph.get(root.id).shape, self.names);
        let at: Vec<Index> = letters.into_iter().map(Index::Letter).collect();
        let right = self.inside(root.id, &at)?;
        let left = match &root.name {
            Some(name) => {
                let array = self.notation.name(name);
                Some(self.at(&array, &at)?)
            }
            None => None,
        };
        Some(Equation { left, update: root.update, right })
    }

    /// An element of a value: by the value's name, if it has one.
    fn element(&mut self, id: NodeId, at: &[Index]) -> Option<Piece> {
        let name = match &self.graph.get(id).op {
            Op::Input(name) | Op::Parameter(name) => Some(name.clone()),
            _ => self.reader.roots.name(id).cloned(),
        };
        match name {
            Some(name) => {
                let array = self.notation.name(&name);
                self.at(&array, at)
            }
            None => self.inside(id, at),
        }
    }

    /// An element of an array that is written as a whole.
    fn at(&mut self, array: &Piece, at: &[Index]) -> Option<Piece> {
        if at.is_empty() {
            return Some(array.clone());
        }
        let subscript = |index: &Index| match index {
            Index::Letter(letter) => Subscript::Letter(letter.clone()),
            Index::Element(..) => Subscript::Operand(vec![]),
        };
        let mut operands = vec![array];
        operands.extend(at.iter().filter_map(|index| match index {
            Index::Letter(_) => None,
            Index::Element(piece, _) => Some(piece),
        }));
        // Subscripts have one operand at most.
        (operands.len() <= 2)
            .then(|| self.notation.compose(&Form::At(at.iter().map(subscript).collect()), &operands))
    }

    /// An element of what a node computes.
    fn inside(&mut self, id: NodeId, at: &[Index]) -> Option<Piece> {
        self.left = self.left.checked_sub(1)?;
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let piece = self.operation(id, at);
        self.depth -= 1;
        piece
    }

    fn operation(&mut self, id: NodeId, at: &[Index]) -> Option<Piece> {
        let node = self.graph.get(id);
        let arg = |i: usize| node.args[i];
        let (form, operands) = self.reader.recognize(&node);
        match &node.op {
            Op::Constant(_) | Op::Extent(_) => Some(self.notation.compose(&form, &[])),
            Op::Broadcast(axes) => {
                let own: Vec<Index> = axes.iter().map(|axis| at[*axis].clone()).collect();
                self.element(arg(0), &own)
            }
            Op::Reshape if form == Form::Same => {
                let mut long = node.shape.iter().zip(at).filter(|(dim, _)| !dim.is_one()).map(|(_, at)| at);
                let from = self.graph.get(arg(0));
                let own = from.shape.iter().map(|dim| match dim.is_one() {
                    true => Some(Index::Letter("0".into())),
                    false => long.next().cloned(),
                });
                let own: Vec<Index> = own.collect::<Option<_>>()?;
                self.element(arg(0), &own)
            }
            Op::Permute(axes) => {
                let mut own = at.to_vec();
                axes.iter().zip(at).for_each(|(from, index)| own[*from] = index.clone());
                self.element(arg(0), &own)
            }
            _ if form == Form::Same => self.element(arg(0), at),
            Op::Binary(_) if matches!(form, Form::Mean { .. }) => {
                let Form::Mean { count, .. } = form else { return None };
                // The sum of which it is a share.
                let sum = self.reader.visible(arg(0));
                let Op::Reduce { axes, .. } = &self.graph.get(sum).op else { return None };
                let (x, own, indices) = self.within(sum, axes, at);
                let x = self.element(x, &own)?;
                Some(self.notation.compose(&Form::Mean { indices, count }, &[&x]))
            }
            Op::Binary(_) | Op::Unary(_) | Op::Select | Op::Cast if !matches!(form, Form::Along { .. }) => {
                let (form, args) = match form {
                    Form::Square => (Form::Square, &node.args[..1]),
                    Form::Elementwise => (Form::Binary(Binary::Mul), &node.args[..]),
                    form => (form, &node.args[..]),
                };
                let xs: Vec<Piece> = args.iter().map(|x| self.element(*x, at)).collect::<Option<_>>()?;
                Some(self.notation.compose(&form, &xs.iter().collect::<Vec<_>>()))
            }
            Op::Reduce { kind, axes } => {
                let (x, own, indices) = self.within(id, axes, at);
                let x = self.element(x, &own)?;
                Some(self.notation.compose(&Form::Reduce { kind: *kind, indices }, &[&x]))
            }
            Op::LogSumExp(axes) => {
                let (x, own, indices) = self.within(id, axes, at);
                let x = self.element(x, &own)?;
                Some(self.notation.compose(&Form::Along { function: Along::LogSumExp, indices }, &[&x]))
            }
            Op::Contract(contraction) if !matches!(form, Form::Correlation { .. }) => {
                self.contraction(contraction, &node, at)
            }
            Op::Gather { axis, batch } => {
                let many = self.graph.get(arg(1)).shape.rank() - batch;
                let of: Vec<Index> = [&at[..*batch], &at[*axis..axis + many]].concat();
                let index = Index::Element(self.element(arg(1), &of)?, letters(&of));
                let own = [&at[..*axis], &[index], &at[axis + many..]].concat();
                self.element(arg(0), &own)
            }
            Op::Scatter { kind: Scatter::Add, .. } if form == Form::OneHot => {
                let (last, before) = at.split_last()?;
                let Index::Letter(letter) = last else { return None };
                let (letter, labels) =
                    (self.notation.compose(&Form::Name(letter.as_str().into()), &[]), *operands.last()?);
                let label = self.element(labels, before)?;
                let same = self.notation.compose(&Form::Binary(Binary::Eq), &[&letter, &label]);
                let hit = self.notation.compose(&Form::Indicator, &[&same]);
                match operands.len() {
                    1 => Some(hit),
                    _ => {
                        let factor = self.element(operands[0], before)?;
                        Some(self.notation.compose(&Form::Binary(Binary::Mul), &[&factor, &hit]))
                    }
                }
            }
            Op::Iota(axis) => match &at[*axis] {
                Index::Letter(letter) => Some(Piece::atom(letter)),
                Index::Element(piece, _) => Some(piece.clone()),
            },
            _ => {
                let array = self.array(id)?;
                self.at(&array, at)
            }
        }
    }

    /// The value as it is written of arrays; none if that takes several lines.
    fn array(&mut self, id: NodeId) -> Option<Piece> {
        let mut equations = formula::equations(&mut Roots::unnamed(&[self.graph.expr(id)]), self.notation);
        let equation = equations.pop().filter(|e| e.left.is_none() && equations.is_empty())?;
        Some(equation.right)
    }

    /// What a reduction reads, with indices of its own along the axes that disappear, and these.
    fn within(&self, id: NodeId, axes: &[usize], at: &[Index]) -> (NodeId, Vec<Index>, Vec<String>) {
        let x = self.graph.get(id).args[0];
        let shape = &self.graph.get(x).shape;
        let (mut rest, mut own, mut new) = (at.iter(), vec![], vec![]);
        let mut taken = self.taken(at);
        for (axis, dim) in shape.iter().enumerate() {
            if axes.contains(&axis) {
                let letter = another(dim, axis, &taken);
                taken.push(letter.clone());
                new.push(letter.clone());
                own.push(Index::Letter(letter));
            } else {
                own.extend(rest.next().cloned());
            }
        }
        (x, own, new)
    }

    fn contraction(&mut self, c: &Contraction, node: &Node, at: &[Index]) -> Option<Piece> {
        let mut by: Vec<(u8, Index)> = c.out.iter().copied().zip(at.iter().cloned()).collect();
        let (mut taken, mut new) = (self.taken(at), vec![]);
        let left = self.graph.get(node.args[0]).shape.clone();
        for label in c.summed() {
            let axis = c.lhs.iter().position(|l| *l == label)?;
            let letter = another(&left[axis], axis, &taken);
            taken.push(letter.clone());
            new.push(letter.clone());
            by.push((label, Index::Letter(letter)));
        }
        let own = |labels: &[u8]| -> Option<Vec<Index>> {
            let index = |label: &u8| by.iter().find(|(own, _)| own == label).map(|(_, index)| index.clone());
            labels.iter().map(index).collect()
        };
        let x = self.element(node.args[0], &own(&c.lhs)?)?;
        let y = self.element(node.args[1], &own(&c.rhs)?)?;
        let is_square = node.args[0] == node.args[1] && c.lhs == c.rhs;
        Some(match is_square {
            true => self.sum(new, &Form::Square, &[&x]),
            false => self.sum(new, &Form::Binary(Binary::Mul), &[&x, &y]),
        })
    }

    /// What a new index may not be called.
    fn taken(&self, at: &[Index]) -> Vec<String> {
        [self.names, &letters(at)].concat()
    }

    fn sum(&mut self, indices: Vec<String>, form: &Form, xs: &[&Piece]) -> Piece {
        let product = self.notation.compose(form, xs);
        match indices.is_empty() {
            true => product,
            false => self.notation.compose(&Form::Reduce { kind: Reduce::Sum, indices }, &[&product]),
        }
    }
}

fn letters(at: &[Index]) -> Vec<String> {
    let of = |index: &Index| match index {
        Index::Letter(letter) => vec![letter.clone()],
        Index::Element(_, letters) => letters.clone(),
    };
    at.iter().flat_map(of).collect()
}
