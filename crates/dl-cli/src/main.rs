//! The command `dl`.

use std::process::ExitCode;

use dl_report::Language;

fn main() -> ExitCode {
    let done = dl_cli::command::run(std::env::args_os().skip(1), language(), &mut std::io::stdout().lock());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

/// That of the environment, by the first of its variables that is set; English where it is neither language.
fn language() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| std::env::var(name).ok());
    set.filter(|tag| !tag.is_empty()).map(|tag| Language::of_tag(&tag)).next().flatten().unwrap_or_default()
}
