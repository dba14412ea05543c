//! Rust text with comments and literals blanked, so that rules see code alone.

/// The code of a file, line by line; every character that belongs to a
/// comment or a literal is a space.
#[derive(Default)]
pub(crate) struct Code {
    text: String,
}

impl Code {
    pub(crate) fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut blanked = String::with_capacity(text.len());
        let mut at = 0;
        while at < chars.len() {
            let end = at + literal_or_comment(&chars, at);
            if end == at {
                blanked.push(chars[at]);
                at += 1;
            } else {
                let keep = |c: &char| if *c == '\n' { '\n' } else { ' ' };
                blanked.extend(chars[at..end].iter().map(keep));
                at = end;
            }
        }
        Self { text: blanked }
    }

    /// Numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Whether `line` has `word` with no letter, digit or `_` beside it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    after_word(line, word).is_some()
}

/// What follows the first such `word`.
pub(crate) fn after_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).find_map(|(start, _)| {
        let after = &line[start + word.len()..];
        let alone = !line[..start].ends_with(part) && !after.starts_with(part);
        alone.then_some(after)
    })
}

/// How many characters the comment or literal that starts at `at` has; 0 if none does.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => quoted(rest, '"'),
        ['r', '"' | '#', ..] if starts_literal(chars, at) => raw(rest),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
        _ => 0,
    }
}

/// Whether the `r` at `at` is a prefix: `r"`, `br"` and `cr"` are, the end of
/// a name is not.
fn starts_literal(chars: &[char], at: usize) -> bool {
    let name = |c: &char| c.is_alphanumeric() || *c == '_';
    let mut before = chars[..at].iter().rev();
    match before.next() {
        Some('b' | 'c') => !before.next().is_some_and(name),
        before => !before.is_some_and(name),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A raw string; 0 for a raw identifier such as `r#type`.
fn raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let start = hashes + 2;
    let closes = |at: &usize| {
        let after = rest[at + 1..].iter().take(hashes);
        rest[*at] == '"' && after.filter(|c| **c == '#').count() == hashes
    };
    (start..rest.len()).find(closes).map_or(rest.len(), |at| at + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let code = Code::of(text);
        assert_eq!(code.text.chars().count(), text.chars().count());
        let words: Vec<&str> = code.text.split_whitespace().collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn comments_are_blanked() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("//! λ\na", "a");
    }

    #[test]
    fn literals_are_blanked() {
        check(r#"f("unsafe \" x", 'u', '\'', b"y") g"#, "f( , , , b ) g");
        check(r###"f(r#"a " b"#, br"\") g"###, "f( , b ) g");
        check("f(\"two\nlines\") g", "f( ) g");
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check("r#type + var\"\"", "r#type + var");
    }

    #[test]
    fn a_word_stands_alone() {
        assert!(has_word("x = unsafe { y }", "unsafe"));
        assert!(!has_word("#![deny(unsafe_code)]", "unsafe"));
        assert!(has_word("unsafe_x; unsafe", "unsafe"));
    }
}
