//! The folder of a run's checkpoints.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use dl_backends::weights::{ArrayFile, Format, remove_unfinished, replace, write_into};
use dl_core::{Name, Tensor};
use sha2::{Digest, Sha256};

use super::Keep;
use super::record::{Record, hex};
use crate::error::{Error, Result};

/// The longest small file that is read.
const LONGEST_RECORD: u64 = 1 << 30;

/// A checkpoint that is safe on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The folder that it is in.
    pub folder: PathBuf,
    /// The session's step.
    pub step: u64,
    /// Bytes of both files.
    pub bytes: u64,
}

/// `runs/a at step 1200`.
impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at step {}", self.folder.display(), self.step)
    }
}

/// A folder of checkpoints.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    /// While a training writes there.
    lock: Option<File>,
    /// In tests: how many bytes fit on the disk.
    #[cfg(test)]
    pub(super) space: Option<u64>,
}

impl Store {
    pub(crate) fn new(folder: &Path) -> Store {
        Store {
            folder: folder.to_owned(),
            lock: None,
            #[cfg(test)]
            space: None,
        }
    }

    /// Makes the folder, and keeps others from writing there; removes what a killed writer has left.
    pub(crate) fn open(&mut self) -> Result<()> {
        let open = || {
            fs::create_dir_all(&self.folder)?;
            File::create(self.folder.join("lock"))
        };
        let file = open().map_err(|e| self.error(&e))?;
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(TryLockError::WouldBlock) => {
                return Err(self.error(&"another training writes its checkpoints there"));
            }
            Err(TryLockError::Error(e)) => return Err(self.error(&e)),
        }
        remove_unfinished(&self.folder).map_err(|e| self.error(&e))?;
        let steps = self.steps()?;
        let orphans = numbered(&self.folder, "safetensors").map_err(|e| self.error(&e))?;
        for step in orphans.into_iter().filter(|step| !steps.contains(step)) {
            fs::remove_file(self.path(step, "safetensors")).map_err(|e| self.error(&e))?;
        }
        Ok(())
    }

    /// The steps of all checkpoints, in order.
    pub(crate) fn steps(&self) -> Result<Vec<u64>> {
        match numbered(&self.folder, "json") {
            Ok(steps) => Ok(steps),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(vec![]),
            Err(e) => Err(self.error(&e)),
        }
    }

    /// Writes a checkpoint. When this returns, it is safe; when it fails, those before it are as they were.
    pub(super) fn write(&self, mut record: Record, arrays: &[(Name, Tensor)]) -> io::Result<Saved> {
        let step = record.standing.step;
        let views: Vec<_> = arrays.iter().map(|(name, value)| (&**name, value.view())).collect();
        let write_all = |out: &mut dyn Write| -> io::Result<(u64, String)> {
            let mut out = Hashing { out, hasher: Sha256::new(), bytes: 0 };
            write_into(Format::Safetensors, &mut out, &views)?;
            Ok((out.bytes, hex(&out.hasher.finalize())))
        };
        let path = self.path(step, "safetensors");
        // There may be one of this step, of which only the small file is to be another.
        let same = path.exists() && hashed(&path)? == write_all(&mut io::sink())?;
        if same {
            (record.bytes, record.sha256) = hashed(&path)?;
        } else {
            match fs::remove_file(self.path(step, "json")) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            replace(&path, |out| {
                (record.bytes, record.sha256) = write_all(&mut self.medium(out))?;
                Ok(())
            })?;
        }
        let text = record.to_json()?;
        replace(&self.path(step, "json"), |out| self.medium(out).write_all(text.as_bytes()))?;
        Ok(Saved { folder: self.folder.clone(), step, bytes: record.bytes + text.len() as u64 })
    }

    /// Removes the checkpoints that need not stay, of those up to `step`: where a training was resumed before the
    /// last one, what came after is not what it has come to.
    pub(super) fn prune(&self, keep: &Keep, step: u64) -> io::Result<()> {
        let mut steps = numbered(&self.folder, "json")?;
        steps.retain(|other| *other <= step);
        let score = |step: &u64| {
            let text = fs::read(self.path(*step, "json")).ok()?;
            Record::from_json(&text).ok()?.score
        };
        // Without a goal nobody asks for scores.
        let scores = match keep.goal() {
            Some(_) => steps.iter().map(score).collect(),
            None => vec![None; steps.len()],
        };
        for i in keep.gone(&scores) {
            fs::remove_file(self.path(steps[i], "json"))?;
            fs::remove_file(self.path(steps[i], "safetensors"))?;
        }
        Ok(())
    }

    /// The checkpoint of a step, after both files were checked from the first byte to the last.
    pub(crate) fn read(&self, step: u64) -> Result<(Record, Vec<(String, Tensor)>)> {
        let refuse = |why: &dyn fmt::Display| {
            Error::value(format!(
                "checkpoint {} is refused: {why}{}",
                self.path(step, "json").display(),
                self.other(step)
            ))
        };
        let record = self.record(step).map_err(|why| refuse(&why))?;
        if record.standing.step != step {
            return Err(refuse(&format!("it is of step {}", record.standing.step)));
        }
        let path = self.path(step, "safetensors");
        let (bytes, sha256) = hashed(&path).map_err(|e| refuse(&format!("{}: {e}", path.display())))?;
        if bytes != record.bytes {
            return Err(refuse(&format!("its arrays are {bytes} bytes, {} were written", record.bytes)));
        }
        if sha256 != record.sha256 {
            return Err(refuse(
                &"its arrays were changed after they were written: their checksum is another",
            ));
        }
        let mut file = ArrayFile::open(&path).map_err(|e| refuse(&e))?;
        let names: Vec<String> = file.entries().iter().map(|entry| entry.name().to_owned()).collect();
        let mut arrays = vec![];
        for (place, name) in names.into_iter().enumerate() {
            arrays.push((name, file.read_at(place).map_err(|e| refuse(&e))?));
        }
        Ok((record, arrays))
    }

    /// The step of the best checkpoint, among those that can be read.
    pub(crate) fn best(&self, goal: &super::Goal) -> Result<Option<u64>> {
        let mut best: Option<(u64, f64)> = None;
        for step in self.steps()? {
            let score = self.record(step).ok().and_then(|record| record.score);
            if let Some(score) = score
                && best.is_none_or(|(_, old)| goal.is_better(score, old))
            {
                best = Some((step, score));
            }
        }
        Ok(best.map(|(step, _)| step))
    }

    fn record(&self, step: u64) -> std::result::Result<Record, String> {
        let text = || {
            let mut text = vec![];
            File::open(self.path(step, "json"))?.take(LONGEST_RECORD).read_to_end(&mut text)?;
            Ok(text)
        };
        Record::from_json(&text().map_err(|e: io::Error| e.to_string())?)
    }

    /// What to resume in place of a checkpoint that cannot be.
    pub(crate) fn other(&self, step: u64) -> String {
        let before = self.steps().unwrap_or_default().into_iter().rev().find(|other| {
            *other < step
                && self.record(*other).is_ok_and(|record| {
                    hashed(&self.path(*other, "safetensors")).is_ok_and(|(_, sha256)| sha256 == record.sha256)
                })
        });
        match before {
            Some(before) => {
                format!("; the one before it, of step {before}, is whole: Trainer::resume_at takes it")
            }
            None => "; there is none before it".into(),
        }
    }

    fn path(&self, step: u64, end: &str) -> PathBuf {
        self.folder.join(format!("step-{step:012}.{end}"))
    }

    fn error(&self, why: &dyn fmt::Display) -> Error {
        Error::value(format!("checkpoints in {}: {why}", self.folder.display()))
    }

    #[cfg(not(test))]
    fn medium<'a>(&self, out: &'a mut dyn Write) -> &'a mut dyn Write {
        out
    }

    #[cfg(test)]
    fn medium<'a>(&self, out: &'a mut dyn Write) -> tests::Disk<'a> {
        tests::Disk { out, left: self.space }
    }
}

/// The steps of the files with this end of their names, in order.
fn numbered(folder: &Path, end: &str) -> io::Result<Vec<u64>> {
    let mut steps = vec![];
    for entry in folder.read_dir()? {
        let name = entry?.file_name();
        let step =
            name.to_str().and_then(|name| name.strip_prefix("step-")?.strip_suffix(end)?.strip_suffix('.'));
        steps.extend(step.and_then(|step| step.parse::<u64>().ok()));
    }
    steps.sort_unstable();
    Ok(steps)
}

/// The length and SHA-256 of a file.
fn hashed(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hashing = Hashing { out: io::sink(), hasher: Sha256::new(), bytes: 0 };
    io::copy(&mut file, &mut hashing)?;
    Ok((hashing.bytes, hex(&hashing.hasher.finalize())))
}

/// Writes, and hashes what it wrote.
struct Hashing<W> {
    out: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;
    use crate::checkpoint::Standing;

    /// A disk with so much space left for each file.
    pub(super) struct Disk<'a> {
        pub(super) out: &'a mut dyn Write,
        pub(super) left: Option<u64>,
    }

    impl Write for Disk<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Some(left) = &mut self.left else {
                return self.out.write(bytes);
            };
            if *left == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let fits = bytes.len().min(*left as usize);
            let written = self.out.write(&bytes[..fits])?;
            *left -= written as u64;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.out.flush()
        }
    }

    fn record(step: u64) -> Record {
        let standing = Standing { step, ..Standing::default() };
        Record::new("program".into(), standing, History::default(), None)
    }

    fn arrays(step: u64) -> Vec<(Name, Tensor)> {
        vec![("w".into(), Tensor::vector(vec![step as f64; 50]))]
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path());
        store.open().unwrap();
        for step in [10, 20] {
            store.write(record(step), &arrays(step)).unwrap();
        }
        (folder, store)
    }

    fn refused(store: &Store, step: u64, want: &str) {
        let why = store.read(step).unwrap_err().to_string();
        assert!(why.contains(want), "{why}");
    }

    #[test]
    fn what_is_written_is_read() {
        let (_folder, store) = store();
        assert_eq!(store.steps().unwrap(), [10, 20]);
        let (read, values) = store.read(20).unwrap();
        assert_eq!((read.standing.step, read.program.as_str()), (20, "program"));
        assert_eq!(values, [("w".to_owned(), arrays(20)[0].1.clone())]);
    }

    #[test]
    fn damage_is_refused_and_the_one_before_offered() {
        let (_folder, store) = store();
        let (json, arrays) = (store.path(20, "json"), store.path(20, "safetensors"));
        let (text, bytes) = (fs::read(&json).unwrap(), fs::read(&arrays).unwrap());
        let offered = "; the one before it, of step 10, is whole: Trainer::resume_at takes it";
        fs::write(&json, &text[..100]).unwrap();
        refused(&store, 20, &format!("is refused: it is cut short{offered}"));
        fs::write(&json, &text).unwrap();
        fs::write(&arrays, &bytes[..bytes.len() - 1]).unwrap();
        refused(
            &store,
            20,
            &format!("its arrays are {} bytes, {} were written{offered}", bytes.len() - 1, bytes.len()),
        );
        let mut flipped = bytes.clone();
        flipped[bytes.len() - 5] ^= 1;
        fs::write(&arrays, &flipped).unwrap();
        refused(&store, 20, "its arrays were changed after they were written");
        fs::rename(store.path(10, "json"), store.path(11, "json")).unwrap();
        fs::rename(store.path(10, "safetensors"), store.path(11, "safetensors")).unwrap();
        refused(&store, 11, "it is of step 10; there is none before it");
        // Every byte counts.
        for i in (0..text.len()).step_by(7) {
            let mut text = text.clone();
            text[i] ^= 4;
            fs::write(&json, &text).unwrap();
            assert!(store.read(20).is_err(), "byte {i}");
        }
    }

    #[test]
    fn a_full_disk_loses_nothing_that_was_saved() {
        let (folder, mut store) = store();
        for space in (0..2000).step_by(61) {
            store.space = Some(space);
            let Err(error) = store.write(record(30), &arrays(30)) else {
                assert!(space > 400, "{space}");
                break;
            };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert_eq!(store.steps().unwrap(), [10, 20]);
            assert_eq!(store.read(20).unwrap().1[0].1, arrays(20)[0].1);
        }
        store.space = None;
        // What a writer leaves that could not write the second file goes when the folder is opened again.
        fs::remove_file(store.path(20, "json")).unwrap();
        fs::write(folder.path().join(".writing-x.part"), "half").unwrap();
        drop(store);
        let mut store = Store::new(folder.path());
        store.open().unwrap();
        let mut left: Vec<_> = folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert!(left.iter().all(|name| !name.to_str().unwrap().contains("20.")), "{left:?}");
    }

    #[test]
    fn one_training_writes_to_a_folder() {
        let (folder, _store) = store();
        let error = Store::new(folder.path()).open().unwrap_err().to_string();
        assert!(error.ends_with("another training writes its checkpoints there"), "{error}");
    }

    #[test]
    fn what_need_not_stay_goes() {
        let (_folder, store) = store();
        store.write(record(30), &arrays(30)).unwrap();
        // The training was resumed at 10: what came later is not counted.
        store.write(record(15), &arrays(15)).unwrap();
        store.prune(&Keep::last_ones(1), 15).unwrap();
        assert_eq!(store.steps().unwrap(), [15, 20, 30]);
        store.prune(&Keep::last_ones(1), 30).unwrap();
        assert_eq!(store.steps().unwrap(), [30]);
        assert_eq!(numbered(&store.folder, "safetensors").unwrap(), [30]);
    }
}
