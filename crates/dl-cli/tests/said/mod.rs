//! What the command answers.

use std::ffi::OsString;

use dl_cli::command::run;
use dl_report::Language;

/// What is printed for arguments, in English unless they say otherwise; or what is wrong.
pub(crate) fn said(arguments: &[&str]) -> Result<String, String> {
    let mut out = vec![];
    match run(arguments.iter().map(OsString::from), Language::English, &mut out) {
        Ok(()) => Ok(String::from_utf8(out).unwrap()),
        Err(failure) => {
            assert!(out.is_empty(), "nothing is written beside an error");
            Err(failure.to_string())
        }
    }
}
