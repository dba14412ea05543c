//! `dl run`: a training that a small file describes, derived, run, and drawn.
//!
//! ```toml
//! formula = """
//! p = x*w + b
//! mean((p - t)^2) + lambda*w^2
//! """
//!
//! [data]
//! columns = { x = [0, 1, 2, 3], t = [1, 3, 5, 7] }
//!
//! [parameters]
//! w = 0
//! b = 0
//!
//! [constants]
//! lambda = 0.001
//!
//! [training]
//! rate = 0.1
//! epochs = 300
//! ```
//!
//! What the formula does not define is a parameter, a constant, or comes from the data: the column of its name, or those
//! that `[inputs]` says: `X = ["a", "b"]`, `X = { columns = ["a", "b"], standardize = true }`, `y = "kind"`. Data is
//! `file = "points.csv"` (also `.tsv`, `.npz`, `.npy`, `.safetensors`) beside the description, `columns` as above, or
//! `set = "digits"` (`x` `[B, 64]` from 0 to 1, labels `y`); `test = 0.2` holds that share of it out. Labels are whole
//! numbers from 0 on, in the order of the texts or numbers of their column. A parameter is a number to start with, a
//! shape, or `{ shape = [64, 10], start = "uniform" }`. Definitions of the formula that are single numbers are reported
//! beside the objective. Without data a step is an epoch: `steps = 100`.

mod curve;
mod data;
mod file;
mod model;
mod report;
mod train;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use dl_core::Tensor;
use dl_explain::Explanation;
use dl_report::Language;
use lexopt::{Arg, Parser};

use crate::command::{Failure, language as language_of, print, read};
use crate::formula::Mistake;
use data::{Divided, Examples};
use file::Description;
use model::{Model, Wrong, model};
use train::train;

/// What is asked of the command.
#[derive(Default)]
struct Options {
    file: Option<OsString>,
    save: Option<PathBuf>,
    page: Option<PathBuf>,
    language: Language,
}

fn options(parser: &mut Parser, language: Language) -> Result<Option<Options>, Failure> {
    let mut options = Options { language, ..Options::default() };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("save") => options.save = Some(parser.value()?.into()),
            Arg::Long("lang") => options.language = language_of(parser)?,
            Arg::Long("page") => options.page = Some(parser.value()?.into()),
            Arg::Value(file) if options.file.is_none() => options.file = Some(file),
            Arg::Value(file) => {
                return Err(Failure::usage(format!("a second file, {}", file.to_string_lossy())));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

/// Does what the arguments behind `run` ask for; whether they did not ask for help.
pub(crate) fn command(parser: &mut Parser, language: Language, out: &mut dyn Write) -> Result<bool, Failure> {
    let Some(options) = options(parser, language)? else { return Ok(false) };
    let file = options.file.ok_or_else(|| Failure::usage("no file; dl --help has an example"))?;
    if let Some(save) = &options.save {
        let ending = save.extension().map(|e| e.to_string_lossy().to_lowercase());
        if !matches!(ending.as_deref(), Some("safetensors" | "npz")) {
            let what = "expected a name that ends in .safetensors or .npz";
            return Err(Failure::usage(format!("--save {}: {what}", save.display())));
        }
    }
    let file = Path::new(&file);
    let language = options.language;
    let described = Described::read(file, language)?;
    let data = described.data()?;
    print(&report::beginning(&described.model, data.as_ref(), language), out)?;
    let trained = train(&described.model, &described.description.training, data.as_ref(), (out, language))?;
    print(&report::end(&described.model, &trained, language)?, out)?;
    if let Some(path) = &options.save {
        trained.session.save(path).map_err(|e| Failure::other(format!("{}: {e}", path.display())))?;
        print(&format!("\n{}{}", language.pick("weights in ", "权重在 "), path.display()), out)?;
    }
    if let Some(path) = &options.page {
        let page = report::page(&file.display().to_string(), &described.model, &trained, language);
        page.write(path).map_err(|e| Failure::other(format!("{}: {e}", path.display())))?;
        print(&format!("\n{}{}", language.pick("page in ", "网页在 "), path.display()), out)?;
    }
    Ok(true)
}

/// What a page says of a training: its derivation and its step, run on the first examples.
pub(crate) fn explanation(file: &Path, language: Language) -> Result<Explanation, Failure> {
    let described = Described::read(file, language)?;
    let Described { model, description, .. } = &described;
    let data = described.data()?;
    let inputs = data.iter().flat_map(|data| &data.first);
    let mut inputs: Vec<(&str, Tensor)> =
        inputs.map(|(name, value)| (name.as_str(), value.clone())).collect();
    // On paper they are inputs; in the step they are numbers.
    for (name, value) in &description.constants {
        inputs.push((name, Tensor::from_f64(model.real, [], &[*value])?));
    }
    let explanation =
        Explanation::new(&file.display().to_string(), model.derivation.clone(), model.step.clone());
    let explanation = explanation.language(language).about(&model.described.join(" · "));
    explanation.run(&inputs, description.training.seed).map_err(|e| Failure::other(e.to_string()))
}

/// A file that was read, with its programs.
struct Described {
    description: Description,
    model: Model,
    examples: Option<Examples>,
}

impl Described {
    fn read(file: &Path, language: Language) -> Result<Described, Failure> {
        let text = read(file.as_os_str())?;
        let placed = |mistake: Mistake| {
            Failure::other(format!("{}, line {}: {mistake}", file.display(), mistake.line()))
        };
        let description = file::read(&text).map_err(placed)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let examples = description
            .data
            .as_ref()
            .map(|data| Examples::read(data, &description.inputs, folder, description.training.seed));
        let examples = examples.transpose()?;
        let name = file.display().to_string();
        let model =
            model((&name, &text), &description, examples.as_ref(), language).map_err(
                |wrong| match wrong {
                    Wrong::Mistake(mistake) => placed(mistake),
                    Wrong::Failure(failure) => failure,
                },
            )?;
        Ok(Described { description, model, examples })
    }

    /// The examples for the model's inputs.
    fn data(&self) -> Result<Option<Divided>, Failure> {
        let inputs: Vec<(&str, bool)> =
            self.model.inputs.iter().map(|(name, is_whole)| (name.as_str(), *is_whole)).collect();
        self.examples.as_ref().map(|examples| examples.divided(&inputs, self.model.real)).transpose()
    }
}
