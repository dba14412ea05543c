//! Models in files: a safetensors file whose notes hold the program.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufReader, Write};
use std::path::Path;

use dl_core::Program;
use dl_core::Tensor;
use dl_core::graph::ParameterDecl;
use twox_hash::XxHash3_64;

use crate::error::{Error, Result};
use crate::weights::{ArrayFile, Format, Layout, Load, NOTE, replace, write_elements, write_to};

/// The note that makes a file a model: the version of the format.
const MODEL: &str = "dl-model";
/// The version that is written, and the newest that is read.
const FORMAT: u32 = 1;
/// The note that holds the program as JSON.
const PROGRAM: &str = "dl-program";
/// The longest program that is read: 64 MiB.
const LONGEST: usize = 64 << 20;
/// The note that holds the seed of random numbers.
const SEED: &str = "dl-seed";
/// The note that holds the checksum of the rest.
const DIGEST: &str = "dl-digest";

/// What is in a file.
pub(super) struct Contents {
    pub(super) program: Program,
    /// In the order of the program's parameters.
    pub(super) weights: Vec<Tensor>,
    pub(super) seed: u64,
}

pub(super) fn open(path: &Path) -> Result<ArrayFile> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| Error::file(&name, e))?;
    ArrayFile::of(Format::Safetensors, &name, BufReader::with_capacity(1 << 16, file))
}

pub(super) fn read(file: &mut ArrayFile) -> Result<Contents> {
    let name = file.name().to_owned();
    let wrong = |why: String| Error::value(format!("{name}: {why}"));
    let note =
        |note: &str| file.notes().iter().find(|(known, _)| known == note).map(|(_, text)| text.as_str());
    let missing = |what: &str| wrong(format!("its note {what} is missing: it was edited"));
    let Some(version) = note(MODEL) else {
        return Err(wrong("no model, but arrays alone: a session loads weights".into()));
    };
    match version.parse::<u32>() {
        Ok(FORMAT) => {}
        Ok(newer) if newer > FORMAT => {
            return Err(wrong(format!("a model of format {newer}; this version reads {FORMAT}")));
        }
        _ => return Err(wrong(format!("a model of format {version:?}, which is unknown"))),
    }
    let text = note(PROGRAM).ok_or_else(|| missing(PROGRAM))?;
    if text.len() > LONGEST {
        return Err(wrong(format!("a program of {} bytes, at most {LONGEST} are read", text.len())));
    }
    let seed = note(SEED).ok_or_else(|| missing(SEED))?;
    let said = note(DIGEST).ok_or_else(|| missing(DIGEST))?.to_owned();
    let mut digest = Digest::new(text, seed);
    let seed = seed.parse().map_err(|_| wrong(format!("the seed {seed:?} is no number")))?;
    let program = Program::from_json(text).map_err(|e| wrong(e.to_string()))?;
    let decls: Vec<&ParameterDecl> = program.parameters().iter().collect();
    let matched = Load::new(Layout::Own).matched(file, &decls)?;
    if let Some(extra) = matched.report.unused.first() {
        let count = matched.report.unused.len();
        return Err(wrong(format!("{count} arrays are not the program's, the first is {extra}")));
    }
    let weights: Vec<Tensor> = matched.pairs.iter().map(|pair| pair.read(file)).collect::<Result<_>>()?;
    decls.iter().zip(&weights).for_each(|(decl, weight)| digest.add(decl, weight));
    if digest.hex() != said {
        let why = "the checksum is not that of its program and weights: it is damaged, or was edited";
        return Err(wrong(why.into()));
    }
    Ok(Contents { program, weights, seed })
}

pub(super) fn write(path: &Path, program: &Program, weights: &[Tensor], seed: u64) -> Result<()> {
    let (text, seed) = (program.to_json()?, seed.to_string());
    let name = path.display().to_string();
    if text.len() > LONGEST {
        let length = text.len();
        return Err(Error::value(format!(
            "{name}: the program has {length} bytes, at most {LONGEST} are read"
        )));
    }
    let mut digest = Digest::new(&text, &seed);
    program.parameters().iter().zip(weights).for_each(|(decl, weight)| digest.add(decl, weight));
    let notes = [
        (MODEL.to_owned(), FORMAT.to_string()),
        (NOTE.to_owned(), Layout::Own.note().to_owned()),
        (PROGRAM.to_owned(), text),
        (SEED.to_owned(), seed),
        (DIGEST.to_owned(), digest.hex()),
    ];
    let header = |(decl, weight): (&ParameterDecl, &Tensor)| {
        (decl.name.to_string(), weight.dtype(), weight.shape().to_vec())
    };
    let headers: Vec<_> = program.parameters().iter().zip(weights).map(header).collect();
    let written = replace(path, |out| {
        write_to(Format::Safetensors, out, &headers, &notes, |i, out| write_elements(weights[i].view(), out))
    });
    written.map_err(|e| Error::file(&name, e))
}

/// The checksum (XXH3, 64 bits) of a program, a seed and the elements of its parameters: it finds damage and
/// oversights, and keeps nobody out who means harm.
struct Digest(XxHash3_64);

impl Digest {
    fn new(program: &str, seed: &str) -> Self {
        let mut digest = Digest(XxHash3_64::new());
        for text in [program, seed] {
            digest.text(text);
        }
        digest
    }

    fn text(&mut self, text: &str) {
        self.0.write(&(text.len() as u64).to_le_bytes());
        self.0.write(text.as_bytes());
    }

    fn add(&mut self, decl: &ParameterDecl, weight: &Tensor) {
        self.text(&decl.name);
        // The hasher takes everything.
        let _ = write_elements(weight.view(), self);
    }

    fn hex(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
