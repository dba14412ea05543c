//! Letters for axes: `b` for an axis of size `B`, `i, j, k, …` for the others, by their place.

use crate::dim::Dim;
use crate::shape::Shape;

/// The usual letters of indices, in order of axes.
const LETTERS: [&str; 8] = ["i", "j", "k", "l", "m", "n", "p", "q"];

/// One distinct index for every axis.
pub(super) fn indices(shape: &Shape) -> Vec<String> {
    indices_beside(shape, &[])
}

/// One distinct index for every axis that is none of those taken.
pub(super) fn indices_beside(shape: &Shape, taken: &[String]) -> Vec<String> {
    let mut all = taken.to_vec();
    for (axis, dim) in shape.iter().enumerate() {
        let letter = another(dim, axis, &all);
        all.push(letter);
    }
    all.split_off(taken.len())
}

/// An index for an axis that is none of those taken.
pub(super) fn another(dim: &Dim, axis: usize, taken: &[String]) -> String {
    let named = dim.name().map(|n| n.to_lowercase());
    let usual = LETTERS.iter().cycle().skip(axis).take(LETTERS.len()).map(|l| (*l).to_string());
    let numbered = (0..).map(|n| format!("i{}", axis + n));
    let mut candidates = named.into_iter().chain(usual).chain(numbered);
    candidates.find(|l| !taken.contains(l)).expect("numbers do not end")
}

/// The indices of some axes.
pub(super) fn indices_of(shape: &Shape, axes: &[usize]) -> Vec<String> {
    let all = indices(shape);
    axes.iter().filter_map(|a| all.get(*a).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dim::Named;

    #[test]
    fn letters_are_distinct() {
        let b = Named("B");
        assert_eq!(indices(&(b, 10).into()), ["b", "j"]);
        assert_eq!(indices(&(b, b, Named("J")).into()), ["b", "j", "k"]);
        assert_eq!(indices(&[2; 10].into())[8..], ["i8", "i9"]);
        assert_eq!(indices_beside(&(b, 10).into(), &["b".into(), "j".into()]), ["i", "k"]);
    }
}
