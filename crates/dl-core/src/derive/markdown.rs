//! A derivation as a table in Markdown.

use std::fmt::Write;

use crate::derive::Derivation;
use crate::print::Scribe;

impl Derivation {
    /// As a table in Markdown: what each line is, its equation in LaTeX between dollars, and the shape of its value.
    ///
    /// ```
    /// use dl_core::{F64, Graph, derive::Derivation};
    /// let g = Graph::new();
    /// let (x, w) = (g.input("x", F64, [3]), g.input("w", F64, [3]));
    /// let j = x.dot(w).abs().named("J");
    /// assert_eq!(
    ///     Derivation::of(j, &[w])?.markdown(),
    ///     r"| | equation | shape |
    /// |---|---|---|
    /// | objective | $J = \left\vert z\right\vert$ | number |
    /// | value | $z = x^{\top}\,w$ | number |
    /// | chain rule | $\frac{\partial J}{\partial z} = \operatorname{sign}(z)$ | number |
    /// | gradient | $\frac{\partial J}{\partial w} = \frac{\partial J}{\partial z} \cdot x$ | `[3]` |
    /// "
    /// );
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn markdown(&self) -> String {
        let mut scribe = Scribe::default();
        let mut text = "| | equation | shape |\n|---|---|---|\n".to_owned();
        for line in self.lines() {
            // A row has one line of text.
            let equations = scribe.latex(line.writing()).into_iter().map(|sides| {
                let sign = if sides.update { "\\leftarrow" } else { "=" };
                format!("${} {sign} {}$", sides.left, sides.right)
            });
            let equations = equations.collect::<Vec<_>>().join("<br>");
            let shape = match line.shape().rank() {
                0 => "number".to_owned(),
                _ => format!("`{}`", line.shape().to_string().replace('`', "'")),
            };
            // A bar would end the cell.
            let (equations, shape) = (bars(&equations), shape.replace('|', "\\|"));
            let _ = writeln!(text, "| {} | {equations} | {shape} |", line.kind);
        }
        text
    }
}

/// LaTeX with the name of the bar in place of the sign.
fn bars(latex: &str) -> String {
    let mut text = String::new();
    let mut rest = latex;
    while let Some((before, after)) = rest.split_once('|') {
        text.push_str(before);
        // A letter after it would be read as part of the command.
        text.push_str(if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
            "\\vert "
        } else {
            "\\vert"
        });
        rest = after;
    }
    text + rest
}
