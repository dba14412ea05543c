//! Lists the adapters that wgpu finds, what each can run, and what the start-up check finds: what
//! `cargo xtask devices` runs.

use std::io::{self, Write};

use dl_backends::burn::adapters;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let all = adapters();
    if all.is_empty() {
        return writeln!(
            out,
            "no adapter: install the graphics card's driver, or one in software (Debian's mesa-vulkan-drivers)"
        );
    }
    for (place, adapter) in all.iter().enumerate() {
        let gap = if place > 0 { "\n" } else { "" };
        write!(out, "{gap}{adapter}")?;
    }
    Ok(())
}
