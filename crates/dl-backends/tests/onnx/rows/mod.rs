//! What the operators of ONNX are in our operations: one arm for each, by family.

mod attention;
mod conv;
mod elementwise;
mod flow;
mod grid;
mod indexing;
mod linear;
mod loss;
mod norm;
mod numbers;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod shapes;
mod spectral;
mod training;

use crate::call::{Call, Out};

/// The results of a node, or why our operations do not say it.
pub(crate) fn apply<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let families = [
        elementwise::apply,
        numbers::apply,
        shapes::apply,
        indexing::apply,
        reduce::apply,
        linear::apply,
        conv::apply,
        pool::apply,
        norm::apply,
        attention::apply,
        recurrent::apply,
        loss::apply,
        resize::apply,
        grid::apply,
        quantize::apply,
        spectral::apply,
        training::apply,
        flow::apply,
    ];
    families.iter().find_map(|family| family(c)).unwrap_or_else(|| Err(reason(c.op).into()))
}

/// Why an operator is not written; nothing where it only has no row yet.
fn reason(op: &str) -> &'static str {
    match op {
        "Compress" | "NonMaxSuppression" | "NonZero" | "Unique" => "results whose shape depends on values",
        "RegexFullMatch" | "StringConcat" | "StringNormalizer" | "StringSplit" | "TfIdfVectorizer" => {
            "strings"
        }
        "Bernoulli" | "RandomUniformLike" => "random numbers of another generator",
        "BitCast" => "the bits of floats",
        "ImageDecoder" => "image files",
        _ => "",
    }
}
