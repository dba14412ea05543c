//! How a long run of tests is asked for, and where its tables go: the library itself neither reads nor prints.

/// Whether the environment asks for all of a run of which tests do a part by default.
pub(crate) fn all(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "all")
}

/// Prints for people; the test runner shows it where it is asked to.
pub(crate) fn print(text: &str) {
    println!("{text}");
}
