//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What the names of unfinished files begin and end with.
const UNFINISHED: (&str, &str) = (".writing-", ".part");

/// Writes a file so that at every moment, also if the process is killed or the disk is full, `path` is either
/// what it was before or all of what `write` writes: under another name in the same folder, synced, renamed,
/// and the folder synced.
///
/// # Errors
/// What `write` or the file system reports; `path` is then as before, and nothing else is left.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("note.txt");
/// dl_backends::weights::replace(&path, |out| out.write_all(b"all of it"))?;
/// assert_eq!(std::fs::read(&path)?, b"all of it");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less what the umask takes
    let mut file = builder.tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 18, file.as_file_mut());
    write(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(path)?;
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes what writers have left in a folder that were killed.
///
/// # Errors
/// What the file system reports.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        replace(&path, |out| out.write_all(b"first")).unwrap();
        let full = replace(&path, |out| {
            out.write_all(&vec![1; 1 << 20])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        replace(&path, |out| out.write_all(b"second")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        assert!(replace(&folder.path().join("no/folder"), |_| Ok(())).is_err());
    }

    #[test]
    fn remains_of_killed_writers_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".writing-x1.part", "weights.part", "other"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        remove_unfinished(folder.path()).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }
}
