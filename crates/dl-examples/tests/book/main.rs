//! The book (`docs/book`) is true and its languages are in step: what it shows is printed by the commands that it
//! shows, its formulas are derived by the system, its listings are examples that run, and a translation says which
//! text it was made from.
//!
//! `UPDATE_EXPECT=1` renews outputs and formulas; `BOOK_TRANSLATED=descent.md` says that the Chinese page of that
//! name has what the English one says now.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used)]

mod checks;
mod command;
mod page;

use std::collections::HashMap;
use std::fs;

use command::{example, near, output, shown};
use page::{Page, Part, Says, root};

const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

/// Examples whose listings the book has, and which no test can run as they are, with the reason.
const NOT_RUN: [(&str, &str); 1] = [("mnist_perceptron", "fetches MNIST; tests/numbers.rs tries its parts")];

/// The names of the pages, as the English table of contents has them.
fn names() -> Vec<String> {
    entries("en").into_iter().map(|(_, name)| name).collect()
}

/// How deep each page stands in a table of contents, and its name.
fn entries(language: &str) -> Vec<(usize, String)> {
    let summary = Page::read(&format!("docs/book/{language}/SUMMARY.md"));
    let entry = |line: &str| {
        let (before, rest) = line.split_once("](")?;
        Some((before.find('[')?, rest.strip_suffix(')')?.to_owned()))
    };
    summary.prose().filter_map(entry).collect()
}

/// All pages of a language.
fn pages(language: &str) -> Vec<Page> {
    names().iter().map(|name| Page::read(&format!("docs/book/{language}/{name}"))).collect()
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// Fails with all that is wrong.
#[track_caller]
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_pages_show_is_what_is_printed() {
    std::env::set_current_dir(root()).unwrap();
    let (mut printed, mut wrong) = (HashMap::new(), vec![]);
    let mut said = |line: &str| -> Result<String, String> {
        printed.entry(line.to_owned()).or_insert_with(|| output(line)).clone()
    };
    for page in LANGUAGES.into_iter().flat_map(pages) {
        let mut renewed = Page { path: page.path.clone(), parts: vec![] };
        for part in &page.parts {
            let part = match renew(part, &mut said) {
                Ok(part) => part,
                Err(error) => {
                    wrong.push(format!("{}: {error}", page.path));
                    continue;
                }
            };
            renewed.parts.push(part);
        }
        if !wrong.is_empty() || page == renewed {
            continue;
        }
        if updating() {
            fs::write(root().join(&page.path), renewed.text()).unwrap();
            continue;
        }
        let (old, new) = (page.text(), renewed.text());
        let at = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
        let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
        wrong.push(format!(
            "{}:{}: the page shows\n  {}\nand the command prints\n  {}\n(UPDATE_EXPECT=1 renews the page)",
            page.path,
            at + 1,
            line(&old),
            line(&new)
        ));
    }
    none(wrong);
}

/// A part with what its commands print now.
fn renew(part: &Part, said: &mut dyn FnMut(&str) -> Result<String, String>) -> Result<Part, String> {
    Ok(match part {
        Part::Formula { command, .. } => {
            let text = said(&format!("{command} --mathml"))?;
            if !text.starts_with("<math ") {
                return Err(format!("`{command} --mathml` makes no formula:\n{text}"));
            }
            let lines = vec![format!(
                "<div lang=\"en\" style=\"overflow: auto hidden; padding: 0.5em 0\">{}</div>",
                text.trim_end()
            )];
            Part::Formula { command: command.clone(), lines }
        }
        Part::Code { open, lines, says } if open == "```console" && *says != Says::NotRun => {
            let mut renewed = vec![];
            let mut rest = &lines[..];
            while let Some((first, after)) = rest.split_first() {
                let count = after.iter().position(|line| line.starts_with("$ ")).unwrap_or(after.len());
                let (shows, others) = after.split_at(count);
                rest = others;
                let line = first.strip_prefix("$ ").ok_or_else(|| format!("`{first}` is no command"))?;
                let blank = shows.iter().rev().take_while(|line| line.is_empty()).count();
                renewed.push(first.clone());
                renewed.extend(shown(&shows[..shows.len() - blank], &said(line)?));
                renewed.extend(vec![String::new(); blank]);
            }
            let right = *says == Says::Near && near(lines, &renewed);
            let lines = if right { lines.clone() } else { renewed };
            Part::Code { open: open.clone(), lines, says: *says }
        }
        Part::Code { .. } => part.clone(),
        Part::Prose(line) => Part::Prose(line.clone()),
    })
}

#[test]
fn listings_are_examples_that_run() {
    let (mut wrong, mut run) = (vec![], HashMap::new());
    for page in pages("en") {
        for part in &page.parts {
            let Part::Code { open, lines, .. } = part else { continue };
            if !open.starts_with("```rust") {
                continue;
            }
            for line in lines {
                let listing = listing(line);
                let ran = match &listing {
                    Ok(name) if NOT_RUN.iter().any(|(known, _)| known == name) => Ok(()),
                    Ok(name) => {
                        run.entry(name.clone()).or_insert_with(|| example(name, &[]).map(drop)).clone()
                    }
                    Err(error) => Err(error.clone()),
                };
                wrong.extend(ran.err().map(|error| format!("{}: {error}", page.path)));
            }
        }
    }
    none(wrong);
}

#[test]
fn commands_of_exercises_run() {
    std::env::set_current_dir(root()).unwrap();
    let (mut wrong, mut count) = (vec![], 0);
    for page in LANGUAGES.into_iter().flat_map(pages) {
        for line in page.prose() {
            // Alone on its line, of an exercise; burn's backends are not compiled in everywhere.
            let command = line.strip_prefix("   `").and_then(|rest| rest.strip_suffix('`'));
            let Some(command) = command.filter(|command| !command.contains("--features")) else { continue };
            count += 1;
            match output(command) {
                Ok(text) if text.starts_with("error: ") => {
                    wrong.push(format!("{}: {command}\n{text}", page.path))
                }
                Ok(_) => {}
                Err(error) => wrong.push(format!("{}: {error}", page.path)),
            }
        }
    }
    none(wrong);
    assert!(count > 20, "{count} commands of exercises were found");
}

/// The name of the example that a line of a listing includes, from its fourth line on: nothing is left out there but
/// what the file is about.
fn listing(line: &str) -> Result<String, String> {
    let path = line.strip_prefix("{{#include ../../../").and_then(|rest| rest.strip_suffix(":4:}}"));
    let path =
        path.ok_or_else(|| format!("a listing includes an example, {{{{#include FILE:4:}}}}: `{line}`"))?;
    let name = path.strip_prefix("crates/dl-examples/examples/").and_then(|rest| rest.strip_suffix(".rs"));
    let name = name.ok_or_else(|| format!("{path} is no example of dl-examples"))?;
    let text = fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"))?;
    let head: Vec<&str> = text.lines().take(3).collect();
    match head[..] {
        [about, "#![allow(clippy::print_stdout)]", ""] if about.starts_with("//! ") => Ok(name.to_owned()),
        _ => Err(format!(
            "{path}: expected a sentence, the lint's exemption and a blank line before the listing"
        )),
    }
}

#[test]
fn every_page_is_in_both_tables_of_contents() {
    assert_eq!(entries("en"), entries("zh-CN"), "the two SUMMARY.md have other pages");
    for language in LANGUAGES {
        let mut files: Vec<String> = fs::read_dir(root().join("docs/book").join(language))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
            .collect();
        let mut names = names();
        files.sort();
        names.sort();
        assert_eq!(files, names, "the pages in docs/book/{language}, and those in its SUMMARY.md");
    }
}

/// The pairs of pages that say the same: of the book, and the front page of the repository.
fn pairs() -> Vec<(Page, Page)> {
    let mut pairs: Vec<(Page, Page)> = pages("en").into_iter().zip(pages("zh-CN")).collect();
    pairs.push((Page::read("README.md"), Page::read("README.zh-CN.md")));
    pairs
}

#[test]
fn the_languages_are_in_step() {
    let translated = std::env::var("BOOK_TRANSLATED").unwrap_or_default();
    let mut wrong = vec![];
    for (english, chinese) in pairs() {
        let name = english.path.rsplit('/').next().unwrap();
        if translated.split(',').any(|one| one == name) {
            let text = chinese.text();
            let (first, rest) = text.split_once('\n').unwrap();
            assert!(first.starts_with(FROM), "{}:1: expected {FROM}… -->", chinese.path);
            let text = format!("{FROM}{} -->\n{rest}", english.digest());
            fs::write(root().join(&chinese.path), text).unwrap();
            continue;
        }
        wrong.extend(out_of_step(&english, &chinese));
    }
    none(wrong);
}

const FROM: &str = "<!-- translated from: ";

/// What keeps a Chinese page from saying what the English one says, as far as a program can tell.
fn out_of_step(english: &Page, chinese: &Page) -> Vec<String> {
    let mut wrong = vec![];
    let (en, zh) = (&english.path, &chinese.path);
    let name = en.rsplit('/').next().unwrap();
    let from = chinese.prose().next().and_then(|line| line.strip_prefix(FROM)?.strip_suffix(" -->"));
    if from != Some(&*english.digest()) {
        wrong.push(format!(
            "{en} has changed since {zh} was translated from it; translate what changed, then run this test with \
             BOOK_TRANSLATED={name}"
        ));
    }
    if english.headings() != chinese.headings() {
        wrong.push(format!(
            "{zh}: its headings have the levels {:?}, those of {en} {:?}",
            chinese.headings(),
            english.headings()
        ));
    }
    let (ours, theirs) = (chinese.shared(), english.shared());
    if ours.len() != theirs.len() {
        wrong.push(format!("{zh} has {} blocks and formulas, {en} {}", ours.len(), theirs.len()));
    }
    for (ours, theirs) in ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs) {
        wrong.push(format!("{zh} has the block\n{ours}\nwhere {en} has\n{theirs}"));
    }
    wrong
}

#[test]
fn every_page_links_to_the_other_language() {
    let mut wrong = vec![];
    for (language, link) in [("en", "[中文](../zh-CN/"), ("zh-CN", "[English](../en/")] {
        for (page, name) in pages(language).iter().zip(names()) {
            let link = format!("{link}{name})");
            if !page.prose().any(|line| line == link) {
                wrong.push(format!("{}: expected a line `{link}`", page.path));
            }
        }
    }
    none(wrong);
}
