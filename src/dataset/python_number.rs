//! Numbers as Python's `str` shows them, which is what other readers of a data set's files print.

/// `str(number)` of a `float`: the shortest digits that read back, with an exponent from 1e16 on and
/// below 1e-4 (`float_repr_style`, `Python/pystrtod.c` of CPython).
pub(crate) fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    let plain = number.to_string();
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

/// What Python shows of a literal number; nothing if it is none.
pub(crate) fn shown(literal: &str) -> Option<String> {
    let (sign, unsigned) = match literal.as_bytes().first()? {
        b'-' => ("-", &literal[1..]),
        b'+' => ("", &literal[1..]),
        _ => ("", literal),
    };
    let digits = without_underscores(unsigned)?;
    let shown = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => u128::from_str_radix(&digits[2..], 16).ok()?.to_string(),
        Some("0o") => u128::from_str_radix(&digits[2..], 8).ok()?.to_string(),
        Some("0b") => u128::from_str_radix(&digits[2..], 2).ok()?.to_string(),
        _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => whole(&digits)?,
        _ => fraction(&digits)?,
    };
    Some(if shown == "0" { shown } else { format!("{sign}{shown}") })
}

/// A whole number; Python refuses leading zeros.
fn whole(digits: &str) -> Option<String> {
    let significant = digits.trim_start_matches('0');
    match significant {
        _ if digits.is_empty() => None,
        "" => Some("0".to_owned()),
        _ if significant.len() == digits.len() => Some(digits.to_owned()),
        _ => None,
    }
}

fn fraction(digits: &str) -> Option<String> {
    let is_number = digits.bytes().all(|c| c.is_ascii_digit() || b".eE+-".contains(&c))
        && digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if is_number { digits.parse().ok().map(float) } else { None }
}

/// The digits; Python has single underscores between them.
fn without_underscores(text: &str) -> Option<String> {
    let is_bad = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!is_bad).then(|| text.replace('_', ""))
}

/// Whether a text is a whole number exactly as one is written, without leading zeros or a plus: only
/// then is it the same id as that number.
pub(crate) fn canonical(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `str(..)` of CPython 3.11 says.
    #[test]
    fn floats_are_shown_as_python_does() {
        for (number, expected) in [
            (14.0, "14.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(float(number), expected);
        }
    }

    #[test]
    fn literals() {
        for (literal, expected) in [
            ("14", Some("14")),
            ("+14", Some("14")),
            ("-0", Some("0")),
            ("007", None),
            ("00", Some("0")),
            ("1_000.50", Some("1000.5")),
            (".5", Some("0.5")),
            ("5.", Some("5.0")),
            ("1__0", None),
            ("1.2.3", None),
            ("0xff", Some("255")),
            ("12345678901234567890123", Some("12345678901234567890123")),
            ("inf", None),
            ("-", None),
        ] {
            assert_eq!(shown(literal).as_deref(), expected, "{literal}");
        }
    }

    #[test]
    fn only_a_number_as_it_is_written_is_that_number() {
        assert_eq!(canonical("7"), Some(7));
        assert_eq!(canonical("-7"), Some(-7));
        for text in ["007", "+7", "7.0", "", " 7", "99999999999999999999"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
