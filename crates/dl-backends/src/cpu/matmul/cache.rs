//! The sizes of the caches, which the blocks of a product come from.

/// Bytes of a core's data caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// Of the first level.
    pub l1: usize,
    /// Of the second level.
    pub l2: usize,
}

impl Caches {
    /// Those of this machine, or of an ordinary one where the system does not say.
    pub fn of_this_machine() -> Self {
        let l1 = level("1").unwrap_or(32 << 10).clamp(16 << 10, 256 << 10);
        let l2 = level("2").unwrap_or(512 << 10).clamp(128 << 10, 16 << 20);
        Caches { l1, l2 }
    }
}

/// The bytes of the data cache of a level, as Linux tells them.
fn level(level: &str) -> Option<usize> {
    (0..8).find_map(|index| {
        let told = |name: &str| {
            let path = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}");
            std::fs::read_to_string(path).ok()
        };
        let fits = told("level")?.trim() == level && told("type")?.trim() != "Instruction";
        if fits { bytes(told("size")?.trim()) } else { None }
    })
}

/// The number that `48K` means.
fn bytes(size: &str) -> Option<usize> {
    let (number, unit) = match size.strip_suffix('K') {
        Some(number) => (number, 1 << 10),
        None => (size.strip_suffix('M').unwrap_or(size), if size.ends_with('M') { 1 << 20 } else { 1 }),
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_system_writes_them() {
        assert_eq!((bytes("48K"), bytes("2M"), bytes("512")), (Some(48 << 10), Some(2 << 20), Some(512)));
        assert_eq!((bytes(""), bytes("K"), bytes("many")), (None, None, None));
    }
}
