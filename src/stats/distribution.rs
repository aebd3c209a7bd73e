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
    let log_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    // The continued fraction converges fast on this side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) {
        log_front.exp() * continued_fraction(x, a, b) / a
    } else {
        1.0 - log_front.exp() * continued_fraction(1.0 - x, b, a) / b
    }
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

/// P(X <= k) of a fair coin thrown n times.
pub(super) fn fair_coin_cdf(k: u64, n: u64) -> f64 {
    let log_choose =
        |i: f64, n: f64| libm::lgamma(n + 1.0) - libm::lgamma(i + 1.0) - libm::lgamma(n - i + 1.0);
    // Exact products while they fit, logarithms beyond.
    let n_float = n as f64;
    if n <= 1000 {
        let mut term = 0.5_f64.powi(n as i32);
        let mut total = term;
        for i in 0..k {
            term = term * (n - i) as f64 / (i + 1) as f64;
            total += term;
        }
        return total;
    }
    (0..=k).map(|i| (log_choose(i as f64, n_float) - n_float * std::f64::consts::LN_2).exp()).sum()
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
