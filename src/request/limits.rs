//! The ranges of generation options, for every place that takes them from outside.
//!
//! What is fine as a 64-bit number may be none as the 32-bit number that logits are: below 1e-38 a
//! temperature or a penalty makes every logit infinite. No range here comes near to that.

/// A range of numbers.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The range in words, behind "expected".
    pub words: &'static str,
    is_within: fn(f64) -> bool,
}

impl Bounds {
    /// Whether a number is in the range. What is not a number is in none.
    pub fn holds(&self, number: f64) -> bool {
        (self.is_within)(number)
    }
}

/// Most tokens of an answer. No model of today answers at greater length.
pub const MOST_NEW_TOKENS: usize = 1_000_000;
/// Most beams: each has its own copy of the key/value cache.
pub const MOST_BEAMS: usize = 100;

/// Most tokens an answer may have.
pub const NEW_TOKENS: Bounds = Bounds {
    words: "1 to 1000000",
    is_within: |count| (1.0..=MOST_NEW_TOKENS as f64).contains(&count),
};
/// Fewest tokens before an answer may end.
pub const MIN_NEW_TOKENS: Bounds = Bounds {
    words: "0 to 1000000",
    is_within: |count| (0.0..=MOST_NEW_TOKENS as f64).contains(&count),
};
/// By what logits are divided before a draw.
pub const TEMPERATURE: Bounds = Bounds {
    words: "0 (greedy), or from 0.000001 to 1000000",
    is_within: |value| value == 0.0 || (1e-6..=1e6).contains(&value),
};
/// The share of probability that tokens are drawn from.
pub const TOP_P: Bounds =
    Bounds { words: "above 0 and at most 1", is_within: |value| value > 0.0 && value <= 1.0 };
/// By what the logits of tokens seen before are divided.
pub const REPETITION_PENALTY: Bounds = Bounds {
    words: "from 0.01 to 100 (1 is none)",
    is_within: |value| (0.01..=100.0).contains(&value),
};
/// Answers followed at a time.
pub const BEAMS: Bounds = Bounds {
    words: "1 (no beam search) to 100",
    is_within: |count| (1.0..=MOST_BEAMS as f64).contains(&count),
};
/// The power of an answer's length.
pub const LENGTH_PENALTY: Bounds =
    Bounds { words: "from -10 to 10", is_within: |value| (-10.0..=10.0).contains(&value) };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_no_number_or_none_as_a_32_bit_number_is_in_a_range() {
        let all = [
            NEW_TOKENS,
            MIN_NEW_TOKENS,
            TEMPERATURE,
            TOP_P,
            REPETITION_PENALTY,
            BEAMS,
            LENGTH_PENALTY,
        ];
        for bounds in all {
            for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e39, 1.8e19, -1e39] {
                assert!(!bounds.holds(number), "{}: {number}", bounds.words);
            }
            assert!(bounds.holds(1.0), "{}", bounds.words);
        }
        for number in [1e-10, 1e-37, 1e-40, 1e-300, f64::MIN_POSITIVE, -0.5] {
            assert!(!TEMPERATURE.holds(number) && !REPETITION_PENALTY.holds(number), "{number}");
        }
        assert!(TEMPERATURE.holds(0.0) && TEMPERATURE.holds(-0.0) && TEMPERATURE.holds(0.001));
    }
}
