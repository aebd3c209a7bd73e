//! Sizes of files as people read them.

/// A number of bytes in the unit in which it has up to three digits before the point, thousands
/// apart: `863.4 kB`.
pub(crate) fn readable(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1e3;
    let mut unit = 0;
    // What would be rounded to 1000.0 belongs to the next unit.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_size() {
        let sizes = [0, 999, 1000, 863_448, 999_949, 999_950, 4_257_712_345];
        let shown = sizes.map(readable);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "863.4 kB", "999.9 kB", "1.0 MB", "4.3 GB"]);
    }
}
