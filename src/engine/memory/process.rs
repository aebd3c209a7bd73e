//! Memory of the process, where the system tells (Linux; see `proc(5)`).

use std::path::Path;

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

/// Memory that can still be had: of the machine, of the control group that the process runs in
/// (containers, `systemd-run`), and of its address space (`ulimit -v`), whichever is least.
pub(super) fn available_bytes() -> Option<u64> {
    let machine = read("/proc/meminfo", "MemAvailable:");
    let swap = read("/proc/meminfo", "SwapFree:").unwrap_or(0);
    let machine = machine.map(|bytes| bytes.saturating_add(swap));
    [machine, group_bytes(), address_bytes()].into_iter().flatten().min()
}

/// What the limit of address space leaves.
fn address_bytes() -> Option<u64> {
    let limits = text("/proc/self/limits")?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    // `unlimited` is no number.
    let limit: u64 = limit.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(read("/proc/self/status", "VmSize:")?))
}

/// What the limits of the control group and of those around it leave (cgroups(7), version 2).
fn group_bytes() -> Option<u64> {
    let groups = text("/proc/self/cgroup")?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    let around = root.join(group);
    around.ancestors().take_while(|group| group.starts_with(root)).filter_map(left_of_group).min()
}

/// Bytes up to the group's limit; files that were read count as used, but give way.
fn left_of_group(group: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
    let limit: u64 = read("memory.max")?.trim().parse().ok()?;
    let used: u64 = read("memory.current")?.trim().parse().ok()?;
    let files = read("memory.stat").and_then(|stat| {
        let line = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
        line?.trim().parse().ok()
    });
    Some(limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
}

fn text(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
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

    #[test]
    fn a_group_leaves_its_limit_less_what_is_used() {
        let group = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(group.path().join(name), text).unwrap();
        assert_eq!(left_of_group(group.path()), None);
        write("memory.max", "1000\n");
        write("memory.current", "700\n");
        assert_eq!(left_of_group(group.path()), Some(300));
        write("memory.stat", "anon 500\ninactive_file 150\n");
        assert_eq!(left_of_group(group.path()), Some(450));
        write("memory.max", "max\n");
        assert_eq!(left_of_group(group.path()), None);
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
