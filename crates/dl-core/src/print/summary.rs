//! Summaries: what layers there are, what they give, and how much of everything.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use crate::dim::Name;
use crate::graph::{Graph, LayerNote, Node, NodeId, Origin, Owner, ParameterDecl};
use crate::ops::Op;
use crate::program::Program;
use crate::shape::Shape;

/// The layers of a graph or program with their sizes; `Display` is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One for each layer, in the order in which layers began, then one for each path of other parameters.
    pub layers: Vec<Row>,
    /// The operations that belong to no layer.
    pub outside: usize,
    /// The number of elements of parameters that objectives train.
    pub trained: usize,
    /// Those of frozen parameters.
    pub frozen: usize,
    /// Those of layers' state, such as running statistics.
    pub state: usize,
    /// Those of optimizers' state.
    pub optimizers: usize,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its path.
    pub path: Name,
    /// What it is; nothing for parameters that no layer declared.
    pub kind: Option<Name>,
    /// The shape of its result, of the last one where it is applied several times.
    pub output: Option<Shape>,
    /// The number of elements of its own parameters, trained or frozen; those of layers in it are not
    /// among them.
    pub parameters: usize,
    /// How many operations belong to it; in a training step, those of its gradient as well.
    pub operations: usize,
}

impl Graph {
    /// The layers that were built so far, with the shapes of their results, the number of their parameters
    /// and of their operations.
    ///
    /// ```
    /// use dl_core::{F32, Graph, Named, nn};
    /// let g = Graph::new();
    /// let x = g.input("x", F32, (Named("B"), 784));
    /// nn::dense(nn::dense(x, "fc1", 128).relu(), "fc2", 10);
    /// assert_eq!(
    ///     g.summary().to_string(),
    ///     "\
    /// layer  kind   output    parameters  operations
    /// fc1    dense  [B, 128]     100,480           3
    /// fc2    dense  [B, 10]        1,290           3
    /// other                                        1
    /// total                      101,770           7
    /// 101,770 trained"
    /// );
    /// ```
    pub fn summary(&self) -> Summary {
        let places = (0..self.len()).map(|i| NodeId(i as u32));
        let nodes: Vec<(Node, Origin)> =
            places.map(|id| ((*self.get(id)).clone(), self.origin(id))).collect();
        let nodes: Vec<(&Node, &Origin)> = nodes.iter().map(|(node, origin)| (node, origin)).collect();
        summary(&nodes, &self.layers(), &self.parameter_decls())
    }
}

impl Program {
    /// Its layers, with the shapes of their results, the number of their parameters and of the program's
    /// operations that belong to them, those of gradients too; see [`Graph::summary`].
    pub fn summary(&self) -> Summary {
        let nodes: Vec<(&Node, &Origin)> = self.nodes().iter().zip(self.origins()).collect();
        summary(&nodes, self.layers(), self.parameters())
    }
}

fn summary(nodes: &[(&Node, &Origin)], layers: &[LayerNote], parameters: &[ParameterDecl]) -> Summary {
    let row = |note: &LayerNote| Row {
        path: note.path.clone(),
        kind: Some(note.kind.clone()),
        output: Some(note.output.clone()),
        parameters: 0,
        operations: 0,
    };
    let mut rows: Vec<Row> = layers.iter().map(row).collect();
    let mut summary = Summary { layers: vec![], outside: 0, trained: 0, frozen: 0, state: 0, optimizers: 0 };
    for decl in parameters {
        let elements = decl.shape.elements().size().unwrap_or(0);
        match (&decl.owner, decl.trainable) {
            (Owner::State, _) => summary.state = summary.state.saturating_add(elements),
            (Owner::Step | Owner::Optimizer { .. }, _) => {
                summary.optimizers = summary.optimizers.saturating_add(elements)
            }
            (Owner::Model, true) => summary.trained = summary.trained.saturating_add(elements),
            (Owner::Model, false) => summary.frozen = summary.frozen.saturating_add(elements),
        }
        if decl.owner == Owner::Model {
            let parameters = &mut own(&mut rows, &decl.name).parameters;
            *parameters = parameters.saturating_add(elements);
        }
    }
    for (node, origin) in nodes.iter().filter(|(node, _)| is_operation(&node.op)) {
        let own = origin.layer.as_ref().and_then(|path| rows.iter_mut().find(|row| row.path == *path));
        match own {
            Some(row) => row.operations += 1,
            None => summary.outside += usize::from(!node.args.is_empty()),
        }
    }
    summary.layers = rows;
    summary
}

/// The layer that a parameter belongs to: the one of the longest path that its name begins with.
fn own<'r>(rows: &'r mut Vec<Row>, name: &str) -> &'r mut Row {
    let inside = |row: &Row| name.strip_prefix(&*row.path).is_some_and(|rest| rest.starts_with('.'));
    let own = (0..rows.len()).filter(|i| inside(&rows[*i])).max_by_key(|i| rows[*i].path.len());
    let place = own.unwrap_or_else(|| {
        let path = name.rsplit_once('.').map_or(name, |(path, _)| path);
        rows.push(Row { path: path.into(), kind: None, output: None, parameters: 0, operations: 0 });
        rows.len() - 1
    });
    &mut rows[place]
}

/// False for values that are there before a run, and for what is gone after compiling.
fn is_operation(op: &Op) -> bool {
    !matches!(
        op,
        Op::Input(_)
            | Op::Parameter(_)
            | Op::Constant(_)
            | Op::Literal(_)
            | Op::Extent(_)
            | Op::StopGradient
            | Op::Variable(_)
            | Op::Assume(_)
            | Op::WithGradient
            | Op::Poison
    )
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["layer", "kind", "output", "parameters", "operations"].map(String::from);
        let cells = |row: &Row| {
            [
                row.path.to_string(),
                row.kind.as_deref().unwrap_or_default().to_owned(),
                row.output.as_ref().map(Shape::to_string).unwrap_or_default(),
                number(row.parameters),
                number(row.operations),
            ]
        };
        let empty = String::new;
        let mut lines = vec![head];
        lines.extend(self.layers.iter().map(cells));
        if self.outside > 0 {
            lines.push(["other".into(), empty(), empty(), empty(), number(self.outside)]);
        }
        let parameters = self.layers.iter().fold(0, |n: usize, row| n.saturating_add(row.parameters));
        let operations = self.layers.iter().map(|row| row.operations).sum::<usize>() + self.outside;
        lines.push(["total".into(), empty(), empty(), number(parameters), number(operations)]);
        let mut widths = [0; 5];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.width().max(*width);
            }
        }
        for line in &lines {
            for (i, (cell, width)) in line.iter().zip(widths).enumerate() {
                let (gap, blanks) = (if i > 0 { "  " } else { "" }, " ".repeat(width - cell.width()));
                match i {
                    0..3 => write!(f, "{gap}{cell}{blanks}")?,
                    // Numbers stand to the right.
                    _ => write!(f, "{gap}{blanks}{cell}")?,
                }
            }
            writeln!(f)?;
        }
        let totals = [
            (self.trained, "trained"),
            (self.frozen, "frozen"),
            (self.state, "state"),
            (self.optimizers, "state of optimizers"),
        ];
        let there = totals.iter().filter(|(count, what)| *count > 0 || *what == "trained");
        let there: Vec<String> = there.map(|(count, what)| format!("{} {what}", number(*count))).collect();
        f.write_str(&there.join(", "))
    }
}

/// With commas between thousands.
fn number(n: usize) -> String {
    let digits = n.to_string();
    let comma = |i: usize| i > 0 && (digits.len() - i).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(i, c)| comma(i).then_some(',').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use crate::nn::{self, Adam, BatchNorm, Mode, TransformerEncoderLayer};
    use crate::{F32, Graph, Init, Named, Program};
    use expect_test::expect;

    const B: Named = Named("B");

    #[test]
    fn a_training_step_with_its_gradients_and_its_state() {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 28, 28, 1));
        let x = x.reshape([crate::Dim::from(B), 784.into()]);
        let h = BatchNorm::new().apply(nn::dense(x, "fc1", 1000), "bn", Mode::Train).relu();
        let h = h * g.parameter("scale.gain", F32, [1000], Init::ones());
        let y = nn::dense(h, "fc2", 10);
        g.parameters().matching("fc2.bias").freeze();
        let step = y.square().mean(..).minimize(Adam::new(0.001)).unwrap();
        expect![[r#"
            layer  kind        output     parameters  operations
            fc1    dense       [B, 1000]     785,000           5
            bn     batch_norm  [B, 1000]       2,000          42
            fc2    dense       [B, 10]        10,010           5
            scale                              1,000           0
            other                                            154
            total                            798,010         206
            798,000 trained, 10 frozen, 2,000 state, 1,596,006 state of optimizers"#]]
        .assert_eq(&step.summary().to_string());
        let read = Program::from_json(&step.to_json().unwrap()).unwrap();
        assert_eq!(read.summary(), step.summary());
        let evaluation = Program::builder(&g).output("y", y).compile().unwrap();
        assert!(evaluation.summary().layers.len() == 4 && evaluation.summary().optimizers == 0);
    }

    /// Characters of Chinese take two columns, a combining accent takes none.
    #[test]
    fn columns_are_those_of_a_terminal() {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 4));
        nn::dense(nn::dense(nn::dense(x, "隐藏层", 3), "e\u{301}", 3), "fc", 2);
        expect![[r#"
            layer   kind   output  parameters  operations
            隐藏层  dense  [B, 3]          15           3
            é       dense  [B, 3]          12           3
            fc      dense  [B, 2]           8           3
            total                          35           9
            35 trained"#]]
        .assert_eq(&g.summary().to_string());
    }

    #[test]
    fn layers_in_layers() {
        let g = Graph::new();
        let x = g.input("x", F32, (B, Named("T"), 8));
        TransformerEncoderLayer::new(2, 16).apply(x, "block", Mode::Evaluate);
        expect![[r#"
            layer                   kind                 output      parameters  operations
            block                   transformer encoder  [B, T, 8]            0           3
            block.self_attn         attention            [B, T, 8]            0          14
            block.self_attn.query   dense                [B, T, 8]           72           3
            block.self_attn.key     dense                [B, T, 8]           72           3
            block.self_attn.value   dense                [B, T, 8]           72           3
            block.self_attn.output  dense                [B, T, 8]           72           3
            block.norm1             layer_norm           [B, T, 8]           16          16
            block.linear1           dense                [B, T, 16]         144           3
            block.linear2           dense                [B, T, 8]          136           3
            block.norm2             layer_norm           [B, T, 8]           16          15
            total                                                           600          66
            600 trained"#]]
        .assert_eq(&g.summary().to_string());
        let g = Graph::new();
        nn::dense(nn::lstm(g.input("x", F32, (B, Named("T"), 8)), "lstm", 4), "fc", 2);
        expect![[r#"
            layer  kind   output     parameters  operations
            lstm   lstm   [B, T, 4]         224          26
            fc     dense  [B, T, 2]          10           3
            total                           234          29
            234 trained"#]]
        .assert_eq(&g.summary().to_string());
        expect![[r#"
            layer  kind  output  parameters  operations
            total                         0           0
            0 trained"#]]
        .assert_eq(&Graph::new().summary().to_string());
    }
}
