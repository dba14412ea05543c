//! Texts taken apart before they are read.

/// An index: a letter, perhaps with a number, or a word.
pub(super) fn is_index(text: &str) -> bool {
    let word = text.strip_prefix("\\mathrm{").and_then(|rest| rest.strip_suffix('}'));
    let command = text.strip_prefix('\\');
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    word.or(command).is_some_and(plain)
}

/// The parts between separators that stand in no braces.
pub(super) fn top_level<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut depth, mut start) = (vec![], 0i32, 0);
    let mut parens = 0i32;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '(' | '[' => parens += 1,
            ')' | ']' => parens -= 1,
            _ if depth == 0 && parens == 0 && i >= start && text[i..].starts_with(separator) => {
                parts.push(&text[start..i]);
                start = i + separator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
