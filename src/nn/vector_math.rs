/*!
Elementwise functions of f32 on the CPU, in forms that the compiler turns into vector instructions.

candle calls the C library once per number for these, which took a quarter of the time of a vision
tower. [`vectorized`] compiles a loop over them for the widest instructions that the machine has.
*/

/// Runs `work`, compiled for the vector instructions of the machine. Sums and products are not
/// fused, so the result is the same with and without them.
#[inline]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the machine has the instructions.
        return unsafe { with_avx2(work) };
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// `e^x` to two units in the last place; below -87.3 and above 88.3 the value there. NaN stays NaN.
///
/// `x = n ln 2 + r`, and a polynomial in `r` (Cephes, <https://www.netlib.org/cephes/>,
/// `single/expf.c`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// `1.5 * 2^23`: a number that is added to it is rounded, and stands in its low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.336_54, 88.376_26);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut polynomial = 1.987_569_1e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        polynomial = polynomial * r + coefficient;
    }
    let fraction = polynomial * r * r + r + 1.0;
    fraction * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

/// `x / (1 + e^-x)` (Elfwing et al. 2017, arXiv 1702.03118).
#[inline(always)]
pub(super) fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel 2016, arXiv 1606.08415),
/// with `(1 + tanh u) / 2 = 1 / (1 + e^-2u)`.
#[inline(always)]
pub(super) fn gelu_tanh(x: f32) -> f32 {
    const TWICE_SQRT_2_OVER_PI: f32 = 1.595_769_2;
    let u = TWICE_SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x);
    x / (1.0 + exp(-u))
}

/// `x / (1 + e^-1.702x)` (openai/CLIP `clip/model.py`, `QuickGELU`).
#[inline(always)]
pub(super) fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

/// `x/2 (1 + erf(x / sqrt 2))` (arXiv 1606.08415), to 4e-7.
///
/// The upper tail `(1 - erf(z)) / 2` as `P(t) e^(-z^2)` with `t = 1 / (1 + p z)` (Abramowitz and
/// Stegun 1964, 7.1.26), so that what is cut off far below zero is small, not a rounded difference.
#[inline(always)]
pub(super) fn gelu_erf(x: f32) -> f32 {
    const P: f32 = 0.327_591_1;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * z);
    let mut polynomial = 1.061_405_4_f32;
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_72, 0.254_829_6] {
        polynomial = polynomial * t + coefficient;
    }
    let tail = 0.5 * polynomial * t * exp(-z * z);
    x * if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest difference from `exact` over -20..20, as a share of `scale` of the exact value.
    fn worst(function: fn(f32) -> f32, exact: fn(f64) -> f64, scale: fn(f64) -> f64) -> f64 {
        let points = (-200_000..=200_000).map(|step| f64::from(step as f32 * 1e-4));
        let difference =
            |x: f64| (f64::from(function(x as f32)) - exact(f64::from(x as f32))).abs();
        points.map(|x| difference(x) / scale(exact(x))).fold(0.0, f64::max)
    }

    #[test]
    fn exponential_is_exact_to_the_last_digits() {
        assert!(worst(exp, f64::exp, f64::abs) < 2.4e-7);
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1000.0) < 1.3e-38 && exp(f32::NEG_INFINITY) < 1.3e-38);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn activations_are_near_their_definitions() {
        let at_least_one = |value: f64| value.abs().max(1.0);
        assert!(worst(silu, |x| x / (1.0 + (-x).exp()), at_least_one) < 3e-7);
        assert!(worst(quick_gelu, |x| x / (1.0 + (-1.702 * x).exp()), at_least_one) < 5e-7);
        let tanh_form = |x: f64| {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            0.5 * x * (1.0 + u.tanh())
        };
        assert!(worst(gelu_tanh, tanh_form, at_least_one) < 5e-7);
        let erf_form = |x: f64| 0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2));
        assert!(worst(gelu_erf, erf_form, at_least_one) < 4e-7);
    }
}
