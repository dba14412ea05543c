//! Which array of a file goes to which parameter, and what does not fit.

use std::fmt;

use dl_core::graph::ParameterDecl;
use dl_core::spelling::suggestion;
use dl_core::{DType, Tensor};

use super::layout::NOTE;
use super::{Arrangement, ArrayFile, Layout};
use crate::error::{Error, Result};

/// How weights are loaded; see [`Session::load`](crate::Session::load).
///
/// ```
/// use dl_backends::weights::{Layout, Load};
/// // A state dict of a larger module, of which the classifier is trained anew.
/// let encoder = Load::new(Layout::PyTorch).rename("model.encoder.*", "encoder.*").partial();
/// # let _ = encoder;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    layout: Layout,
    partial: bool,
    casting: bool,
    renames: Vec<(String, String)>,
    images: Vec<(String, Vec<usize>)>,
}

impl From<Layout> for Load {
    fn from(layout: Layout) -> Load {
        Load::new(layout)
    }
}

impl Load {
    /// Every parameter must be in the file, of its shape in the layout and of its type.
    pub fn new(layout: Layout) -> Load {
        Load { layout, ..Load::default() }
    }

    /// Parameters that the file has not keep their values.
    #[must_use]
    pub fn partial(self) -> Load {
        Load { partial: true, ..self }
    }

    /// Floats of one precision are rounded to the other.
    #[must_use]
    pub fn casting(self) -> Load {
        Load { casting: true, ..self }
    }

    /// Arrays whose whole name matches `from`, where each `*` stands for any characters, are taken under the
    /// name `to`, in which each `*` is what the same one of `from` stood for. The first rule that matches counts.
    #[must_use]
    pub fn rename(mut self, from: &str, to: &str) -> Load {
        self.renames.push((from.into(), to.into()));
        self
    }

    /// The inputs of the dense weight called `name` are images `[…, channels]` in rows, which the program does not
    /// say itself: it has made them by `reshape` rather than [`nn::flatten`](dl_core::nn::flatten).
    #[must_use]
    pub fn flattened(mut self, name: &str, images: &[usize]) -> Load {
        self.images.push((name.into(), images.to_vec()));
        self
    }

    /// Finds an array for each of the parameters, or says everything that is wrong.
    pub(crate) fn matched(&self, file: &ArrayFile, decls: &[&ParameterDecl]) -> Result<Matched> {
        let said = file.notes().iter().find(|(name, _)| name == NOTE).and_then(|(_, n)| Layout::of_note(n));
        if let Some(other) = said.filter(|layout| *layout != self.layout) {
            return Err(Error::value(format!(
                "{}: the file's layout is {other}, not {}",
                file.name(),
                self.layout
            )));
        }
        let known = |name: &str| decls.iter().any(|decl| *decl.name == *name);
        if let Some((name, _)) = self.images.iter().find(|(name, _)| !known(name)) {
            let hint = suggestion(name, decls.iter().map(|decl| &*decl.name));
            return Err(Error::value(format!("no parameter {name} to be flattened{hint}")));
        }
        let mut names = vec![];
        for entry in file.entries() {
            names.push(self.renamed(entry.name())?);
        }
        let (mut matched, mut wrong) = (Matched::default(), vec![]);
        for (i, name) in names.iter().enumerate() {
            if let Some(other) = names[..i].iter().position(|other| other == name) {
                let (a, b) = (file.entries()[other].name(), file.entries()[i].name());
                wrong.push(format!("{name}: the arrays {a} and {b} are both renamed to it"));
            }
        }
        for decl in decls {
            let images = self.images.iter().find(|(name, _)| *decl.name == **name);
            let arrangement = Arrangement::new(decl, self.layout, images.map(|(_, images)| &images[..]))?;
            let Some(place) = names.iter().position(|name| *decl.name == **name) else {
                if !self.partial {
                    let hint = suggestion(&decl.name, names.iter().map(String::as_str));
                    wrong.push(format!("{}: not in the file{hint}", decl.name));
                }
                matched.report.missing.push(decl.name.to_string());
                continue;
            };
            let entry = &file.entries()[place];
            let typed = entry.dtype().is_some_and(|dtype| {
                dtype == decl.dtype || (self.casting && dtype.is_float() && decl.dtype.is_float())
            });
            if typed && entry.shape() == arrangement.file {
                matched.report.loaded.push(decl.name.to_string());
                matched.pairs.push(Pair {
                    place,
                    dtype: decl.dtype,
                    arrangement,
                    name: decl.name.to_string(),
                });
                continue;
            }
            let ours = if arrangement.file == arrangement.own {
                String::new()
            } else {
                format!(" (ours is {:?})", arrangement.own)
            };
            wrong.push(format!(
                "{}: expected {} {:?}{ours}, the file has {entry}",
                decl.name, decl.dtype, arrangement.file
            ));
        }
        if !wrong.is_empty() {
            let (n, s) = (wrong.len(), if wrong.len() == 1 { "" } else { "s" });
            let list = wrong.join("\n  ");
            return Err(Error::value(format!(
                "{} does not fit the parameters ({n} mistake{s}):\n  {list}",
                file.name()
            )));
        }
        let unused = names.iter().zip(file.entries()).filter(|(name, _)| !known(name));
        matched.report.unused = unused.map(|(_, entry)| entry.name().to_owned()).collect();
        Ok(matched)
    }

    fn renamed(&self, name: &str) -> Result<String> {
        for (from, to) in &self.renames {
            let (holes, filled) = (from.matches('*').count(), to.matches('*').count());
            if filled > holes {
                return Err(Error::value(format!("{to} has {filled} stars, {from} has {holes}")));
            }
            if let Some(parts) = captured(from, name) {
                let mut parts = parts.into_iter();
                let pieces: Vec<&str> = to.split('*').collect();
                return Ok(pieces.iter().enumerate().fold(String::new(), |done, (i, piece)| {
                    let hole = if i == 0 { "" } else { parts.next().unwrap_or("") };
                    done + hole + piece
                }));
            }
        }
        Ok(name.to_owned())
    }
}

/// What each star of `pattern` stands for in `name`: as little as possible, the last one what is left.
fn captured<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let Some((first, rest)) = pattern.split_once('*') else {
        return (pattern == name).then(Vec::new);
    };
    let mut left = name.strip_prefix(first)?;
    let mut parts = vec![];
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            parts.push(left.strip_suffix(piece)?);
            break;
        }
        let (part, after) = left.split_once(piece)?;
        parts.push(part);
        left = after;
    }
    Some(parts)
}

/// What was found for the parameters.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) report: LoadReport,
}

/// A parameter and its array.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) name: String,
    place: usize,
    dtype: DType,
    arrangement: Arrangement,
}

impl Pair {
    /// The value of the parameter.
    pub(crate) fn read(&self, file: &mut ArrayFile) -> Result<Tensor> {
        let value = self.arrangement.loaded(file.read_at(self.place)?)?;
        if value.dtype() == self.dtype {
            return Ok(value);
        }
        Ok(Tensor::from_f64(self.dtype, value.shape().to_vec(), &value.to_f64())?)
    }
}

/// What was loaded, by name.
///
/// ```
/// use dl_backends::weights::LoadReport;
/// assert_eq!(LoadReport::default().to_string(), "loaded 0, missing 0, unused 0");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadReport {
    /// Parameters that have a value from the file.
    pub loaded: Vec<String>,
    /// Parameters that the file has not.
    pub missing: Vec<String>,
    /// Arrays of the file that are no parameters.
    pub unused: Vec<String>,
}

/// `loaded 6, missing 0, unused 2`.
impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (loaded, missing, unused) = (self.loaded.len(), self.missing.len(), self.unused.len());
        write!(f, "loaded {loaded}, missing {missing}, unused {unused}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_what_is_between() {
        let load = Load::new(Layout::Own)
            .rename("model.*", "*")
            .rename("layers.*.conv.*", "block*.*")
            .rename("head", "fc.weight")
            .rename("aux.*", "aux");
        let to = |name: &str| load.renamed(name).unwrap();
        assert_eq!(to("model.fc1.weight"), "fc1.weight");
        assert_eq!(to("layers.3.conv.weight"), "block3.weight");
        assert_eq!(to("layers.3.bias"), "layers.3.bias");
        assert_eq!(to("head"), "fc.weight");
        assert_eq!(to("head2"), "head2");
        assert_eq!(to("aux.x"), "aux");
        let error = Load::new(Layout::Own).rename("a", "*").renamed("a").unwrap_err();
        assert_eq!(error.to_string(), "* has 1 stars, a has 0");
    }
}
