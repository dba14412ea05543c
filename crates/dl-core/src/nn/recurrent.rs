//! Recurrent layers: Elman's network, LSTM and GRU, stacked, in both directions, for ragged lengths.

use crate::dtype::DType;
use crate::graph::{Expr, Graph, Role};
use crate::nn::{Init, Mode, dropout, require_float};
use crate::ops::scan::{Scan, Scanned};

/// A recurrent layer with options.
///
/// Declares for each layer `k`, in PyTorch's order of gates, `{path}.weight_ih_l{k}` `[in, gates·hidden]`,
/// `{path}.weight_hh_l{k}` `[hidden, gates·hidden]`, `{path}.bias_ih_l{k}` and `{path}.bias_hh_l{k}`
/// `[gates·hidden]`, all uniform on `±1/√hidden`; those of the direction from the end have `_reverse` behind
/// their names. (PyTorch's weights are the transposes.)
///
/// ```
/// use dl_core::nn::{Mode, Recurrent};
/// use dl_core::{F32, Graph, Named};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), Named("T"), 8));
/// let run = Recurrent::lstm(16).layers(2).bidirectional().apply(x, "lstm", Mode::Evaluate);
/// assert_eq!(run.outputs.shape().to_string(), "[B, T, 32]");
/// assert_eq!((run.hidden.len(), run.cells.len()), (4, 4));
/// assert_eq!(g.parameters().len(), 16);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent {
    cell: Cell,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    bias: bool,
    dropout: f64,
    checkpointed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Tanh,
    Relu,
    Lstm,
    Gru,
}

/// What a recurrent layer is given besides its inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a, 'g> {
    /// The first hidden states `[B, hidden]`, for each layer one for each direction; zeros if empty.
    pub hidden: &'a [Expr<'g>],
    /// The first cells of an LSTM, in the same way.
    pub cells: &'a [Expr<'g>],
    /// How many steps each sequence has (`i64`, `[B]`); what comes later is left out. All, if none.
    pub lengths: Option<Expr<'g>>,
}

/// The results of a recurrent layer.
#[derive(Clone, Debug)]
pub struct Recurrence<'g> {
    /// The last layer's hidden states `[B, T, hidden]`, with both directions one after the other
    /// `[B, T, 2·hidden]`; 0 beyond a sequence's length.
    pub outputs: Expr<'g>,
    /// The hidden states `[B, hidden]` after the last step, for each layer one for each direction.
    pub hidden: Vec<Expr<'g>>,
    /// The cells of an LSTM, in the same way.
    pub cells: Vec<Expr<'g>>,
}

/// Elman's network, `h_t = tanh(x_t·W + h_{t-1}·U + b)`: all hidden states `[B, T, hidden]` of sequences
/// `[B, T, in]` from zeros. [`Recurrent`] has options.
///
/// Elman: "Finding structure in time", Cognitive Science 14, 1990.
///
/// # Errors
/// Recorded when `x` holds no floats, is not `[B, T, in]` or the size of its last axis is not known.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28));
/// assert_eq!(nn::rnn(x, "rnn", 64).shape().to_string(), "[B, 28, 64]");
/// ```
#[track_caller]
pub fn rnn<'g>(x: Expr<'g>, path: &str, hidden: usize) -> Expr<'g> {
    Recurrent::rnn(hidden).apply(x, path, Mode::Evaluate).outputs
}

/// Long short-term memory: all hidden states `[B, T, hidden]` of sequences `[B, T, in]` from zeros.
/// [`Recurrent`] has options.
///
/// `c_t = f ⊙ c_{t-1} + i ⊙ g`, `h_t = o ⊙ tanh(c_t)`, where `i`, `f` and `o` are sigmoids and `g` is the
/// hyperbolic tangent of `x_t·W + h_{t-1}·U + b`, each of its own.
///
/// Hochreiter, Schmidhuber: "Long short-term memory", Neural Computation 9, 1997; Gers, Schmidhuber, Cummins:
/// "Learning to forget", Neural Computation 12, 2000.
///
/// # Errors
/// As for [`rnn`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28));
/// let last = nn::lstm(x, "lstm", 128).slice(1, 27, 28).reshape((Named("B"), 128));
/// assert_eq!(nn::dense(last, "fc", 10).shape().to_string(), "[B, 10]");
/// ```
#[track_caller]
pub fn lstm<'g>(x: Expr<'g>, path: &str, hidden: usize) -> Expr<'g> {
    Recurrent::lstm(hidden).apply(x, path, Mode::Evaluate).outputs
}

/// Gated recurrent units: all hidden states `[B, T, hidden]` of sequences `[B, T, in]` from zeros.
/// [`Recurrent`] has options.
///
/// `h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}`, where `r` and `z` are sigmoids of `x_t·W + h_{t-1}·U + b`, each of its
/// own, and `n = tanh(x_t·W + b + r ⊙ (h_{t-1}·U + b′))`.
///
/// Cho et al.: "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, in PyTorch's form.
///
/// # Errors
/// As for [`rnn`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), Named("T"), 8));
/// assert_eq!(nn::gru(x, "gru", 16).shape().to_string(), "[B, T, 16]");
/// ```
#[track_caller]
pub fn gru<'g>(x: Expr<'g>, path: &str, hidden: usize) -> Expr<'g> {
    Recurrent::gru(hidden).apply(x, path, Mode::Evaluate).outputs
}

impl Recurrent {
    fn new(cell: Cell, hidden: usize) -> Recurrent {
        let (layers, bidirectional, bias, dropout) = (1, false, true, 0.0);
        Recurrent { cell, hidden, layers, bidirectional, bias, dropout, checkpointed: false }
    }

    /// Elman's network; see [`rnn`].
    pub fn rnn(hidden: usize) -> Recurrent {
        Recurrent::new(Cell::Tanh, hidden)
    }

    /// Long short-term memory; see [`lstm`].
    pub fn lstm(hidden: usize) -> Recurrent {
        Recurrent::new(Cell::Lstm, hidden)
    }

    /// Gated recurrent units; see [`gru`].
    pub fn gru(hidden: usize) -> Recurrent {
        Recurrent::new(Cell::Gru, hidden)
    }

    /// Elman's network with ReLU in place of the hyperbolic tangent; other cells stay as they are.
    pub fn relu(self) -> Recurrent {
        let cell = if self.cell == Cell::Tanh { Cell::Relu } else { self.cell };
        Recurrent { cell, ..self }
    }

    /// This number of layers, each over the outputs of the one before.
    pub fn layers(self, layers: usize) -> Recurrent {
        Recurrent { layers, ..self }
    }

    /// In both directions, each with weights of its own.
    pub fn bidirectional(self) -> Recurrent {
        Recurrent { bidirectional: true, ..self }
    }

    /// Without biases.
    pub fn without_bias(self) -> Recurrent {
        Recurrent { bias: false, ..self }
    }

    /// In training, dropout of this probability on the outputs of all layers but the last.
    pub fn dropout(self, p: f64) -> Recurrent {
        Recurrent { dropout: p, ..self }
    }

    /// With memory for as many steps as the square root of their number, and one more pass forward in
    /// reverse mode; see [`Scan::checkpointed`].
    pub fn checkpointed(self) -> Recurrent {
        Recurrent { checkpointed: true, ..self }
    }

    /// The layer at `path` over sequences `[B, T, in]`, from zeros.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str, mode: Mode) -> Recurrence<'g> {
        self.apply_to(x, path, mode, Given::default())
    }

    /// The layer at `path` over sequences `[B, T, in]`, with first states and lengths.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, is not `[B, T, in]` or the size of its last axis is not known; when
    /// there is no layer; and when states or lengths do not fit.
    #[track_caller]
    pub fn apply_to<'g>(&self, x: Expr<'g>, path: &str, mode: Mode, given: Given<'_, 'g>) -> Recurrence<'g> {
        let g = x.graph();
        let layer = g.library_layer(self.cell.name(), path);
        if let Err(why) = self.check(x, given) {
            let poison = if x.is_poison() { x } else { g.fail(format!("{} {path} {why}", self.cell.name())) };
            return self.poisoned(poison);
        }
        if let Err(poison) = require_float(&format!("{} {path}", self.cell.name()), x) {
            return self.poisoned(poison);
        }
        let mask = given.lengths.map(|lengths| steps_within(x, lengths));
        let (mut outputs, mut hidden, mut cells) = (x, vec![], vec![]);
        for index in 0..self.layers {
            if index > 0 {
                outputs = dropout(outputs, self.dropout, mode);
            }
            if outputs.is_poison() {
                return self.poisoned(outputs);
            }
            let mut directions = vec![];
            for direction in 0..self.directions() {
                let state = index * self.directions() + direction;
                let suffix = if direction == 0 { "" } else { "_reverse" };
                let own = format!("l{index}{suffix}");
                let first = |states: &[Expr<'g>]| {
                    let zeros = || g.full(x.dtype(), [x.shape()[0].clone(), self.hidden.into()], 0.0);
                    states.get(state).copied().unwrap_or_else(zeros)
                };
                let mut init = vec![first(given.hidden)];
                if self.cell == Cell::Lstm {
                    init.push(first(given.cells));
                }
                let run = self.scan(outputs, (path, &own), &init, direction == 1, mask);
                directions.push(run.outputs[0]);
                hidden.push(run.finals[0]);
                cells.extend(run.finals.get(1));
            }
            outputs = g.concat(2, &directions);
        }
        Recurrence { outputs: layer.output(outputs), hidden, cells }
    }

    fn poisoned<'g>(&self, poison: Expr<'g>) -> Recurrence<'g> {
        let states = self.layers * self.directions();
        let cells = if self.cell == Cell::Lstm { states } else { 0 };
        Recurrence { outputs: poison, hidden: vec![poison; states], cells: vec![poison; cells] }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    fn check(&self, x: Expr<'_>, given: Given<'_, '_>) -> Result<(), String> {
        let shape = x.shape();
        if shape.rank() != 3 || shape[2].size().is_none() {
            return Err(format!("of {shape}: [B, T, in] with a known size of the last axis is needed"));
        }
        if self.layers == 0 {
            return Err("of no layers: at least 1 is needed".into());
        }
        let states = self.layers * self.directions();
        let cells = if self.cell == Cell::Lstm { states } else { 0 };
        let want = crate::Shape::from([shape[0].clone(), self.hidden.into()]);
        for (what, given, number) in [("hidden states", given.hidden, states), ("cells", given.cells, cells)]
        {
            if !given.is_empty() && given.len() != number {
                return Err(format!("with {} first {what}: {number} are needed", given.len()));
            }
            if let Some(wrong) = given.iter().find(|e| !e.is_poison() && e.shape() != want) {
                return Err(format!("with first {what} of {}: {want} is needed", wrong.shape()));
            }
        }
        match given.lengths.filter(|l| !l.is_poison()) {
            Some(l) if l.dtype() != DType::I64 || l.shape() != crate::Shape::from([shape[0].clone()]) => {
                Err(format!("with lengths {} {}: i64 [{}] is needed", l.dtype(), l.shape(), shape[0]))
            }
            _ => Ok(()),
        }
    }

    /// One layer in one direction.
    #[track_caller]
    fn scan<'g>(
        &self,
        x: Expr<'g>,
        (path, own): (&str, &str),
        init: &[Expr<'g>],
        reverse: bool,
        mask: Option<Expr<'g>>,
    ) -> Scanned<'g> {
        let (g, dtype, n) = (x.graph(), x.dtype(), self.hidden);
        let inputs = x.shape()[2].size().unwrap_or_default();
        let width = self.cell.gates() * n;
        let bound = if n == 0 { 0.0 } else { 1.0 / (n as f64).sqrt() };
        let uniform = || if n == 0 { Init::Zeros } else { Init::Uniform { low: -bound, high: bound } };
        let parameter = |role: Role, name: &str, shape: &[usize]| {
            g.parameter_as(role, &format!("{path}.{name}_{own}"), dtype, shape, uniform())
        };
        let w = parameter(Role::WEIGHT, "weight_ih", &[inputs, width]);
        let u = parameter(Role::WEIGHT, "weight_hh", &[n, width]);
        let bias = |name: &str| parameter(Role::Other, name, &[width]);
        let biases = self.bias.then(|| [bias("bias_ih"), bias("bias_hh")]);
        // One product for all steps; the bias of the state joins it where it is only added.
        let mut from_inputs = x.dot(w);
        let mut inside = None;
        if let Some([own, of_state]) = biases {
            match self.cell {
                Cell::Gru => {
                    from_inputs = from_inputs + own;
                    inside = Some(of_state);
                }
                _ => from_inputs = from_inputs + (own + of_state),
            }
        }
        let mut scan = Scan::along(1);
        if reverse {
            scan = scan.reverse();
        }
        if self.checkpointed {
            scan = scan.checkpointed();
        }
        let sequences: Vec<Expr<'g>> = std::iter::once(from_inputs).chain(mask).collect();
        scan.run(g, &sequences, init, |carries, elements| {
            let from_state = carries[0].dot(u);
            let from_state = inside.map_or(from_state, |bias| from_state + bias);
            let next = self.cell.step(elements[0], from_state, carries, n);
            match elements.get(1) {
                None => {
                    let output = next[0];
                    (next, [output])
                }
                Some(mask) => {
                    let here = mask.broadcast_along(&[0], &next[0].shape());
                    let kept = next.iter().zip(carries).map(|(new, old)| here.select(*new, *old)).collect();
                    (kept, [here.select(next[0], 0.0)])
                }
            }
        })
    }
}

/// Which steps of `[B, T]` belong to the sequences.
#[track_caller]
fn steps_within<'g>(x: Expr<'g>, lengths: Expr<'g>) -> Expr<'g> {
    let shape: crate::Shape = [x.shape()[0].clone(), x.shape()[1].clone()].into();
    let g: &Graph = x.graph();
    g.iota(DType::I64, 1, shape.clone()).lt(lengths.broadcast_along(&[0], &shape))
}

impl Cell {
    fn name(self) -> &'static str {
        match self {
            Cell::Tanh | Cell::Relu => "rnn",
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }

    fn gates(self) -> usize {
        match self {
            Cell::Tanh | Cell::Relu => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// The next carries from what inputs and state contribute to the gates.
    #[track_caller]
    fn step<'g>(self, x: Expr<'g>, h: Expr<'g>, carries: &[Expr<'g>], n: usize) -> Vec<Expr<'g>> {
        let gate = |of: Expr<'g>, k: usize| of.slice(1, k * n, (k + 1) * n);
        match self {
            Cell::Tanh => vec![(x + h).tanh()],
            Cell::Relu => vec![(x + h).relu()],
            Cell::Lstm => {
                let z = x + h;
                let (i, f, o) = (gate(z, 0).sigmoid(), gate(z, 1).sigmoid(), gate(z, 3).sigmoid());
                let c = f * carries[1] + i * gate(z, 2).tanh();
                vec![o * c.tanh(), c]
            }
            Cell::Gru => {
                let r = (gate(x, 0) + gate(h, 0)).sigmoid();
                let z = (gate(x, 1) + gate(h, 1)).sigmoid();
                let new = (gate(x, 2) + r * gate(h, 2)).tanh();
                vec![(1.0 - z) * new + z * carries[0]]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::faults;
    use crate::{F32, I64, Named};
    use expect_test::expect;

    const B: Named = Named("B");

    #[test]
    fn misuse_is_recorded_at_its_line() {
        let g = Graph::new();
        let (x, h) = (g.input("x", F32, (B, 5, 3)), g.input("h", F32, (B, 4)));
        lstm(h, "a", 4);
        rnn(g.input("n", I64, (B, 5, 3)), "b", 4);
        let layer = Recurrent::gru(4).layers(2);
        layer.apply_to(x, "c", Mode::Train, Given { hidden: &[h], ..Given::default() });
        let wrong = Given { hidden: &[h, x.sum(2)], ..Given::default() };
        layer.apply_to(x, "d", Mode::Train, wrong);
        layer.apply_to(x, "e", Mode::Train, Given { lengths: Some(h), ..Given::default() });
        Recurrent::lstm(4).layers(0).apply(x, "f", Mode::Train);
        Recurrent::lstm(4).layers(2).dropout(1.0).apply(x, "g", Mode::Train);
        expect![[r#"
            lstm a of [B, 4]: [B, T, in] with a known size of the last axis is needed
            rnn b needs a float (f32 or f64), got i64 [B, 5, 3]: cast it first
            gru c with 1 first hidden states: 2 are needed
            gru d with first hidden states of [B, 5]: [B, 4] is needed
            gru e with lengths f32 [B, 4]: i64 [B] is needed
            lstm f of no layers: at least 1 is needed
            dropout with p = 1: a probability in [0, 1) is needed"#]]
        .assert_eq(&faults(&g));
    }

    #[test]
    fn parameters_start_as_in_pytorch() {
        let g = Graph::new();
        Recurrent::gru(400).apply(g.input("x", F32, (B, 5, 300)), "gru", Mode::Train);
        for decl in g.parameter_decls() {
            let v = decl.sample(3).expect("it has a first value").to_f64();
            let largest = v.iter().fold(0f64, |m, x| m.max(x.abs()));
            assert!(largest <= 0.05 && largest > 0.0495, "{}: {largest}", decl.name);
        }
    }
}
