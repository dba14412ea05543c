//! Files that appear whole or not at all, and the remains of those whose writers were killed.
//!
//! A file is written under a name of this crate's own, synced, and renamed. Its writer holds a lock on
//! it, which the operating system lets go of when the process ends, however it ends: what bears such a
//! name and is not locked is nobody's any more.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

const PREFIX: &str = ".dl-data-";
const SUFFIX: &str = ".partial";

/// Writes `bytes` to `path` in `folder`.
pub(crate) fn write_whole(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = locked(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A new file that no other process removes.
fn locked(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A cache may be shared; temporary files are private by default.
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    loop {
        let file = builder.tempfile_in(folder)?;
        // Where there are no locks, nobody else gets one either, and nothing is removed.
        let lock = file.as_file().lock();
        // Between its creation and the lock it may have been taken for abandoned.
        if lock.is_err() || file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes from `folder` what writers left that are no more. What cannot be removed stays.
pub(crate) fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        // The lock is held until the file is gone, so that a writer waits for that.
        if ours
            && let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_whole_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train");
        write_whole(folder.path(), &path, b"old").unwrap();
        write_whole(folder.path(), &path, b"new").unwrap();
        assert_eq!(fs::read(path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["train"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let others = [".dl-data-notes", ".tmpAbCdEf", "mine.partial", "train"];
        for name in others.into_iter().chain([".dl-data-AbCdEf.partial", ".dl-data-123456.partial"]) {
            fs::write(folder.path().join(name), b"half").unwrap();
        }
        remove_abandoned(folder.path());
        assert_eq!(names(folder.path()), others);
        remove_abandoned(&folder.path().join("not there"));
    }

    #[test]
    fn what_somebody_is_writing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = locked(folder.path()).unwrap();
        file.write_all(b"half").unwrap();
        remove_abandoned(folder.path());
        assert!(file.path().exists());
        let left = file.into_temp_path().keep().unwrap();
        // The lock ended with the file's handle, as with the process.
        remove_abandoned(folder.path());
        assert!(!left.exists());
    }
}
