/*!
Distribution functions: normal, Student's t, beta, binomial.

Owns the functions and their inverses; must not know what they test.
*/

use std::f64::consts::SQRT_2;

/// P(Z <= z).
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// P(|Z| >= |z|).
pub(super) fn normal_two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The z with P(Z <= z) = p; infinite for 0 and 1.
pub(super) fn normal_quantile(p: f64) -> f64 {
    match p {
        p if p <= 0.0 => f64::NEG_INFINITY,
        p if p >= 1.0 => f64::INFINITY,
        // The upper tail by symmetry: near 1 the distribution function has no digits left.
        p if p > 0.5 => -normal_quantile(1.0 - p),
        p => invert(normal_cdf, p, -40.0, 0.0),
    }
}

/// P(X >= x) of chi-squared with one degree of freedom.
pub(super) fn chi_squared_1(x: f64) -> f64 {
    libm::erfc((x / 2.0).sqrt())
}

/// P(|T| >= |t|) of Student's t.
pub(super) fn student_two_sided(t: f64, degrees: f64) -> f64 {
    beta_cdf(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The t with P(|T| <= t) = `confidence`.
pub(super) fn student_quantile(confidence: f64, degrees: f64) -> f64 {
    let tail = 1.0 - confidence;
    // x = degrees / (degrees + t²) falls as t grows.
    let x = beta_quantile(tail, degrees / 2.0, 0.5);
    (degrees * (1.0 - x) / x).sqrt()
}

/// The regularized incomplete beta function.
pub(super) fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = log_beta_front([x.ln(), (-x).ln_1p()], [a, b]);
    // The continued fraction converges fast on this side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * continued_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * continued_fraction(1.0 - x, b, a) / b
    }
}

/// From here on Stirling's series has sixteen digits.
const LARGE: f64 = 10.0;

/// ln(x^a (1 - x)^b / B(a, b)) from ln(x) and ln(1 - x).
///
/// The logarithms of the gamma functions cancel but for a few digits where a + b is large, so their
/// leading terms are taken together with the powers.
fn log_beta_front([log_x, log_rest]: [f64; 2], [a, b]: [f64; 2]) -> f64 {
    if a > b {
        return log_beta_front([log_rest, log_x], [b, a]);
    }
    if b < LARGE {
        let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
        return a * log_x + b * log_rest - log_beta;
    }
    let growth = (a / b).ln_1p();
    let of_larger =
        b * (log_rest + growth) - 0.5 * growth + stirling_rest(a + b) - stirling_rest(b);
    of_larger
        + if a < LARGE {
            a * (log_x + (a + b).ln()) - a - libm::lgamma(a)
        } else {
            let spread = 0.5 * (a / std::f64::consts::TAU).ln();
            a * (log_x + (b / a).ln_1p()) + spread - stirling_rest(a)
        }
}

/// ln Γ(x) - ((x - 1/2) ln x - x + ln(2π) / 2), for x from [`LARGE`] on (Abramowitz and Stegun 6.1.40).
fn stirling_rest(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    let squared = 1.0 / (x * x);
    TERMS.iter().rev().fold(0.0, |sum, term| sum * squared + term) / x
}

/// Lentz's method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            fraction *= d * c;
        }
        if (fraction - before).abs() <= f64::EPSILON * fraction.abs() {
            break;
        }
    }
    fraction
}

/// The x with `beta_cdf(x, a, b)` = p.
pub(super) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    invert(|x| beta_cdf(x, a, b), p, 0.0, 1.0)
}

/// P(X <= k) of a fair coin thrown n times, by exact products: logarithms of factorials lose as many
/// digits as they have before the point.
pub(super) fn fair_coin_cdf(k: u64, n: u64) -> f64 {
    /// Far from both ends of the exponents.
    const STEP: i32 = 500;
    // In units of 2^(scale - n).
    let (mut term, mut total, mut scale) = (1.0_f64, 1.0_f64, 0_i64);
    for i in 0..k {
        term = term * (n - i) as f64 / (i + 1) as f64;
        total += term;
        if total > libm::scalbn(1.0, STEP) {
            (term, total) = (libm::scalbn(term, -STEP), libm::scalbn(total, -STEP));
            scale += i64::from(STEP);
        }
    }
    let exponent = scale.saturating_sub(i64::try_from(n).unwrap_or(i64::MAX));
    libm::scalbn(total, i32::try_from(exponent).unwrap_or(i32::MIN))
}

/// Where a rising function reaches `target`, by halving the interval until it has no middle.
fn invert(function: impl Fn(f64) -> f64, target: f64, mut low: f64, mut high: f64) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if function(middle) < target { low = middle } else { high = middle }
    }
}
