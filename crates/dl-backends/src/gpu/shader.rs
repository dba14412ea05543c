//! The text of a kernel while it is written: bindings, shared memory, parts of the grid, functions.

use std::fmt::Write;

use super::functions::{Called, library};
use super::launch::{Launch, Source};
use super::memory::SlotId;

/// Invocations of a work group, unless a kernel wants otherwise.
pub(super) const GROUP: u32 = 64;

/// A kernel of one or several parts, each with work groups of its own.
#[derive(Default)]
pub(super) struct Shader {
    names: Vec<String>,
    bindings: Vec<(SlotId, &'static str)>,
    writes: Vec<SlotId>,
    pub(super) called: Called,
    /// The functions of the parts, and how many work groups each has.
    parts: Vec<(String, u32)>,
    shared: Vec<String>,
    functions: Vec<String>,
}

impl Shader {
    /// The name of a slot's elements.
    pub(super) fn read(&mut self, slot: SlotId, element: &'static str) -> String {
        let known = self.bindings.iter().position(|b| *b == (slot, element));
        let place = known.unwrap_or_else(|| {
            self.bindings.push((slot, element));
            self.bindings.len() - 1
        });
        format!("b{place}")
    }

    /// The same of a slot that is written.
    pub(super) fn write(&mut self, slot: SlotId, element: &'static str) -> String {
        if !self.writes.contains(&slot) {
            self.writes.push(slot);
        }
        self.read(slot, element)
    }

    /// How many buffers it is bound to.
    pub(super) fn binding_count(&self) -> usize {
        self.bindings.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// An array that the invocations of a work group share.
    pub(super) fn shared(&mut self, element: &str, len: u32) -> String {
        let name = format!("shared{}", self.shared.len());
        self.shared.push(format!("var<workgroup> {name}: array<{element}, {len}>;"));
        name
    }

    /// A function that its parts call.
    pub(super) fn function(&mut self, text: String) {
        self.functions.push(text);
    }

    /// A part: `body` knows `group`, its work group's number, and `local`, the invocation's number in it.
    pub(super) fn part(&mut self, name: String, body: &str, groups: u32) {
        self.names.push(name);
        self.parts.push((body.to_owned(), groups));
    }

    /// The kernel.
    pub(super) fn launch(self) -> Launch {
        self.sized(GROUP)
    }

    /// The kernel, in work groups of so many invocations.
    pub(super) fn sized(self, size: u32) -> Launch {
        let mut text = String::new();
        for (i, (_, element)) in self.bindings.iter().enumerate() {
            let _ =
                writeln!(text, "@group(0) @binding({i}) var<storage, read_write> b{i}: array<{element}>;");
        }
        for shared in &self.shared {
            let _ = writeln!(text, "{shared}");
        }
        text.push_str(&library(&self.called));
        self.functions.iter().for_each(|function| text.push_str(function));
        for (i, (body, _)) in self.parts.iter().enumerate() {
            let _ = writeln!(text, "fn part{i}(group: u32, local: u32, lane: u32) {{\n{body}}}");
        }
        let lanes = self.parts.iter().any(|(body, _)| body.contains("subgroup"));
        let lane = if lanes { ", @builtin(subgroup_invocation_id) lane: u32" } else { "" };
        let _ = writeln!(text, "@compute @workgroup_size({size}, 1, 1)");
        let _ = writeln!(
            text,
            "fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) local: u32{lane}) {{"
        );
        let _ = writeln!(text, "  let group = id.x + id.y * grid.x;");
        let (mut first, argument) = (0, if lanes { "lane" } else { "0u" });
        for (i, (_, groups)) in self.parts.iter().enumerate() {
            let until = first + groups;
            let begin = if i == 0 { "  if" } else { " else if" };
            let _ = write!(
                text,
                "{begin} (group < {until}u) {{ part{i}(group - {first}u, local, {argument}); }}"
            );
            first = until;
        }
        text.push_str("\n}\n");
        Launch {
            name: self.names.join(", "),
            source: Source { text, size },
            groups: first,
            bindings: self.bindings.iter().map(|b| b.0).collect(),
            writes: self.writes,
        }
    }
}
