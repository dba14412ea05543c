//! The command line.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{ErrorKind, Read, Write};

use dl_core::spelling::suggestion;
use dl_report::Language;
use lexopt::{Arg, Parser, ValueExt};

use crate::check;
use crate::derive;
use crate::explain;
use crate::formula::{Mistake, letter};
use crate::run;

/// What there is, in a language.
fn help(language: Language) -> &'static str {
    language.pick(include_str!("help.en.txt"), include_str!("help.zh.txt"))
}

/// Bytes of a file at most.
const LONGEST: u64 = 64 << 10;

/// Why the command did not do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    what: String,
    code: u8,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), code: 2 }
    }

    /// What it is about is wrong.
    pub(crate) fn other(what: impl Into<String>) -> Failure {
        Failure { what: what.into(), code: 1 }
    }

    /// The exit status: 2 for a wrong command line, else 1.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Failure {
        Failure::other(mistake.to_string())
    }
}

impl From<dl_core::Error> for Failure {
    fn from(error: dl_core::Error) -> Failure {
        Failure::other(error.to_string())
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Failure {
        Failure::usage(format!("{error}; dl --help says what there is"))
    }
}

/// How formulas are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Notation {
    #[default]
    Unicode,
    Latex,
    MathMl,
    Markdown,
    SymPy,
}

/// What is asked of a command about a formula.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The text of the formula.
    pub formula: String,
    /// The names of inputs.
    pub wrt: Vec<String>,
    /// Declarations.
    pub shapes: Vec<String>,
    /// The learning rate of a step to be shown.
    pub rate: Option<f64>,
    /// The ranges of inputs.
    pub over: Vec<String>,
    /// How formulas are written.
    pub notation: Notation,
    /// Whether by the elements of arrays.
    pub elements: bool,
    /// In which language results are told.
    pub language: Language,
}

/// The language that an option asks for.
pub(crate) fn language(parser: &mut Parser) -> Result<Language, Failure> {
    let tag = parser.value()?.string()?;
    Language::of_tag(&tag).ok_or_else(|| Failure::usage(format!("--lang {tag}: expected en or zh")))
}

/// Does what the arguments, without the program's name, ask for; results are told in the language, unless the arguments
/// say another one.
///
/// # Errors
/// What is wrong with the command line or the formula. Then nothing was written.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    language: Language,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (mut parser, mut language) = (Parser::from_args(arguments), language);
    let command = loop {
        match parser.next()? {
            Some(Arg::Value(command)) => break command.string()?,
            Some(Arg::Long("lang")) => language = self::language(&mut parser)?,
            Some(Arg::Long("help") | Arg::Short('h')) => return print(help(language), out),
            Some(other) => return Err(other.unexpected().into()),
            None => return Err(Failure::usage(format!("no command\n{}", help(language)))),
        }
    };
    if command == "run" {
        return if run::command(&mut parser, language, out)? { Ok(()) } else { print(help(language), out) };
    }
    let command: fn(&Options) -> Result<String, Failure> = match &*command {
        "derive" => derive::derive,
        "check" => check::command,
        "explain" => explain::explain,
        _ => {
            let hint = suggestion(&command, ["derive", "check", "explain", "run"]);
            return Err(Failure::usage(format!("there is no command {command}{hint}\n{}", help(language))));
        }
    };
    match options(&mut parser, language)? {
        Some(options) => print(&command(&options)?, out),
        None => print(help(language), out),
    }
}

/// What the arguments ask for; none if for help.
fn options(parser: &mut Parser, language: Language) -> Result<Option<Options>, Failure> {
    let (mut options, mut formula, mut file) = (Options { language, ..Options::default() }, None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("latex") => options.notation = Notation::Latex,
            Arg::Long("mathml") => options.notation = Notation::MathMl,
            Arg::Long("markdown") => options.notation = Notation::Markdown,
            Arg::Long("elements") => options.elements = true,
            Arg::Long("lang") => options.language = self::language(parser)?,
            Arg::Long("sympy") => options.notation = Notation::SymPy,
            Arg::Long("unicode") => options.notation = Notation::Unicode,
            Arg::Long("wrt") => {
                let names = parser.value()?.string()?;
                options.wrt.extend(names.split(',').map(|name| letter(name.trim()).to_owned()));
            }
            Arg::Long("rate") => {
                let text = parser.value()?.string()?;
                let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
                let rate =
                    rate.ok_or_else(|| Failure::usage(format!("--rate {text}: expected a number from 0 on")));
                options.rate = Some(rate?);
            }
            Arg::Long("shape") => options.shapes.push(parser.value()?.string()?),
            Arg::Long("over") => options.over.push(parser.value()?.string()?),
            Arg::Long("file") => file = Some(parser.value()?),
            Arg::Value(text) if formula.is_none() => formula = Some(text.string()?),
            Arg::Long(name) => {
                let known = [
                    "wrt", "shape", "over", "rate", "latex", "mathml", "markdown", "elements", "sympy",
                    "unicode", "lang", "file", "help",
                ];
                return Err(Failure::usage(format!(
                    "there is no option --{name}{}",
                    suggestion(name, known)
                )));
            }
            Arg::Value(text) => {
                let what = format!("a second formula, {}: is the first in quotes?", text.to_string_lossy());
                return Err(Failure::usage(what));
            }
            Arg::Short(sign) => {
                let what =
                    format!("there is no option -{sign}; a formula that begins with - stands after --");
                return Err(Failure::usage(what));
            }
        }
    }
    options.formula = match (formula, file) {
        (Some(_), Some(_)) => return Err(Failure::usage("a formula and a file: expected one of them")),
        (Some(formula), None) => formula,
        (None, Some(file)) => read(&file)?,
        (None, None) => return Err(Failure::usage("no formula; dl --help has an example")),
    };
    Ok(Some(options))
}

/// The text of a file, or of what comes in for `-`.
pub(crate) fn read(file: &OsStr) -> Result<String, Failure> {
    let mut bytes = vec![];
    let done = match file.to_str() {
        Some("-") => std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes),
        _ => std::fs::File::open(file).and_then(|f| f.take(LONGEST + 1).read_to_end(&mut bytes)),
    };
    let name = file.to_string_lossy();
    done.map_err(|e| Failure::other(format!("{name}: {e}")))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::other(format!("{name}: more than {LONGEST} bytes are no formula")));
    }
    String::from_utf8(bytes).map_err(|e| Failure::other(format!("{name}: {e}")))
}

/// Writes a text and the end of its line.
pub(crate) fn print(text: &str, out: &mut dyn Write) -> Result<(), Failure> {
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // Whoever reads has read enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(|e| Failure::other(format!("cannot write: {e}"))),
    }
}
