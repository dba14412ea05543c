//! Embeddings: a row of a table for each index.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::init::Init;
use crate::shape::Shape;

/// An embedding: for each index (`i64`, below `words`) a row of the table `{path}.weight` `[words, width]`, which
/// starts as normal numbers. Indices `[…]` give `[…, width]`. An index outside the table is an error of the
/// run, with the line of this call.
///
/// Semantics are those of PyTorch's `Embedding`.
///
/// ```
/// use dl_core::{Graph, I64, Named, nn::Embedding};
/// let g = Graph::new();
/// let words = g.input("words", I64, (Named("B"), 64));
/// let x = Embedding::new(1000, 128).padding(0).apply(words, "words");
/// assert_eq!(x.shape().to_string(), "[B, 64, 128]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    words: usize,
    width: usize,
    dtype: DType,
    weight: Init,
    padding: Option<usize>,
}

impl Embedding {
    /// A table of `words` rows of `width` elements of `f32`, normal with mean 0 and standard deviation 1.
    pub fn new(words: usize, width: usize) -> Embedding {
        let weight = Init::Normal { mean: 0.0, std: 1.0 };
        Embedding { words, width, dtype: DType::F32, weight, padding: None }
    }

    /// With elements of another type, `f32` or `f64`.
    pub fn dtype(self, dtype: DType) -> Embedding {
        Embedding { dtype, ..self }
    }

    /// With another initialiser of the table.
    pub fn weight(self, init: Init) -> Embedding {
        Embedding { weight: init, ..self }
    }

    /// The index `padding` stands for nothing: it gives zeros, and its row is not trained.
    pub fn padding(self, padding: usize) -> Embedding {
        Embedding { padding: Some(padding), ..self }
    }

    /// The rows at `indices` of the table at `path`.
    ///
    /// # Errors
    /// Recorded when `indices` are not of `i64`, when elements are no floats, when the padding is outside
    /// the table, or when the path is declared with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, indices: Expr<'g>, path: &str) -> Expr<'g> {
        if indices.is_poison() {
            return indices;
        }
        let (g, shape) = (indices.graph(), indices.shape());
        let layer = g.library_layer("embedding", path);
        if indices.dtype() != DType::I64 {
            return g.fail(format!("embedding {path} of {} {shape}: i64 is needed", indices.dtype()));
        }
        if !self.dtype.is_float() {
            return g.fail(format!("embedding {path} with elements of {}: f32 or f64 is needed", self.dtype));
        }
        if let Some(padding) = self.padding.filter(|padding| *padding >= self.words) {
            return g
                .fail(format!("embedding {path} with padding {padding}: there are {} words", self.words));
        }
        let sizes = [self.words, self.width];
        let table = g.parameter(&format!("{path}.weight"), self.dtype, sizes, self.weight.clone());
        let rows = table.gather(0, indices);
        layer.output(match self.padding {
            Some(padding) if !rows.is_poison() => {
                let axes: Vec<usize> = (0..shape.rank()).collect();
                let wide: Shape = rows.shape();
                indices.ne(padding as f64).broadcast_along(&axes, &wide).select(rows, 0.0)
            }
            _ => rows,
        })
    }
}
