//! Damaged files of tables and images: cut, with flipped bits, swapped and repeated parts, and other lengths.
//!
//! Every one is read or refused, without a panic, and takes no more memory than the file justifies.
#![cfg(all(feature = "csv", feature = "images"))]
#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::path::Path;

use dl_data::{CsvOptions, ImageFolder, Missing, Random, Table};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn below(random: &mut Random, n: usize) -> usize {
    random.below(n.max(1) as u64) as usize
}

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=below(random, 3) {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        let at = below(random, len);
        // Headers are at the start, and the directory of a Parquet file is at the end.
        let at = match below(random, 4) {
            0 => at,
            1 => at % 32,
            2 => at % 512,
            _ => len.saturating_sub(1 + at % 512),
        };
        let at = at.min(len - 1);
        match below(random, 7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << below(random, 8),
            2 => bytes[at] = random.next_u64() as u8,
            3 => {
                let n = below(random, len - at).min(64);
                let part = bytes[at..at + n].to_vec();
                let to = below(random, len);
                bytes.splice(to..to, part);
            }
            4 => {
                let n = below(random, 9).min(len - at);
                bytes.drain(at..at + n);
            }
            5 => {
                let huge = [u64::MAX, 1 << 62, 1 << 40, 1 << 31, len as u64, 0];
                let huge = huge[below(random, huge.len())].to_le_bytes();
                let n = [1, 2, 4, 8][below(random, 4)].min(len - at);
                bytes[at..at + n].copy_from_slice(&huge[..n]);
            }
            _ => bytes[at] = b",\"\n\r;.-e09"[below(random, 10)],
        }
    }
    bytes
}

/// Reads mutants of a file; how many could be read.
fn tried(
    path: &Path,
    times: usize,
    most: impl Fn(usize) -> usize,
    read: impl Fn() -> dl_data::Result<usize>,
) -> usize {
    let whole = std::fs::read(path).unwrap();
    let mut random = Random::new(7);
    let mut readable = 0;
    for i in 0..times {
        let bytes = mutated(&whole, &mut random);
        let size = bytes.len();
        std::fs::write(path, &bytes).unwrap();
        drop(bytes);
        let region = Region::new(HEAP);
        readable += usize::from(read().is_ok());
        let taken = region.change().bytes_allocated;
        assert!(taken < most(size), "{}: mutant {i} of {size} bytes took {taken}", path.display());
    }
    std::fs::write(path, whole).unwrap();
    readable
}

#[test]
fn damaged_tables_and_images_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("t.csv");
    let lines = (0..60).map(|i| format!("{i},{}.5,\"a, {}\",{}\n", i * i, i % 3, ["x", "", "NA"][i % 3]));
    std::fs::write(&csv, format!("n,x,t,m\n{}", lines.collect::<String>())).unwrap();
    for missing in [Missing::Keep, Missing::Drop] {
        let options = CsvOptions::new().missing(missing);
        let read = tried(
            &csv,
            1500,
            |size| (1 << 20) + 200 * size,
            || Table::read_csv(&csv, &options).map(|table| table.len()),
        );
        assert!((300..1500).contains(&read), "{read}");
    }
    for (name, grey) in [("0.png", true), ("0.jpg", false)] {
        let class = folder.path().join(name).join("class");
        std::fs::create_dir_all(&class).unwrap();
        let file = class.join(name);
        let image = image::RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y % 256) as u8])
        });
        image.save(&file).unwrap();
        let read = tried(
            &file,
            700,
            |size| (24 << 20) + 5000 * size,
            || {
                let images = ImageFolder::open(folder.path().join(name))?;
                let images = if grey { images.grey() } else { images };
                let size = images.shape().iter().product::<usize>();
                let pixels = images.read(0)?;
                assert_eq!(pixels.len(), size);
                Ok(pixels.len())
            },
        );
        assert!(read < 700, "{name}: {read}");
    }
}

#[cfg(feature = "parquet")]
#[test]
fn damaged_parquet_files_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    for version in ["1.0", "2.0"] {
        let here =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/tables/pyarrow-{version}.parquet"));
        std::fs::copy(here, &path).unwrap();
        let read = tried(
            &path,
            2000,
            |size| (64 << 20) + 2000 * size,
            || Table::read_parquet(&path).map(|table| table.len()),
        );
        assert!(read < 2000, "{version}: {read}");
    }
}
