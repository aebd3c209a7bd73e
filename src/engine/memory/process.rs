//! Memory of the process, where the system tells (Linux; see `proc(5)`).

/// Starts a new peak (`clear_refs`). A refusal (an old kernel, a restricted container) leaves the
/// process-wide one.
pub(super) fn reset_peak() {
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Highest resident memory since the last reset.
pub(super) fn peak_bytes() -> Option<u64> {
    read("/proc/self/status", "VmHWM:")
}

/// Resident memory.
pub(super) fn resident_bytes() -> Option<u64> {
    read("/proc/self/status", "VmRSS:")
}

/// Memory that the machine can still give.
pub(super) fn available_bytes() -> Option<u64> {
    read("/proc/meminfo", "MemAvailable:")
}

#[cfg(target_os = "linux")]
fn read(path: &str, field: &str) -> Option<u64> {
    parse(&std::fs::read_to_string(path).ok()?, field)
}

#[cfg(not(target_os = "linux"))]
fn read(_path: &str, _field: &str) -> Option<u64> {
    None
}

/// A field that counts in KiB.
#[cfg(any(target_os = "linux", test))]
fn parse(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_field_in_kibibytes() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse(status, "VmHWM:"), Some(2048 * 1024));
        assert_eq!(parse("VmRSS: 1 kB", "VmHWM:"), None);
    }

    /// Other tests run meanwhile, so only the lower bound is certain.
    #[cfg(target_os = "linux")]
    #[test]
    fn sees_a_large_allocation() {
        const BYTES: usize = 256 << 20;
        reset_peak();
        let block = vec![1u8; BYTES];
        std::hint::black_box(&block);
        assert!(peak_bytes().unwrap() >= BYTES as u64);
        assert!(resident_bytes().unwrap() >= BYTES as u64);
        assert!(available_bytes().unwrap() > 0);
    }
}
