//! The table of parsers of `crates/dl-objective/tests/hostile`, for targets of `cargo fuzz`.
#![allow(dead_code)] // the table also says what its mutation tests need

#[path = "../../crates/dl-objective/tests/hostile/checkpoint.rs"]
mod checkpoint;
#[path = "../../crates/dl-core/tests/files/corpus.rs"]
mod corpus;
#[path = "../../crates/dl-objective/tests/hostile/parsers.rs"]
mod parsers;

/// Reads a file by the parser of this name.
pub fn read(name: &str, data: &[u8]) {
    if let Some(parser) = parsers::PARSERS.iter().find(|parser| parser.name == name) {
        let _accepted: bool = (parser.read)(data.to_vec());
    }
}

/// For each parser its name and files that are right.
pub fn corpora() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    parsers::PARSERS.iter().map(|parser| (parser.name, (parser.files)())).collect()
}
