//! The rule about links: a relative link in a Markdown file leads to a file.

use super::{File, Violation};

/// Every relative link points at a file or folder of the repository.
pub(crate) fn resolve(files: &[File]) -> Vec<Violation> {
    let exists = |path: &str| {
        path.is_empty()
            || files.iter().any(|file| {
                let rest = file.path.strip_prefix(path);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
    };
    let markdown = files.iter().filter(|file| file.path.ends_with(".md"));
    let mut found = Vec::new();
    for file in markdown {
        for (line, target) in links(file) {
            // mdBook takes every `.md` for a page of its own; a link from a page to a file of the repository
            // writes the point so that it does not.
            let path = join(&file.path, &target.replace("%2E", "."));
            if !path.is_some_and(|path| exists(&path)) {
                found.push(file.violation(line, format!("link to `{target}` leads nowhere")));
            }
        }
    }
    found
}

/// The relative targets, without their `#section`, and their lines.
fn links(file: &File) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(targets(line).map(|target| (number, target)));
        }
    }
    found
}

/// `](target)` and `[name]: target`, outside code spans.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.match_indices("](").filter_map(move |(at, open)| {
        let in_code = line[..at].matches('`').count() % 2 == 1;
        let rest = &line[at + open.len()..];
        (!in_code).then(|| &rest[..rest.find(')').unwrap_or(rest.len())])
    });
    let definition = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    inline.chain(definition).filter_map(relative)
}

/// The path of a target that has no scheme; none for a section of the same page.
fn relative(target: &str) -> Option<&str> {
    let target = target.split_whitespace().next()?;
    let target = target.trim_start_matches('<').trim_end_matches('>');
    let path = target.split('#').next()?;
    let scheme = path.contains("://") || path.starts_with("mailto:");
    (!path.is_empty() && !scheme).then_some(path)
}

/// `target` seen from the file at `from`; none where it leaves the repository.
fn join(from: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(markdown: &str, expected: &[&str]) {
        let files = [
            File::new("docs/a.md", markdown),
            File::new("docs/rules.md", ""),
            File::new("crates/dl-core/src/lib.rs", ""),
        ];
        let found = resolve(&files);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn good_links_are_well() {
        check("[a](rules.md) and [b](../crates/dl-core/src/lib.rs#L1)", &[]);
        check("![c](./rules.md \"title\") [d](../crates/dl-core) [e](..)", &[]);
        check("[d](rules%2Emd) [e](../crates/dl-core/src/lib%2Ers)", &[]);
        check("[f](#section) [g](https://example.org/x.md)\n\n[h]: rules.md", &[]);
    }

    #[test]
    fn dead_links_are_found() {
        check(
            "\n[a](rule.md), [b](../../docs/rules.md) and [c](/etc)",
            &[
                "docs/a.md:2: link to `rule.md` leads nowhere",
                "docs/a.md:2: link to `../../docs/rules.md` leads nowhere",
                "docs/a.md:2: link to `/etc` leads nowhere",
            ],
        );
        check("[h]: none.md", &["docs/a.md:1: link to `none.md` leads nowhere"]);
        check("[a](rule%2Emd)", &["docs/a.md:1: link to `rule%2Emd` leads nowhere"]);
        check("[a](../crates/dl)", &["docs/a.md:1: link to `../crates/dl` leads nowhere"]);
    }

    #[test]
    fn code_holds_no_links() {
        check("```\n[a](none.md)\n```\n`[b](none.md)`", &[]);
    }
}
