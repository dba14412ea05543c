//! Patterns over names: `*` for any characters, `?` for one.

/// True where `pattern` matches the whole of `name`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on when the characters after the last `*` fail: it takes one more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    p = star + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks() {
        let yes =
            [("*", ""), ("", ""), ("a?c", "aβc"), ("*.weight", "fc1.weight"), ("fc*.w*t", "fc1.w.weight")];
        let no =
            [("", "a"), ("?", ""), ("*.weight", "fc1.weights"), ("fc?.bias", "fc10.bias"), ("a*b*c", "acb")];
        assert!(yes.iter().all(|(p, n)| matches(p, n)));
        assert!(no.iter().all(|(p, n)| !matches(p, n)));
    }

    #[test]
    fn many_stars_stay_fast() {
        assert!(!matches(&"*a".repeat(50), &"a".repeat(40)));
        assert!(!matches(&format!("{}b", "*a".repeat(30)), &"a".repeat(5000)));
    }
}
