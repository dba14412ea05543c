//! Binding a run's inputs: element types, ranks and sizes against the declarations.

use crate::dim::Dims;
use crate::error::{Error, Result};
use crate::graph::InputDecl;
use crate::tensor::TensorRef;

/// The sizes of the named dimensions that `inputs`, in the order of `decls`, imply.
///
/// # Errors
/// When an input is missing, has another element type, rank or size than declared, when two inputs
/// disagree about a name, or when a named dimension is empty.
pub fn bind(decls: &[InputDecl], inputs: &[TensorRef<'_>]) -> Result<Dims> {
    if decls.len() != inputs.len() {
        let names: Vec<&str> = decls.iter().map(|d| d.name.as_ref()).collect();
        return Err(Error::value(format!(
            "expected {} inputs ({}), got {}",
            decls.len(),
            names.join(", "),
            inputs.len()
        )));
    }
    let mut dims = Dims::new();
    for (decl, input) in decls.iter().zip(inputs) {
        bind_names(decl, input, &mut dims)?;
    }
    for (decl, input) in decls.iter().zip(inputs) {
        let want =
            decl.shape.eval(&dims).map_err(|why| Error::value(format!("input {}: {why}", decl.name)))?;
        if want != input.shape() {
            return Err(misfit(decl, input, &format!("{} is {want:?} here", decl.shape)));
        }
    }
    Ok(dims)
}

fn bind_names(decl: &InputDecl, input: &TensorRef<'_>, dims: &mut Dims) -> Result<()> {
    if decl.dtype != input.dtype() {
        return Err(Error::value(format!(
            "input {}: expected elements of {}, got {}",
            decl.name,
            decl.dtype,
            input.dtype()
        )));
    }
    if decl.shape.rank() != input.shape().len() {
        return Err(misfit(decl, input, &format!("{} axes are needed", decl.shape.rank())));
    }
    for (axis, (dim, &size)) in decl.shape.iter().zip(input.shape()).enumerate() {
        match (dim.name(), dim.size()) {
            (Some(name), _) => {
                if size == 0 {
                    return Err(misfit(decl, input, &format!("dimension {name} (axis {axis}) is empty")));
                }
                dims.bind(name, size).map_err(|old| {
                    misfit(
                        decl,
                        input,
                        &format!("dimension {name} is {size} here and {old} in another input"),
                    )
                })?;
            }
            (None, Some(want)) if want != size => {
                return Err(misfit(decl, input, &format!("axis {axis} must be {want}")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn misfit(decl: &InputDecl, input: &TensorRef<'_>, why: &str) -> Error {
    Error::value(format!(
        "input {}: expected shape {}, got {:?}: {why}",
        decl.name,
        decl.shape,
        input.shape()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::Named;
    use crate::dtype::DType;
    use crate::tensor::Tensor;

    fn check(shape: impl Into<crate::Shape>, tensors: &[Tensor], want: &str) {
        let shape = shape.into();
        let decls: Vec<InputDecl> = (0..tensors.len())
            .map(|i| InputDecl { name: format!("x{i}").into(), dtype: DType::F32, shape: shape.clone() })
            .collect();
        let views: Vec<TensorRef<'_>> = tensors.iter().map(Tensor::view).collect();
        let got = match bind(&decls, &views) {
            Ok(dims) => dims.iter().map(|(n, s)| format!("{n}={s}")).collect::<Vec<_>>().join(" "),
            Err(e) => e.to_string(),
        };
        assert_eq!(got, want);
    }

    #[test]
    fn names_get_sizes_or_errors() {
        const B: Named = Named("B");
        let t = |shape: &[usize]| Tensor::zeros(DType::F32, shape);
        check((B, 3), &[t(&[7, 3])], "B=7");
        check((B, 3), &[t(&[7, 4])], "input x0: expected shape [B, 3], got [7, 4]: axis 1 must be 3");
        check((B, 3), &[t(&[3])], "input x0: expected shape [B, 3], got [3]: 2 axes are needed");
        check(
            (B, 3),
            &[t(&[0, 3])],
            "input x0: expected shape [B, 3], got [0, 3]: dimension B (axis 0) is empty",
        );
        check(
            B,
            &[t(&[2]), t(&[3])],
            "input x1: expected shape [B], got [3]: dimension B is 3 here and 2 in another input",
        );
        let i = Tensor::zeros(DType::I64, [2]);
        check(B, &[i], "input x0: expected elements of f32, got i64");
    }
}
