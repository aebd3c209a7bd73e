/*!
Sums and means as numpy computes them, and powers as C computes them: what the references' last
digits rest on.

Owns floating-point order; must not know any metric.
*/

use std::ops::{Add, Div, Mul, Sub};

/// A type in which a reference computes: `f64`, or `f32` where it does so on a GPU's features.
pub trait Float:
    Copy
    + PartialOrd
    + Default
    + From<f32>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// The square root.
    fn square_root(self) -> Self;
}

impl Float for f32 {
    fn square_root(self) -> Self {
        self.sqrt()
    }
}

impl Float for f64 {
    fn square_root(self) -> Self {
        self.sqrt()
    }
}

/// Below this many values numpy adds from left to right; up to [`BLOCK`] with eight accumulators.
const UNROLL: usize = 8;
const BLOCK: usize = 128;

/// `numpy.sum` of a contiguous array: pairwise summation.
pub fn sum<T: Float>(values: &[T]) -> T {
    if values.len() < UNROLL {
        return values.iter().fold(T::default(), |total, value| total + *value);
    }
    if values.len() <= BLOCK {
        return sum_block(values);
    }
    let half = values.len() / 2;
    let (left, right) = values.split_at(half - half % UNROLL);
    sum(left) + sum(right)
}

fn sum_block<T: Float>(values: &[T]) -> T {
    let (chunks, tail) = values.as_chunks::<UNROLL>();
    let mut parts = [T::default(); UNROLL];
    for chunk in chunks {
        for (part, value) in parts.iter_mut().zip(chunk) {
            *part = *part + *value;
        }
    }
    let [a, b, c, d, e, f, g, h] = parts;
    tail.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |total, value| total + *value)
}

/// `numpy.mean`; NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// The mean of values added from left to right, as plain Python adds; NaN for no values.
pub(crate) fn mean_left_to_right(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// C's `pow`, which Python's `**` is.
///
/// The compiler rewrites `powf` with a constant exponent (2.0 becomes a multiplication, 0.5 a
/// square root), and the results differ from C's in the last bit; it cannot see this exponent.
pub(crate) fn pow(base: f64, exponent: f64) -> f64 {
    base.powf(std::hint::black_box(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_values_have_a_sum_but_no_mean() {
        assert_eq!(sum::<f64>(&[]).to_bits(), 0.0_f64.to_bits());
        assert!(mean(&[]).is_nan());
    }
}
