//! Whose a parameter is: the model's, one training step's, or that of an optimizer with a name.

use serde::{Deserialize, Serialize};

use crate::dim::Name;
use crate::dtype::DType;
use crate::graph::{Expr, Graph, ParameterDecl};
use crate::init::Init;
use crate::shape::Shape;

/// Which training steps of a session may update a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Owner {
    /// All of them: weights.
    #[default]
    Model,
    /// All of them: state of layers such as running statistics, which no objective trains.
    State,
    /// One: the moments of an optimizer without a name.
    Step,
    /// Those whose optimizer has this name and these settings.
    Optimizer {
        /// As given to [`Scoped`](crate::nn::Scoped).
        name: Name,
        /// What `Debug` says of the optimizer.
        settings: Name,
    },
}

impl Owner {
    /// True for what belongs to the model.
    pub fn is_model(&self) -> bool {
        *self == Owner::Model
    }

    /// True for two optimizers of one name and different settings.
    pub fn differs(&self, other: &Owner) -> bool {
        matches!((self, other), (Owner::Optimizer { .. }, Owner::Optimizer { .. })) && self != other
    }

    /// What is wrong where `state` belongs to two optimizers of one name.
    pub fn conflict(&self, other: &Owner, state: &str) -> String {
        match (self, other) {
            (Owner::Optimizer { settings: old, .. }, Owner::Optimizer { name, settings }) => {
                format!("optimizer {name} is {settings} here, before {old}: {state} has one optimizer")
            }
            _ => format!("{state} has two owners"),
        }
    }
}

/// The optimizer with a name whose updates are being made.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) name: Name,
    pub(crate) settings: Name,
    /// Whether its updates have asked for their number.
    pub(crate) counts: bool,
}

impl Graph {
    /// Runs `build` for an optimizer with a name; the number of its updates, if that was asked for.
    pub(crate) fn scoped<'g, R>(&'g self, scope: Scope, build: impl FnOnce() -> R) -> (R, Option<Expr<'g>>) {
        let before = self.inner.borrow_mut().scope.replace(scope);
        let result = build();
        let counts = self.inner.borrow().scope.as_ref().is_some_and(|scope| scope.counts);
        let count = counts.then(|| self.optimizer_step());
        self.inner.borrow_mut().scope = before;
        (result, count)
    }

    /// The name of an optimizer's state, and whose it is.
    pub(crate) fn scoped_name(&self, state: &str) -> (String, Owner) {
        match &self.inner.borrow().scope {
            None => (state.to_owned(), Owner::Step),
            Some(Scope { name, settings, .. }) => {
                let owner = Owner::Optimizer { name: name.clone(), settings: settings.clone() };
                (format!("{name}.{state}"), owner)
            }
        }
    }

    /// The number of finished updates that a schedule goes by: the session's steps, or those of the
    /// optimizer with a name.
    #[track_caller]
    pub(crate) fn optimizer_step(&self) -> Expr<'_> {
        let name = match &mut self.inner.borrow_mut().scope {
            None => None,
            Some(scope) => {
                scope.counts = true;
                Some(format!("step({})", scope.name))
            }
        };
        let Some(name) = name else { return self.step() };
        let owner = self.scoped_name("").1;
        let decl = ParameterDecl::new(&name, DType::I64, Shape::scalar(), Init::Zeros);
        self.declare(ParameterDecl { trainable: false, owner, ..decl })
    }
}
