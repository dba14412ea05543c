//! Rules about `unsafe`: only in the CPU kernels, and each with its reason.

use super::code::{after_word, has_word};
use super::{File, Violation};

const ALLOWED: &str = "crates/dl-backends/src/cpu/";

/// `unsafe` stands only in the CPU executor.
pub(crate) fn place(file: &File) -> Vec<Violation> {
    if file.path.starts_with(ALLOWED) {
        return Vec::new();
    }
    file.code
        .lines()
        .filter(|(_, line)| has_word(line, "unsafe"))
        .map(|(number, _)| file.violation(number, format!("`unsafe` outside {ALLOWED}")))
        .collect()
}

/// Every `unsafe` says why it is sound: `// SAFETY:`, or for a function a
/// `# Safety` section.
pub(crate) fn reason(file: &File) -> Vec<Violation> {
    let lines: Vec<&str> = file.text.lines().collect();
    file.code
        .lines()
        .filter(|(_, line)| needs_reason(line))
        .filter(|(number, _)| !has_reason(&lines, number - 1))
        .map(|(number, _)| file.violation(number, "`unsafe` without `// SAFETY:`"))
        .collect()
}

/// All but the type of a function pointer.
fn needs_reason(line: &str) -> bool {
    let Some(mut after) = after_word(line, "unsafe").map(str::trim_start) else {
        return false;
    };
    if let Some(pointer) = after.strip_prefix("extern") {
        after = pointer.trim_start();
    }
    !after.strip_prefix("fn").is_some_and(|rest| rest.trim_start().starts_with('('))
}

/// Whether the line, one of the three before it, or the comments and
/// attributes that stand directly above it give the reason.
fn has_reason(lines: &[&str], at: usize) -> bool {
    let says = |line: &&str| line.contains("SAFETY:");
    let near = &lines[at.saturating_sub(3)..=at];
    let attached = |line: &&&str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[")
    };
    let mut above = lines[..at].iter().rev().take_while(attached);
    near.iter().any(says) || above.any(|line| says(line) || line.contains("# Safety"))
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    const KERNEL: &str = "crates/dl-backends/src/cpu/kernel.rs";
    const MISSING: &str = "`unsafe` without `// SAFETY:`";

    #[test]
    fn unsafe_stands_only_in_the_cpu_executor() {
        check(place, KERNEL, "unsafe { f() }", &[]);
        let message = "`unsafe` outside crates/dl-backends/src/cpu/";
        check(place, "crates/dl-core/src/a.rs", "\nunsafe { f() }", &[(2, message)]);
        check(place, "crates/dl-backends/src/lib.rs", "unsafe impl A for B {}", &[(1, message)]);
        check(place, "a.rs", "// unsafe\n#![deny(unsafe_code)]\n\"unsafe\"", &[]);
    }

    #[test]
    fn a_block_needs_a_reason() {
        check(reason, KERNEL, "unsafe { f() }", &[(1, MISSING)]);
        check(reason, KERNEL, "// SAFETY: so.\nunsafe { f() }", &[]);
        check(reason, KERNEL, "unsafe { f() } // SAFETY: so.", &[]);
        check(reason, KERNEL, "// SAFETY: so.\nlet a =\n    b(\nunsafe { f() })", &[]);
        check(reason, KERNEL, "// SAFETY: so.\n\n\n\nunsafe { f() }", &[(5, MISSING)]);
        let long = "// SAFETY: a\n// b\n// c\n// d\n#[e]\nunsafe impl F for G {}";
        check(reason, KERNEL, long, &[]);
    }

    #[test]
    fn a_function_needs_a_section() {
        check(reason, KERNEL, "pub unsafe fn f() {}", &[(1, MISSING)]);
        let documented = "/// # Safety\n/// a\n/// b\n/// c\n#[d]\npub unsafe fn f() {}";
        check(reason, KERNEL, documented, &[]);
        check(reason, KERNEL, "type F = unsafe fn(*const f32);", &[]);
    }
}
