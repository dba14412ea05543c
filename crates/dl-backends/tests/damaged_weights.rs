//! Damaged files: cut, with flipped bits, swapped and repeated parts, and other lengths.
//!
//! Every one is read or refused, without a panic, and takes no more memory than the file justifies.

#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::io::Cursor;
use std::path::Path;

use dl_backends::weights::{ArrayFile, Format};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn mutated(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let (len, at) = (bytes.len(), random.below(bytes.len()));
        // Headers are at the start, and the directory of an archive is at the end.
        let at = match random.below(4) {
            0 => at,
            1 => at % 16,
            2 => at % 512,
            _ => len.saturating_sub(1 + at % 512),
        };
        if len == 0 {
            break;
        }
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 => {
                let n = random.below(len - at).min(64);
                let part = bytes[at..at + n].to_vec();
                let to = random.below(len);
                bytes.splice(to..to, part);
            }
            4 => {
                let n = random.below(9).min(len - at);
                bytes.drain(at..at + n);
            }
            5 => {
                let huge = [u64::MAX, 1 << 62, 1 << 40, 1 << 31, len as u64, 0];
                let huge = huge[random.below(huge.len())].to_le_bytes();
                let n = [1, 2, 4, 8][random.below(4)].min(len - at);
                bytes[at..at + n].copy_from_slice(&huge[..n]);
            }
            _ => {
                let digits: Vec<usize> = (0..len).filter(|i| bytes[*i].is_ascii_digit()).collect();
                if let Some(&at) = digits.get(random.below(digits.len())) {
                    let more: Vec<u8> =
                        (0..random.below(20)).map(|_| b'0' + random.below(10) as u8).collect();
                    bytes.splice(at..=at, more);
                }
            }
        }
    }
    bytes
}

#[test]
fn damaged_files_are_read_or_refused() {
    let files = [
        ("lstm.safetensors", Format::Safetensors),
        ("perceptron.safetensors", Format::Safetensors),
        ("perceptron.npz", Format::Npz),
        ("packed.npz", Format::Npz),
        ("fortran.npy", Format::Npy),
    ];
    let mut random = Random(7);
    let (mut opened, mut whole) = (0, 0);
    for (name, format) in files {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights").join(name);
        let bytes = std::fs::read(path).unwrap();
        for _ in 0..2000 {
            let bytes = mutated(&bytes, &mut random);
            let size = bytes.len();
            let region = Region::new(HEAP);
            let Ok(mut file) = ArrayFile::of(format, name, Cursor::new(bytes)) else {
                assert!(region.change().bytes_allocated < (1 << 21) + 100 * size, "{name}");
                continue;
            };
            opened += 1;
            let read = (0..file.entries().len()).filter(|i| file.read_at(*i).is_ok()).count();
            whole += usize::from(read == file.entries().len());
            // A piece of elements for each array, and twice what may be packed.
            let most = (4 << 20) * (1 + file.entries().len()) + 3000 * size;
            assert!(region.change().bytes_allocated < most, "{name}");
        }
    }
    assert!(opened > 500 && whole > 100, "{opened} of 10,000 opened, {whole} whole");
}
