//! The row `tuning` of the table of parsers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dl_fuzz::read("tuning", data));
