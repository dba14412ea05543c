//! A page of the book as its parts: what is written for people, blocks of code, and formulas.

use std::fs;
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A Markdown file.
#[derive(Debug, PartialEq)]
pub(crate) struct Page {
    /// Relative to the root, with `/`.
    pub path: String,
    pub parts: Vec<Part>,
}

/// Some lines of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// A line outside of blocks.
    Prose(String),
    /// A block of code, with the line that opens it.
    Code { open: String, lines: Vec<String>, says: Says },
    /// What stands between `<!-- dl … -->` and `<!-- end -->`.
    Formula { command: String, lines: Vec<String> },
}

/// What the line before a block says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Says {
    /// Its commands print what it shows.
    Exact,
    /// `<!-- near: WHY -->`: they print about that, since numbers depend on the machine.
    Near,
    /// `<!-- not run: WHY -->`: no test can run them.
    NotRun,
}

const END: &str = "<!-- end -->";

impl Page {
    pub(crate) fn read(path: &str) -> Page {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        Page::of(path, &text)
    }

    pub(crate) fn of(path: &str, text: &str) -> Page {
        let mut parts = vec![];
        let mut lines = text.lines();
        let mut says = Says::Exact;
        while let Some(line) = lines.next() {
            let until = |lines: &mut std::str::Lines<'_>, end: &str| {
                let mut inner = vec![];
                loop {
                    match lines.next() {
                        Some(line) if line == end => return inner,
                        Some(line) => inner.push(line.to_owned()),
                        None => panic!("{path}: `{line}` has no `{end}`"),
                    }
                }
            };
            let part = if line.starts_with("```") {
                let inner = until(&mut lines, "```");
                Part::Code { open: line.to_owned(), lines: inner, says }
            } else if line.starts_with("<!-- dl ") {
                let command = line.trim_start_matches("<!-- ").trim_end_matches(" -->").to_owned();
                Part::Formula { command, lines: until(&mut lines, END) }
            } else {
                Part::Prose(line.to_owned())
            };
            says = match line {
                _ if line.starts_with("<!-- near: ") => Says::Near,
                _ if line.starts_with("<!-- not run: ") => Says::NotRun,
                _ => Says::Exact,
            };
            parts.push(part);
        }
        Page { path: path.to_owned(), parts }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut push = |line: &str| text.extend([line, "\n"]);
        for part in &self.parts {
            match part {
                Part::Prose(line) => push(line),
                Part::Code { open, lines, .. } => {
                    push(open);
                    lines.iter().for_each(|line| push(line));
                    push("```");
                }
                Part::Formula { command, lines } => {
                    push(&format!("<!-- {command} -->"));
                    lines.iter().for_each(|line| push(line));
                    push(END);
                }
            }
        }
        text
    }

    pub(crate) fn prose(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Prose(line) => Some(&**line),
            _ => None,
        })
    }

    /// The levels of headings, in order.
    pub(crate) fn headings(&self) -> Vec<usize> {
        let level = |line: &str| line.find(|c| c != '#').filter(|&n| n > 0 && line[n..].starts_with(' '));
        self.prose().filter_map(level).collect()
    }

    /// Blocks and formulas as both languages have them: without comments.
    pub(crate) fn shared(&self) -> Vec<String> {
        let shared = |part: &Part| match part {
            Part::Prose(_) => None,
            Part::Code { open, lines, .. } => {
                let mark = if open.starts_with("```console") { " # " } else { "// " };
                let bare = |line: &String| line.split(mark).next().unwrap_or("").trim_end().to_owned();
                Some(format!("{open}\n{}", lines.iter().map(bare).collect::<Vec<_>>().join("\n")))
            }
            Part::Formula { command, lines } => Some(format!("{command}\n{}", lines.join("\n"))),
        };
        self.parts.iter().filter_map(shared).collect()
    }

    /// A digest of what is written for people, by which a translation says what it was made from.
    pub(crate) fn digest(&self) -> String {
        let prose: Vec<&str> = self.prose().collect();
        format!("{:016x}", XxHash3_64::oneshot(prose.join("\n").as_bytes()))
    }
}
