//! The progress bar: a bar on a terminal, a line for each part elsewhere.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

/// What a part counts on the bar.
const PART: f64 = 1000.0;

/// Goes from part to part, and within a part from 0 to 1.
///
/// It is drawn when told something, never by a thread of its own, which would
/// take time from what is measured.
pub(crate) struct Progress {
    bar: ProgressBar,
    lines: bool,
    parts: usize,
    part: usize,
}

impl Progress {
    pub(crate) fn new(parts: usize) -> Self {
        let bar = ProgressBar::new((parts as f64 * PART) as u64);
        let template = "{bar:30} {percent:>3} %  {elapsed} of about {duration}  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress { bar, lines: !io::stderr().is_terminal(), parts, part: 0 }
    }

    /// Begins the next part.
    pub(crate) fn part(&mut self, name: &str) {
        self.part += 1;
        if self.lines {
            eprintln!("part {} of {}: {name}", self.part, self.parts);
        }
        self.at(0.0, name);
    }

    /// `share` of the part is done; what comes next is `message`.
    pub(crate) fn at(&self, share: f64, message: &str) {
        let done = (self.part.max(1) - 1) as f64 + share.clamp(0.0, 1.0);
        self.bar.set_message(message.to_owned());
        self.bar.set_position((done * PART) as u64);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
