//! Child processes: what runs is printed, and a failure names the child.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::process::{Command, ExitStatus};
use std::time::Instant;

/// A child process and the words it is known by in messages.
pub(crate) struct Child {
    command: Command,
    shown: String,
}

impl Child {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { shown: program.as_ref().to_string_lossy().into_owned(), command: Command::new(program) }
    }

    /// The `cargo` that started us, so that toolchains do not mix.
    pub(crate) fn cargo(subcommand: &str) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Self::new(program);
        child.shown = "cargo".to_owned();
        child.arg(subcommand)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable for the child, shown in front of its name.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.shown = format!("{name}={value:?} {}", self.shown);
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs to the end with our own input and output, and says how long it took.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let started = Instant::now();
        self.run_last()?;
        let seconds = started.elapsed().as_secs_f64();
        if seconds >= 1.0 {
            eprintln!("  took {seconds:.0} s");
        }
        Ok(())
    }

    /// Runs as the last act of the command: nothing is printed after its own
    /// closing lines.
    pub(crate) fn run_last(mut self) -> Result<(), Failure> {
        eprintln!("$ {}", self.shown);
        let status = self.command.status();
        let status = status.map_err(|error| Failure::start(&self.shown, &error))?;
        if status.success() { Ok(()) } else { Err(Failure::child(&self.shown, status)) }
    }

    /// What the child writes to its output, which must be UTF-8.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let output = self.command.output();
        let output = output.map_err(|error| Failure::start(&self.shown, &error))?;
        if !output.status.success() {
            let mut failure = Failure::child(&self.shown, output.status);
            failure.message.push('\n');
            failure.message.push_str(String::from_utf8_lossy(&output.stderr).trim_end());
            return Err(failure);
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Failure::other(format!("`{}` wrote bytes that are not UTF-8", self.shown)))
    }
}

/// Runs every step, whatever the others do, so that one run shows all that is wrong.
pub(crate) fn all(steps: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let failures: Vec<Failure> = steps.into_iter().filter_map(Result::err).collect();
    let Some(first) = failures.first() else {
        return Ok(());
    };
    let exit_code = first.exit_code;
    let messages: Vec<String> = failures.into_iter().map(|f| f.message).collect();
    Err(Failure { message: messages.join("\nxtask: "), exit_code })
}

/// Writes to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Failure::other(format!("cannot write to standard output: {error}")))
}

/// Why a command did not succeed, and the code to exit with.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    exit_code: u8,
}

impl Failure {
    /// The command line is wrong: exit code 2.
    pub(crate) fn usage(message: String) -> Self {
        Self { message, exit_code: 2 }
    }

    pub(crate) fn other(message: String) -> Self {
        Self { message, exit_code: 1 }
    }

    fn start(shown: &str, error: &io::Error) -> Self {
        Self::other(format!("cannot start `{shown}`: {error}"))
    }

    /// A child's own exit code becomes ours.
    fn child(shown: &str, status: ExitStatus) -> Self {
        let code = status.code();
        let how = match code {
            Some(code) => format!("exit code {code}"),
            None => status.to_string(),
        };
        Self {
            message: format!("`{shown}` failed: {how}"),
            exit_code: code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(format!("{error}; see `cargo xtask help`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_child_and_its_code() {
        let child = Child::cargo("no-such-subcommand").arg("--flag");
        let failure = child.output().expect_err("no such subcommand");
        assert_eq!(failure.exit_code(), 101);
        let expected = "`cargo no-such-subcommand --flag` failed: exit code 101";
        assert!(failure.to_string().starts_with(expected), "{failure}");
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let failure = Child::new("dl-no-such-program").run().expect_err("missing");
        let expected = "cannot start `dl-no-such-program`: ";
        assert!(failure.to_string().starts_with(expected), "{failure}");
    }

    #[test]
    fn all_reports_each_failure() {
        let failed = |text: &str| Err(Failure::other(text.to_owned()));
        let both = all([failed("a"), Ok(()), failed("b")]).expect_err("two failed");
        assert_eq!(both.to_string(), "a\nxtask: b");
        assert!(all([Ok(()), Ok(())]).is_ok());
    }
}
