//! What measurements on a device have chosen, and the file that keeps it.
//!
//! `Wgpu::tuned` measures how the products of a program are cut best when it compiles the program, and
//! keeps what it found in a file. This module reads such files, so that they can be looked at, and writes them.
//!
//! A file is JSON: `format` and `version`, which say whose it is, and a list of [`Choice`]s. It is read within limits
//! (8 MiB, 20,000 choices, 512 bytes of a text) and replaced as a whole, under a lock beside it (the file's name and
//! `.lock`), so that several processes can add to one file. A file of another kind or of a later version is refused,
//! and never written over.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::weights::replace;

/// What a file says that it is.
const FORMAT: &str = "dl-backends tuning";
const VERSION: u32 = 1;
/// Bytes of a file, choices in it, and bytes of a text, at most.
const LARGEST: u64 = 8 << 20;
const MOST: usize = 20_000;
const LONGEST: usize = 512;

/// How a matrix product is cut into tiles, each of which a subgroup computes in its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of each lane of the subgroup.
    pub columns: usize,
    /// Terms of each share of a sum, at most; the shares are added up afterwards (split-k).
    pub terms: usize,
}

/// A cut, and how long the product took with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timed {
    /// How the product is cut.
    pub cut: Cut,
    /// The median of several rounds.
    pub seconds: f64,
}

/// A product on a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The adapter, as it calls itself.
    pub device: String,
    /// Its driver, with the version.
    pub driver: String,
    /// A digest of the kernels as the cost model cuts them, but for the numbers that they compute with. It stands for
    /// the sizes, the operands, what is computed before and after, and the version of the generator.
    pub kernel: String,
}

/// What was measured of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Which product, and where.
    pub key: Key,
    /// The product, for people.
    pub product: String,
    /// The fastest.
    pub best: Timed,
    /// What the cost model would have taken.
    pub model: Timed,
}

/// The choices of a file.
///
/// ```
/// use dl_backends::tuning::Choices;
/// let folder = tempfile::tempdir()?;
/// let choices = Choices::open(folder.path().join("tuned.json"))?; // not there yet
/// assert_eq!(choices.all().len(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices(Vec<Choice>);

/// What says whose a file is: read first, so that a later version may have other fields.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Body {
    choices: Vec<Choice>,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'a str,
    version: u32,
    choices: &'a [Choice],
}

impl Choices {
    /// The choices in a file; none if there is no such file yet.
    ///
    /// # Errors
    /// When the file cannot be read or is not one of choices, and when there is no folder for it.
    pub fn open(path: impl AsRef<Path>) -> Result<Choices> {
        let path = path.as_ref();
        let named = |error: io::Error| Error::file(&path.display().to_string(), error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // What is measured for minutes must not find at the end that it has nowhere to go.
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                return match folder.is_none_or(Path::is_dir) {
                    true => Ok(Choices::default()),
                    false => Err(named(io::Error::other("there is no folder for it"))),
                };
            }
            Err(error) => return Err(named(error)),
        };
        let mut bytes = vec![];
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(named)?;
        Choices::from_json(&bytes).map_err(|error| named(io::Error::other(error)))
    }

    /// The choices of a file's text.
    ///
    /// # Errors
    /// When it is larger than the [limits](self), no JSON of choices, or of a later version.
    pub fn from_json(bytes: &[u8]) -> Result<Choices> {
        let refused = |why: String| Error::value(format!("{why}: name another file, or remove this one"));
        if bytes.len() as u64 > LARGEST {
            return Err(refused(format!("more than {LARGEST} bytes, so no file of choices")));
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| {
            refused(format!("expected a file of {FORMAT:?}, got another or a damaged one ({error})"))
        })?;
        if head.format != FORMAT {
            let text: String = head.format.chars().take(64).collect();
            return Err(refused(format!("expected a file of {FORMAT:?}, got one of {text:?}")));
        }
        if head.version != VERSION {
            let version = head.version;
            return Err(refused(format!(
                "version {version} of {FORMAT:?}, of which this program reads {VERSION}"
            )));
        }
        let body: Body = serde_json::from_slice(bytes)
            .map_err(|error| refused(format!("a damaged file of {FORMAT:?} ({error})")))?;
        if body.choices.len() > MOST {
            return Err(refused(format!("{} choices, more than {MOST}", body.choices.len())));
        }
        for (i, choice) in body.choices.iter().enumerate() {
            choice
                .check()
                .map_err(|why| refused(format!("choice {i} of a damaged file of {FORMAT:?}: {why}")))?;
        }
        Ok(Choices(body.choices))
    }

    /// All of them, in the order of the file.
    pub fn all(&self) -> &[Choice] {
        &self.0
    }

    /// The choice of a product on a device.
    pub fn get(&self, key: &Key) -> Option<&Choice> {
        self.0.iter().find(|choice| choice.key == *key)
    }

    /// Adds a choice, in place of an earlier one of the same product.
    pub fn add(&mut self, choice: Choice) {
        match self.0.iter_mut().find(|other| other.key == choice.key) {
            Some(other) => *other = choice,
            None => self.0.push(choice),
        }
    }

    /// Adds choices to a file, which keeps what others have added since it was read, and is replaced as a whole. At
    /// the limit, the oldest go.
    ///
    /// # Errors
    /// When the file is not one of choices any more, or the file system refuses; the file is then as it was.
    pub fn add_to(path: &Path, choices: &[Choice]) -> Result<Choices> {
        let named = |error: io::Error| Error::file(&path.display().to_string(), error);
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        // Closing it lets the next one in.
        let lock = File::create(PathBuf::from(name)).map_err(named)?;
        lock.lock().map_err(named)?;
        let mut all = Choices::open(path)?;
        choices.iter().for_each(|choice| all.add(choice.clone()));
        let excess = all.0.len().saturating_sub(MOST);
        all.0.drain(..excess);
        let written = Written { format: FORMAT, version: VERSION, choices: &all.0 };
        replace(path, |out| {
            serde_json::to_writer_pretty(&mut *out, &written)?;
            out.write_all(b"\n")
        })
        .map_err(named)?;
        Ok(all)
    }
}

impl Choice {
    /// Whether it can be meant.
    fn check(&self) -> std::result::Result<(), String> {
        let Key { device, driver, kernel } = &self.key;
        if let Some(long) =
            [device, driver, kernel, &self.product].into_iter().find(|text| text.len() > LONGEST)
        {
            return Err(format!("a text of {} bytes, more than {LONGEST}", long.len()));
        }
        for Timed { cut, seconds } in [self.best, self.model] {
            // An executor takes a cut only if it is among those that it would measure.
            if !(seconds.is_finite() && seconds > 0.0) {
                return Err(format!("a time of {seconds} s"));
            }
            if [cut.rows, cut.columns, cut.terms].contains(&0) {
                return Err(format!("a product cut into nothing ({cut:?})"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(kernel: &str, rows: usize) -> Choice {
        let timed = |rows| Timed { cut: Cut { rows, columns: 4, terms: 64 }, seconds: 1e-4 };
        let key = Key { device: "a card".into(), driver: "1.0".into(), kernel: kernel.into() };
        Choice { key, product: "2×3×4".into(), best: timed(rows), model: timed(16) }
    }

    #[test]
    fn what_was_added_is_read_and_a_later_choice_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuned.json");
        Choices::add_to(&path, &[choice("a", 8), choice("b", 8)]).unwrap();
        Choices::add_to(&path, &[choice("a", 32)]).unwrap();
        let read = Choices::open(&path).unwrap();
        assert_eq!(read.all(), [choice("a", 32), choice("b", 8)]);
        let other = Key { driver: "2.0".into(), ..choice("a", 8).key };
        assert_eq!((read.get(&choice("b", 8).key), read.get(&other)), (Some(&choice("b", 8)), None));
    }

    #[test]
    fn several_writers_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuned.json");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for i in 0..4 {
                        Choices::add_to(path, &[choice(&format!("{writer}.{i}"), 8)]).unwrap();
                    }
                });
            }
        });
        assert_eq!(Choices::open(&path).unwrap().all().len(), 32);
    }

    #[test]
    fn files_of_others_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuned.json");
        let right =
            serde_json::to_string(&Written { format: FORMAT, version: 1, choices: &[choice("a", 8)] });
        let right = right.unwrap();
        let cases = [
            (String::new(), "expected a file"),
            ("notes of mine".into(), "expected a file"),
            ("{\"format\":\"recipes\",\"version\":1}".into(), "got one of \"recipes\""),
            (right.replace("\"version\":1", "\"version\":2,\"more\":{}"), "version 2"),
            (right[..right.len() / 2].into(), "expected a file"),
            (right.replace("\"columns\":4", "\"columns\":0"), "cut into nothing"),
            (right.replace("\"columns\":4", "\"columns\":-4"), "damaged"),
            (right.replace("0.0001", "-1.0"), "a time of -1"),
            (right.replace("a card", &"x".repeat(600)), "600 bytes"),
            (right.replace("\"choices\"", "\"chosen\""), "damaged"),
        ];
        for (text, why) in cases {
            std::fs::write(&path, &text).unwrap();
            let told = Choices::open(&path).unwrap_err().to_string();
            assert!(told.contains(why) && told.contains("tuned.json"), "{told}");
            Choices::add_to(&path, &[choice("b", 8)]).unwrap_err();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert!(Choices::from_json(right.as_bytes()).is_ok());
        let told = Choices::open(folder.path().join("no/tuned.json")).unwrap_err().to_string();
        assert!(told.contains("no folder"), "{told}");
    }
}
