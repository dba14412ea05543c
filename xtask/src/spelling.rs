//! Which known name was probably meant by one that does not exist.

/// The end of a message about the unknown name `word`: `; did you mean cpu?`, or nothing where no known
/// name is similar.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let most = (word.chars().count() / 3).max(1);
    let distances = known.into_iter().map(|name| (distance(word, name), name));
    match distances.filter(|(distance, _)| (1..=most).contains(distance)).min() {
        Some((_, name)) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

/// How many letters must be put in, left out, replaced, or exchanged with the next one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Rows of the table for all beginnings of `a`: the last but one, the last, and the one being made.
    let (mut before, mut last) = (vec![], (0..=b.len()).collect::<Vec<usize>>());
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                let exchanged: &usize = &before[j - 2];
                least = least.min(exchanged + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_the_letters_that_differ() {
        let all = [("", "", 0), ("", "cpu", 3), ("cpu", "gpu", 1), ("bnech", "bench", 1), ("flx", "flex", 1)];
        for (a, b, want) in all.into_iter().chain([("kitten", "sitting", 3), ("θ", "λ", 1), ("ca", "abc", 3)])
        {
            assert_eq!((distance(a, b), distance(b, a)), (want, want), "{a} {b}");
        }
    }

    #[test]
    fn only_similar_names_are_proposed() {
        let known = ["cpu", "ndarray", "flex", "wgpu"];
        assert_eq!(did_you_mean("ndaray", known), "; did you mean ndarray?");
        assert_eq!(did_you_mean("fex", known), "; did you mean flex?");
        assert_eq!(did_you_mean("abacus", known), "");
        assert_eq!(did_you_mean("cpu", known), "");
        assert_eq!(did_you_mean("", known), "");
    }
}
