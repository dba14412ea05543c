//! Misspelt names: which known one was meant.

/// `; did you mean …?` with the known name that `name` is most likely a misspelling of; nothing where none
/// is near. It ends the message of an error.
///
/// ```
/// use dl_core::spelling::suggestion;
/// assert_eq!(suggestion("fc1.wieght", ["fc1.bias", "fc1.weight"]), "; did you mean fc1.weight?");
/// assert_eq!(suggestion("fc1.wieght", ["x"]), "");
/// ```
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let folded = name.to_lowercase();
    let allowed = name.chars().count() / 3;
    let near = |known: &'a str| (distance(&folded, &known.to_lowercase()), known);
    // What is known as it stands was not misspelt.
    let others = known.into_iter().filter(|known| *known != name);
    let nearest = others.map(near).filter(|(d, _)| *d <= allowed).min_by_key(|(d, _)| *d);
    nearest.map_or(String::new(), |(_, known)| format!("; did you mean {known}?"))
}

/// How many characters have to be put in, left out, changed, or swapped with the next one (Damerau and
/// Levenshtein's distance, where nothing that was swapped is changed again).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let check =
            |a: &str, b: &str, want| assert_eq!((distance(a, b), distance(b, a)), (want, want), "{a} {b}");
        check("", "abc", 3);
        check("weight", "weight", 0);
        check("wieght", "weight", 1);
        check("weigt", "weight", 1);
        check("kitten", "sitting", 3);
        check("ca", "abc", 3);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["x", "B", "label", "labels", "θ₁"];
        assert_eq!(suggestion("b", known), "; did you mean B?");
        assert_eq!(suggestion("y", known), "");
        assert_eq!(suggestion("lables", known), "; did you mean labels?");
        assert_eq!(suggestion("Label", known), "; did you mean label?");
        assert_eq!(suggestion("targets", known), "");
        assert_eq!(suggestion("x", []), "");
    }
}
