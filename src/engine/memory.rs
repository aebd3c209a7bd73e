//! Peak memory of the process, where the system tells.

/// Starts a new peak, where the system can do so (Linux; see `proc(5)`, `clear_refs`).
///
/// Where it cannot, later peaks are those of the whole process, which is still an upper bound.
pub(super) fn reset_peak() {
    #[cfg(target_os = "linux")]
    // A refusal (an old kernel, a restricted container) leaves the process-wide peak.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Highest resident memory since the last reset, in bytes.
pub(super) fn peak_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return parse_peak(&std::fs::read_to_string("/proc/self/status").ok()?);
    #[cfg(not(target_os = "linux"))]
    return None;
}

/// The `VmHWM` line of `/proc/self/status`, which counts in KiB.
#[cfg(any(target_os = "linux", test))]
fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_peak_line() {
        let status = "VmPeak:\t  9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse_peak(status), Some(2048 * 1024));
        assert_eq!(parse_peak("VmRSS: 1 kB"), None);
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
    }
}
