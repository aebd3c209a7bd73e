/*!
The frequencies of rotary positions: plain, or stretched so that a model reads further than it was
trained to.

Follows huggingface/transformers v5.24.0 `modeling_rope_utils.py` (`linear`, `llama3`, `yarn`), whose
formulas are those of v4.57.3.
*/

use std::f64::consts::PI;

use super::rotary::inverse_frequencies;

/// A base, and how its frequencies are changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rope {
    /// The base.
    pub theta: f32,
    /// The change.
    pub scaling: RopeScaling,
}

/// How frequencies are changed. Lengths are in tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    Plain,
    /// All are divided by one factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Slow ones are divided, fast ones kept, those between are blended (Llama 3.1).
    Llama3 {
        /// What slow ones are divided by.
        factor: f64,
        /// Waves longer than the trained length over this are slow.
        low_freq_factor: f64,
        /// Waves shorter than the trained length over this are fast.
        high_freq_factor: f64,
        /// The length of training.
        trained_length: f64,
    },
    /// The same with a ramp over the index of a frequency, and louder scores (Peng et al. 2023,
    /// arXiv 2309.00071).
    Yarn {
        /// What slow ones are divided by.
        factor: f64,
        /// What cosines and sines are multiplied by.
        attention_factor: f64,
        /// Rotations over the trained length from which on a frequency is kept.
        beta_fast: f64,
        /// Rotations over the trained length up to which it is divided by the whole factor.
        beta_slow: f64,
        /// The length of training.
        trained_length: f64,
        /// Whether the ramp's ends are whole indices.
        ends: RampEnds,
    },
}

/// Where a ramp over indices ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RampEnds {
    /// At whole indices.
    Rounded,
    /// Anywhere.
    Exact,
}

impl Rope {
    /// Without a change.
    pub fn plain(theta: f32) -> Self {
        Self { theta, scaling: RopeScaling::Plain }
    }

    /// The frequency of each pair of a head of `head_dim` numbers, in f32.
    pub fn frequencies(&self, head_dim: usize) -> Vec<f32> {
        let plain = inverse_frequencies(self.theta, head_dim);
        match self.scaling {
            RopeScaling::Plain => plain,
            RopeScaling::Linear { factor } => {
                plain.into_iter().map(|each| each / factor as f32).collect()
            }
            RopeScaling::Llama3 { .. } => plain.into_iter().map(|each| self.llama3(each)).collect(),
            RopeScaling::Yarn { .. } => self.yarn(plain, head_dim),
        }
    }

    /// What cosines and sines are multiplied by.
    pub fn attention_factor(&self) -> f32 {
        match self.scaling {
            RopeScaling::Yarn { attention_factor, .. } => attention_factor as f32,
            _ => 1.0,
        }
    }

    fn llama3(&self, frequency: f32) -> f32 {
        let RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, trained_length } =
            self.scaling
        else {
            return frequency;
        };
        let wave = (2.0 * PI) as f32 / frequency;
        if wave > (trained_length / low_freq_factor) as f32 {
            return frequency / factor as f32;
        }
        if wave < (trained_length / high_freq_factor) as f32 {
            return frequency;
        }
        let smooth = (trained_length as f32 / wave - low_freq_factor as f32)
            / (high_freq_factor - low_freq_factor) as f32;
        (1.0 - smooth) * frequency / factor as f32 + smooth * frequency
    }

    fn yarn(&self, plain: Vec<f32>, head_dim: usize) -> Vec<f32> {
        let RopeScaling::Yarn { factor, beta_fast, beta_slow, trained_length, ends, .. } =
            self.scaling
        else {
            return plain;
        };
        let dim = head_dim as f64;
        // The index of the frequency that turns so often over the length of training.
        let index_of = |rotations: f64| {
            dim * (trained_length / (rotations * 2.0 * PI)).ln()
                / (2.0 * f64::from(self.theta).ln())
        };
        let (low, high) = match ends {
            RampEnds::Rounded => (index_of(beta_fast).floor(), index_of(beta_slow).ceil()),
            RampEnds::Exact => (index_of(beta_fast), index_of(beta_slow)),
        };
        let (low, high) = (low.max(0.0), high.min(dim - 1.0));
        let high = if low == high { high + 0.001 } else { high };
        let blended = |(index, frequency): (usize, f32)| {
            let ramp = ((index as f32 - low as f32) / (high - low) as f32).clamp(0.0, 1.0);
            let kept = 1.0 - ramp;
            frequency / factor as f32 * (1.0 - kept) + frequency * kept
        };
        plain.into_iter().enumerate().map(blended).collect()
    }
}
