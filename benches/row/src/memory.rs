//! The memory that a process has used.

use std::fs;

/// Memory of this process in MiB.
#[derive(Clone, Copy, Debug)]
pub enum Memory {
    /// Resident now.
    Now,
    /// The most that was resident since the start or since [`forget_peak`].
    Peak,
}

impl Memory {
    /// `None` where the system does not say (other than Linux).
    pub fn mib(self) -> Option<f64> {
        let key = match self {
            Memory::Now => "VmRSS",
            Memory::Peak => "VmHWM",
        };
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let value = status.lines().find_map(|line| field(line, key))?;
        let kib: f64 = value.strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024.0)
    }
}

/// Starts the peak anew at what is resident now, where the system allows it.
pub fn forget_peak() {
    // 5 resets VmHWM alone (proc(5)); where it cannot, the peak is an upper bound.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The value of `key: value`, blanks around both, as in the files of `/proc`.
pub fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once(':')?;
    (name.trim() == key).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        assert_eq!(field("VmHWM:\t  12 kB", "VmHWM"), Some("12 kB"));
        assert_eq!(field("model name\t: A: B", "model name"), Some("A: B"));
        assert_eq!(field("model\t: 7", "model name"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_large_allocation_raises_the_peak() {
        let before = Memory::Peak.mib().unwrap();
        let block = vec![1u8; 256 << 20];
        let now = Memory::Now.mib().unwrap();
        drop(std::hint::black_box(block));
        assert!(now >= 256.0 && Memory::Peak.mib().unwrap() >= before.max(256.0));
    }
}
