//! The commands that the book shows: what each prints, and whether that is what the page says.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::{fs, time::SystemTime};

use crate::page::root;
use dl_report::Language;

/// A line that stands for any number of lines.
pub(crate) const CUT: &str = "…";

/// The words of a command line as a shell reads them, comments aside.
pub(crate) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => return words,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote without its end: {line}");
    words.extend(word);
    words
}

/// What a command prints; what is written to a file is nobody's to see.
pub(crate) fn output(line: &str) -> Result<String, String> {
    let mut words = words(line);
    let hidden = words.iter().position(|word| word == ">").map(|at| words.drain(at..).count()).is_some();
    let words: Vec<&str> = words.iter().map(|word| &**word).collect();
    let (before, after) = match words.iter().position(|word| *word == "--") {
        Some(at) if words[0] == "cargo" => (&words[..at], &words[at + 1..]),
        _ => (&words[..], &[][..]),
    };
    let text = match before {
        ["dl", arguments @ ..] => dl(arguments),
        ["cargo", "run", "--release", "-p", "dl-cli"] => dl(after),
        ["cargo", "run", "--release", "-p", "dl-examples", "--example", name] => example(name, after)?,
        ["cat", path] => fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"))?,
        _ => {
            return Err(format!(
                "`{line}` is none of the commands that this test can run; a line `<!-- not run: WHY -->` before its block says so"
            ));
        }
    };
    Ok(if hidden { String::new() } else { text })
}

/// What `dl` writes, to either stream.
fn dl(arguments: &[&str]) -> String {
    let mut out = vec![];
    match dl_cli::command::run(arguments.iter().map(OsString::from), Language::English, &mut out) {
        Ok(()) => String::from_utf8(out).unwrap(),
        Err(failure) => format!("error: {failure}\n"),
    }
}

/// What an example writes to its standard output; it was built with this test.
pub(crate) fn example(name: &str, arguments: &[&str]) -> Result<String, String> {
    let binary = binary(name);
    let time = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified());
    let source = root().join(format!("crates/dl-examples/examples/{name}.rs"));
    let changed = time(&source).map_err(|e| format!("{}: {e}", source.display()))?;
    if time(&binary).unwrap_or(SystemTime::UNIX_EPOCH) < changed {
        return Err(format!(
            "the example {name} is not built, or older than its source: cargo build -p dl-examples --examples"
        ));
    }
    let run = Command::new(&binary).args(arguments).current_dir(root()).output();
    let run = run.map_err(|e| format!("{}: {e}", binary.display()))?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    if run.status.success() {
        return Ok(said);
    }
    Err(format!("the example {name} failed:\n{said}{}", String::from_utf8_lossy(&run.stderr)))
}

/// Beside the folder of this test's own binary.
fn binary(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(|deps| deps.parent()).unwrap();
    folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// What a page should show of an output: where it showed parts only, the like parts. The first part is the beginning,
/// the last the end, others begin with the line that they began with.
pub(crate) fn shown(before: &[String], output: &str) -> Vec<String> {
    let lines: Vec<String> = output.trim_end().lines().map(|line| line.trim_end().to_owned()).collect();
    let parts: Vec<&[String]> = before.split(|line| line == CUT).collect();
    let [first, middle @ .., last] = &parts[..] else { return lines };
    let count: usize = parts.iter().map(|part| part.len()).sum();
    if count >= lines.len() {
        return lines;
    }
    let mut part = lines[..first.len()].to_vec();
    for wanted in middle {
        part.push(CUT.to_owned());
        let at = lines.iter().position(|line| Some(line) == wanted.first()).unwrap_or(lines.len());
        part.extend(lines[at..].iter().take(wanted.len()).cloned());
    }
    part.push(CUT.to_owned());
    part.extend_from_slice(&lines[lines.len() - last.len()..]);
    part
}

/// Whether two outputs differ by no more than rounding does to a training: in numbers by a tenth, or by 0.05 where
/// they are written with a point and no exponent.
pub(crate) fn near(ours: &[String], theirs: &[String]) -> bool {
    let words = |lines: &[String]| -> Vec<String> {
        let words = lines.iter().flat_map(|line| line.split([' ', ',']));
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (ours, theirs) = (words(ours), words(theirs));
    let alike = |(a, b): (&String, &String)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) => {
            let least = if a.contains('.') && !a.contains('e') { 0.05 } else { 0.0 };
            (x - y).abs() <= (0.1 * x.abs()).max(least)
        }
        _ => a == b,
    };
    ours.len() == theirs.len() && ours.iter().zip(&theirs).all(alike)
}
