//! The row `latex` of the table of parsers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::read("latex", data));
