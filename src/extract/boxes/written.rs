//! Boxes as a notation's reader finds them.

/// A label, if there is one, and the numbers: left, top, right, bottom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) label: Option<String>,
    /// The four numbers, or what stands in their place.
    pub(super) numbers: Result<[f64; 4], String>,
}

impl Written {
    /// A box with what was found of a label; blank ones are none.
    pub(super) fn of(label: Option<&str>, numbers: [f64; 4]) -> Self {
        let label = label.map(str::trim).filter(|label| !label.is_empty());
        Self { label: label.map(str::to_owned), numbers: Ok(numbers) }
    }

    /// A box without a label.
    #[cfg(test)]
    pub(super) fn bare(numbers: [f64; 4]) -> Self {
        Self::of(None, numbers)
    }

    /// What is written as a box is, but has not four numbers.
    pub(super) fn unreadable(text: &str) -> Self {
        const LONGEST: usize = 60;
        let shown: String = text.trim().chars().take(LONGEST).collect();
        Self { label: None, numbers: Err(shown) }
    }

    /// A box, if there are numbers; else what stands in their place.
    pub(super) fn read(label: Option<&str>, numbers: Option<[f64; 4]>, text: &str) -> Self {
        match numbers {
            Some(numbers) => Self::of(label, numbers),
            None => Self::unreadable(text),
        }
    }
}

/// Texts of digits, as numbers; none if one is no number.
pub(super) fn numbers<const COUNT: usize>(texts: [&str; COUNT]) -> Option<[f64; COUNT]> {
    let parsed: Result<Vec<f64>, _> = texts.iter().map(|digits| digits.parse()).collect();
    parsed.ok()?.try_into().ok()
}

/// The boxes that can be read, for tests.
#[cfg(test)]
pub(super) fn readable(all: Vec<Written>) -> Vec<Written> {
    all.into_iter().filter(|one| one.numbers.is_ok()).collect()
}
