//! Markers: identities that speak to the compiler, and the request for a gradient.

use serde::{Deserialize, Serialize};

use crate::graph::{Expr, Node};
use crate::ops::{Op, Signature, random};

/// What an author may declare about a value; a rewrite may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// No element is negative.
    NonNegative,
    /// Every element is above zero.
    Positive,
    /// No element is infinite or NaN.
    Finite,
    /// Along the last axis the elements sum to one, and none is negative.
    Distribution,
}

impl Fact {
    /// The name in listings.
    pub fn name(self) -> &'static str {
        match self {
            Fact::NonNegative => "non_negative",
            Fact::Positive => "positive",
            Fact::Finite => "finite",
            Fact::Distribution => "distribution",
        }
    }
}

pub(crate) fn signature(op: &Op, args: &[&Node]) -> Result<Signature, String> {
    let x = args[0];
    match op {
        Op::Grad => {
            let wrt = args[1];
            if x.shape.rank() != 0 || !x.dtype.is_float() {
                return Err(format!(
                    "grad of {} {}: a float scalar is needed, sum or average it first",
                    x.dtype, x.shape
                ));
            }
            if !wrt.dtype.is_float() {
                return Err(format!("grad with respect to {}: only floats have gradients", wrt.dtype));
            }
            Ok((wrt.dtype, wrt.shape.clone()))
        }
        Op::Variable(id) if *id > random::LAST => {
            Err(format!("variable {id}: the last one is {}", random::LAST))
        }
        Op::Assume(fact) if !x.dtype.is_float() => {
            Err(format!("{} is declared of {}, not of floats", fact.name(), x.dtype))
        }
        Op::Assume(Fact::Distribution) if x.shape.rank() == 0 => {
            Err("a scalar has no axis to sum to one".into())
        }
        _ => Ok((x.dtype, x.shape.clone())),
    }
}

impl<'g> Expr<'g> {
    /// The same value, a constant to differentiation.
    #[track_caller]
    pub fn stop_gradient(self) -> Expr<'g> {
        self.apply(Op::StopGradient, &[])
    }

    /// The same value with a declared fact, which the compiler may rely on and a checking run verifies.
    #[track_caller]
    pub fn assume(self, fact: Fact) -> Expr<'g> {
        self.apply(Op::Assume(fact), &[])
    }

    /// The gradients of `self`, a float scalar, with respect to each of `wrt`; zero where `self`
    /// does not depend on it. A request that is resolved when the program is compiled, after the
    /// objective has been made stable; gradients can be differentiated again.
    #[track_caller]
    pub fn grad(self, wrt: &[Expr<'g>]) -> Vec<Expr<'g>> {
        let own = self.beside_all(wrt);
        let (objective, variables) = self.graph().isolate(self, &own);
        let mut gradients = Vec::with_capacity(wrt.len());
        for variable in variables {
            gradients.push(objective.apply(Op::Grad, &[variable]));
        }
        gradients
    }
}
