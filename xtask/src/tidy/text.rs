//! Rules about text: length, first line, whitespace, unfinished work, paths.

use super::code::has_word;
use super::{File, Violation};

const MAX_LINES: usize = 500;

/// A Rust file has at most 500 lines, tests included.
pub(crate) fn length(file: &File) -> Vec<Violation> {
    let lines = file.lines().count();
    if !file.is_rust() || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![file.violation(MAX_LINES + 1, format!("{lines} lines; at most {MAX_LINES} are allowed"))]
}

/// Line 1 of a Rust file is a `//!` sentence that says what the file is.
pub(crate) fn header(file: &File) -> Vec<Violation> {
    if !file.is_rust() || file.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![file.violation(1, "line 1 must be a `//!` sentence")]
}

/// No line ends with white space, and the file ends with one newline.
pub(crate) fn whitespace(file: &File) -> Vec<Violation> {
    const EXTENSIONS: [&str; 6] = [".rs", ".toml", ".md", ".sh", ".json", ".ci/run"];
    if !EXTENSIONS.iter().any(|end| file.path.ends_with(end)) || file.text.is_empty() {
        return Vec::new();
    }
    let trailing = file.text.split('\n').zip(1..);
    let trailing = trailing.filter(|(line, _)| line.ends_with(char::is_whitespace));
    let mut found: Vec<Violation> =
        trailing.map(|(_, number)| file.violation(number, "white space at the end of the line")).collect();
    let last = file.lines().count();
    if !file.text.ends_with('\n') {
        found.push(file.violation(last, "no newline at the end of the file"));
    } else if file.text.ends_with("\n\n") {
        found.push(file.violation(last, "blank line at the end of the file"));
    }
    found
}

/// No macro that stands for missing work, no ignored test, no note to come back.
pub(crate) fn unfinished(file: &File) -> Vec<Violation> {
    const CODE: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore"];
    // In two parts, so that this file is well.
    const NOTES: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];
    if !file.is_rust() {
        return Vec::new();
    }
    let code = file.code.lines().flat_map(|(number, line)| {
        let found = CODE.iter().filter(|part| line.contains(**part));
        found.map(move |part| (number, *part))
    });
    let notes = file.lines().flat_map(|(number, line)| {
        let found = NOTES.iter().filter(|word| has_word(line, word));
        found.map(move |word| (number, *word))
    });
    code.chain(notes)
        .map(|(number, what)| file.violation(number, format!("`{what}` is unfinished work")))
        .collect()
}

/// No absolute path of the machine that a file was written on.
pub(crate) fn machine_paths(file: &File) -> Vec<Violation> {
    file.lines()
        .filter_map(|(number, line)| Some((number, machine_path(line)?)))
        .map(|(number, path)| file.violation(number, format!("`{path}` is a path of one machine")))
        .collect()
}

/// The first folder in `line` that only one machine has.
fn machine_path(line: &str) -> Option<String> {
    ["work", "tmp", "root", "home"].iter().find_map(|folder| {
        let path = format!("/{folder}/");
        line.match_indices(&path).find_map(|(start, _)| {
            let after = &line[start + path.len()..];
            let absolute = !line[..start].ends_with(in_path);
            let names_user = *folder != "home" || after.starts_with(char::is_alphanumeric);
            (absolute && names_user).then(|| path.clone())
        })
    })
}

/// Whether a `/` behind this character continues a relative path or an address.
fn in_path(c: char) -> bool {
    c.is_alphanumeric() || ".-_~/$}>*)".contains(c)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn five_hundred_lines_are_the_limit() {
        check(length, "a.rs", &"x\n".repeat(500), &[]);
        let message = "501 lines; at most 500 are allowed";
        check(length, "a.rs", &"x\n".repeat(501), &[(501, message)]);
        check(length, "a.md", &"x\n".repeat(501), &[]);
    }

    #[test]
    fn line_one_says_what_the_file_is() {
        check(header, "a.rs", "//! Words.\nfn f() {}\n", &[]);
        let expected = [(1, "line 1 must be a `//!` sentence")];
        check(header, "a.rs", "// Words.\n", &expected);
        check(header, "a.rs", "\n//! Words.\n", &expected);
        check(header, "a.rs", "", &expected);
        check(header, "a.md", "# Words\n", &[]);
    }

    #[test]
    fn lines_and_files_end_cleanly() {
        check(whitespace, "a.rs", "a\nb\n", &[]);
        let message = "white space at the end of the line";
        check(whitespace, "a.rs", "a \nb\t\n", &[(1, message), (2, message)]);
        check(whitespace, "a.md", "a\r\n", &[(1, message)]);
        let message = "no newline at the end of the file";
        check(whitespace, "Cargo.toml", "a\nb", &[(2, message)]);
        let message = "blank line at the end of the file";
        check(whitespace, ".ci/run", "a\n\n", &[(2, message)]);
        check(whitespace, "a.csv", "a \nb", &[]);
    }

    #[test]
    fn unfinished_work_is_found() {
        for part in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            let message = format!("`{part}` is unfinished work");
            check(unfinished, "a.rs", &format!("\n{part}(x)]"), &[(2, &message)]);
            check(unfinished, "a.rs", &format!("let x = {part:?};"), &[]);
        }
        for word in [concat!("FIX", "ME"), concat!("XX", "X")] {
            let message = format!("`{word}` is unfinished work");
            check(unfinished, "a.rs", &format!("// {word}: x"), &[(1, &message)]);
            check(unfinished, "a.rs", &format!("// {word}{word}"), &[]);
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for folder in ["work", "tmp", "root", "home"] {
            let path = format!("/{folder}/");
            let message = format!("`{path}` is a path of one machine");
            check(machine_paths, "a.md", &format!("see `{path}me/x`"), &[(1, &message)]);
            check(machine_paths, "a.toml", &format!("path = \"{path}me\""), &[(1, &message)]);
            check(machine_paths, "a.md", &format!("..{path}x target{path}x"), &[]);
            check(machine_paths, "a.md", &format!("https://a.org{path}x"), &[]);
        }
        check(machine_paths, "a.md", &format!("/{}/<x>/", "home"), &[]);
    }
}
