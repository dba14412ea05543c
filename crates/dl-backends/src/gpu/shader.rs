//! The text of a kernel while it is written: bindings, shared memory, parts of the grid, functions.

use std::fmt::Write;

use super::elements::enabled;
use super::launch::{Launch, Source};
use super::library::{Called, library};
use super::memory::SlotId;

/// Invocations of a work group, unless a kernel wants otherwise.
pub(super) const GROUP: u32 = 64;

/// A kernel of one or several parts, each with work groups of its own.
#[derive(Clone, Default)]
pub(super) struct Shader {
    names: Vec<String>,
    bindings: Vec<(SlotId, &'static str)>,
    writes: Vec<SlotId>,
    pub(super) called: Called,
    /// The functions of the parts, and how many work groups each has.
    parts: Vec<(String, u32)>,
    shared: Vec<String>,
    functions: Vec<String>,
    /// Invocations of a work group, if they are not as many as usual.
    size: Option<u32>,
    /// Operations on numbers, as the schedule counts them.
    pub(super) operations: usize,
    /// Of a product: how it is cut, for listings.
    pub(super) cut: Option<String>,
}

impl Shader {
    /// The name of a slot's elements.
    pub(super) fn read(&mut self, slot: SlotId, element: &'static str) -> String {
        if !self.bindings.contains(&(slot, element)) {
            self.bindings.push((slot, element));
        }
        named(slot, element)
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
        self.shared.push(format!("array<{element}, {len}>"));
        format!("$shared{}$", self.shared.len() - 1)
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

    /// In work groups of so many invocations.
    pub(super) fn sized(self, size: u32) -> Self {
        Shader { size: Some(size), ..self }
    }

    /// The slots that it reads or writes.
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotId> {
        self.bindings.iter().map(|b| b.0)
    }

    /// The slots that it reads or writes, each with the type of its elements.
    pub(super) fn bindings(&self) -> &[(SlotId, &'static str)] {
        &self.bindings
    }

    /// The slots that it writes.
    pub(super) fn writes(&self) -> &[SlotId] {
        &self.writes
    }

    /// Whether another one may have its parts as well, in a kernel of at most so many buffers.
    pub(super) fn takes(&self, other: &Shader, most: usize) -> bool {
        let plain = |shader: &Shader| shader.size.is_none() && shader.functions.is_empty();
        let more = other.bindings.iter().filter(|b| !self.bindings.contains(b)).count();
        plain(self) && plain(other) && self.bindings.len() + more <= most
    }

    /// Adds the parts of another one.
    pub(super) fn add(&mut self, other: Shader) {
        let Shader { names, bindings, writes, called, parts, shared, operations, .. } = other;
        self.operations = self.operations.saturating_add(operations);
        self.names.extend(names);
        self.called.extend(called);
        for binding in bindings {
            if !self.bindings.contains(&binding) {
                self.bindings.push(binding);
            }
        }
        for slot in writes {
            if !self.writes.contains(&slot) {
                self.writes.push(slot);
            }
        }
        let first = self.shared.len();
        for (mut body, groups) in parts {
            for i in (0..shared.len()).rev() {
                body = body.replace(&format!("$shared{i}$"), &format!("$shared{}$", first + i));
            }
            self.parts.push((body, groups));
        }
        self.shared.extend(shared);
    }

    /// The kernel.
    pub(super) fn launch(self) -> Launch {
        let size = self.size.unwrap_or(GROUP);
        let mut text = enabled(self.bindings.iter().map(|binding| binding.1));
        for (slot, element) in &self.bindings {
            let place = self.place((*slot, element));
            let name = named(*slot, element);
            let _ = writeln!(
                text,
                "@group(0) @binding({place}) var<storage, read_write> {name}: array<{element}>;"
            );
        }
        for (i, shared) in self.shared.iter().enumerate() {
            let _ = writeln!(text, "var<workgroup> $shared{i}$: {shared};");
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
        // Names that say nothing of the plan, so that kernels of the same text are one.
        for binding in &self.bindings {
            text = text.replace(&named(binding.0, binding.1), &format!("b{}", self.place(*binding)));
        }
        let text = text.replace("$shared", "shared").replace('$', "");
        let mut names = self.names;
        names.dedup();
        Launch {
            name: names.join(", "),
            source: Source::new(text, size),
            groups: first,
            operations: self.operations,
            cut: self.cut,
            bindings: self.bindings.iter().map(|b| b.0).collect(),
            writes: self.writes,
        }
    }

    fn place(&self, binding: (SlotId, &str)) -> usize {
        self.bindings.iter().position(|b| *b == binding).unwrap_or(0)
    }
}

/// The name of a slot's elements while the text is written.
fn named(slot: SlotId, element: &str) -> String {
    format!("${}:{element}$", slot.0)
}
