//! Files that somebody damaged on purpose: every parser reads or refuses each of them.
//!
//! None may panic, read on without end, or take more of the heap than the file justifies. Tests try some
//! thousand mutants, always the same; `cargo xtask fuzz --files` tries millions.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

mod checkpoint;
#[path = "../../../dl-core/tests/files/corpus.rs"]
mod corpus;
mod damage;
#[path = "../../../dl-core/tests/stability/fuzz.rs"]
mod fuzz;
#[path = "../../../dl-core/tests/files/mutate.rs"]
mod mutate;
mod parsers;
mod watch;

use std::alloc::System;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::damage::Subject;
use crate::fuzz::Outcome;
use crate::mutate::Random;
use crate::parsers::{PARSERS, Parser};
use crate::watch::Watch;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What has been seen of a parser.
#[derive(Default)]
struct Seen {
    files: u64,
    accepted: u64,
    /// The most of the heap that was taken by one file, and the length of that file.
    most: (usize, usize),
}

/// One test, since the heap is counted for the whole process.
#[test]
fn damaged_files_are_read_or_refused() {
    let watch = Watch::of_a_fuzz_run();
    let fails = |parser: &&Parser| catch_unwind(AssertUnwindSafe(|| tries(parser, &watch))).is_err();
    let failed: Vec<&str> = PARSERS.iter().filter(fails).map(|parser| parser.name).collect();
    assert!(failed.is_empty(), "{failed:?} fail; the messages stand above");
}

/// Damages files of one parser.
fn tries(parser: &Parser, watch: &Watch) {
    let files = (parser.files)().into_iter();
    let subjects: Vec<Subject> = files.map(|bytes| Subject::new(bytes, parser.form)).collect();
    // Mutants of files that are refused would try nothing.
    for (i, subject) in subjects.iter().enumerate() {
        assert!((parser.read)(subject.file().to_vec()), "file {i} of {} is refused", parser.name);
    }
    let seen = Mutex::new(Seen::default());
    fuzz::run(&format!("files of {}", parser.name), 24, |seed| {
        mutants(parser, &subjects, seed, watch, &seen)
    });
    let Seen { files, accepted, most: (heap, length) } = seen.into_inner().unwrap();
    let most = format!("at most {heap} bytes of heap, for a file of {length}");
    let line = format!("{}: {files} files, {accepted} accepted, {most}", parser.name);
    println!("{line}");
    // Graphs and values have been counted.
    fuzz::add(&format!("0 0 0 {line}"));
}

/// Whoever adds a parser adds its target for `cargo fuzz`.
#[test]
fn every_parser_has_a_fuzz_target() {
    let manifest = include_str!("../../../../fuzz/Cargo.toml");
    for parser in PARSERS {
        let (name, path) = (format!("name = \"{}\"", parser.name), format!("{}.rs\"", parser.name));
        assert!(manifest.contains(&name) && manifest.contains(&path), "fuzz/Cargo.toml has no {name}");
    }
}

/// Some mutants of one file, while no other thread takes from the heap.
fn mutants(parser: &Parser, subjects: &[Subject], seed: u64, watch: &Watch, seen: &Mutex<Seen>) -> Outcome {
    // A thread that panics has already been counted as a failure.
    let mut seen = seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut random = Random::new(seed);
    let subject = &subjects[random.below(subjects.len())];
    let mut outcome = Outcome::default();
    // What a thread makes once, it makes before anything is counted.
    (parser.read)(subject.file().to_vec());
    for _ in 0..parser.form.mutants() {
        let bytes = subject.mutant(&mut random);
        let length = bytes.len();
        watch.begin(parser.name, seed);
        let region = Region::new(HEAP);
        let read = catch_unwind(AssertUnwindSafe(|| (parser.read)(bytes)));
        let heap = region.change().bytes_allocated;
        let (constant, factor) = parser.heap;
        if read.is_err() {
            outcome.failures.push(format!("{}: a panic; its message stands above", parser.name));
        } else if heap > constant + factor * length {
            outcome.failures.push(format!("{}: {heap} bytes of heap for {length}", parser.name));
        }
        outcome.judged += 1;
        seen.files += 1;
        seen.accepted += u64::from(read.unwrap_or(false));
        seen.most = seen.most.max((heap, length));
    }
    outcome
}
