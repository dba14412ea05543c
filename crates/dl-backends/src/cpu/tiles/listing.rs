//! How a divided plan runs, for people to read.

use std::fmt::{self, Write};

use super::tiled::Tiled;
use crate::profile::Kernel;

impl Tiled {
    /// A line for each kernel: the values of the plan that it computes, its operations, and the bytes beyond its own blocks that it reads and writes, for all rows.
    pub(in crate::cpu) fn listing(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes everything");
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let tiling = &self.tiling;
        let (shards, shard, tile) = (self.shards.len(), tiling.shard.min(tiling.rows), tiling.tile);
        match self.schedule.rows() {
            Ok(_) => writeln!(text, "{} rows: {shards} × {shard} in shards, {tile} in a tile", tiling.rows)?,
            Err(why) => writeln!(text, "whole values only: {why}")?,
        }
        for kernel in self.kernels(None) {
            write_line(text, &kernel)?;
        }
        for (index, _) in self.updates.iter().enumerate().filter(|(_, u)| u.direct.is_some()) {
            writeln!(text, "update     {} by the product", self.update_text(index))?;
        }
        Ok(())
    }
}

fn write_line(text: &mut String, kernel: &Kernel) -> fmt::Result {
    write!(text, "{}", kernel.name)?;
    let costs = [
        (kernel.operations > 0).then(|| format!("{} operations", count(kernel.operations))),
        (kernel.input_bytes + kernel.bytes > 0).then(|| size(kernel.input_bytes + kernel.bytes)),
    ];
    let costs: Vec<String> = costs.into_iter().flatten().collect();
    if !costs.is_empty() {
        write!(text, "  {}", costs.join(", "))?;
    }
    writeln!(text)
}

/// A number of operations.
fn count(n: usize) -> String {
    scaled(n, 1000.0, ["", " k", " M", " G"])
}

/// A number of bytes.
fn size(n: usize) -> String {
    scaled(n, 1024.0, [" B", " KiB", " MiB", " GiB"])
}

fn scaled(n: usize, base: f64, units: [&str; 4]) -> String {
    let mut x = n as f64;
    let mut units = units.into_iter();
    let mut unit = units.next().unwrap_or("");
    for next in units {
        if x < base {
            break;
        }
        (x, unit) = (x / base, next);
    }
    if x < 10.0 && unit != " B" && !unit.is_empty() {
        format!("{x:.1}{unit}")
    } else {
        format!("{x:.0}{unit}")
    }
}
