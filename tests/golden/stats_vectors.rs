//! Statistics on random inputs with corners (few values, equal ones, one cluster, no discordant pair)
//! against scipy, statsmodels and numpy: `tools/metrics/fuzz_stats.py`.

use eyechart::stats::*;
use serde::Deserialize;

/// A number of the references; none where they have none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Expected {
    Number(f64),
    Infinite(Infinity),
    Nothing(()),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Infinity {
    #[serde(rename = "inf")]
    Positive,
    #[serde(rename = "-inf")]
    Negative,
}

impl Expected {
    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Infinite(Infinity::Positive) => Some(f64::INFINITY),
            Self::Infinite(Infinity::Negative) => Some(f64::NEG_INFINITY),
            Self::Nothing(()) => None,
        }
    }
}

/// Equal to ten digits of the number, or to thirteen of `scale`: that of numbers whose difference it is.
#[track_caller]
fn near(found: f64, expected: Expected, scale: f64) {
    match expected.number() {
        None => assert!(found.is_nan(), "{found} where the reference has no number"),
        Some(expected) => {
            // scipy has 0 for what has no full digits left.
            let allowed = 1e-10 * expected.abs() + 1e-13 * scale + f64::MIN_POSITIVE;
            let equal = found == expected || (found - expected).abs() <= allowed;
            assert!(equal, "{found} is not {expected}");
        }
    }
}

#[track_caller]
fn near_interval(found: Interval, [low, high]: [Expected; 2], scale: f64) {
    near(found.low, low, scale);
    near(found.high, high, scale);
}

#[derive(Deserialize)]
struct Vectors {
    means: Vec<Mean>,
    proportions: Vec<Share>,
    mcnemar: Vec<Discordant>,
    pairs: Vec<Pairs>,
    bootstraps: Vec<Draws>,
    power: Vec<Power>,
}

#[derive(Debug, Deserialize)]
struct Mean {
    values: Vec<f64>,
    clusters: Vec<i64>,
    mean: Expected,
    deviation: Expected,
    error: Expected,
    interval: [Expected; 2],
    scale: f64,
    lmms_eval_squared: f64,
    statsmodels: Expected,
    statsmodels_corrected: Expected,
}

#[derive(Debug, Deserialize)]
struct Share {
    successes: u64,
    count: u64,
    confidence: f64,
    wilson: [Expected; 2],
    clopper_pearson: [Expected; 2],
    wald: [Expected; 2],
}

#[derive(Debug, Deserialize)]
struct Discordant {
    only_first: u64,
    only_second: u64,
    exact_p: Expected,
    chi_squared: Option<[Expected; 2]>,
    corrected: Option<[Expected; 2]>,
}

#[derive(Debug, Deserialize)]
struct Pairs {
    a: Vec<f64>,
    b: Vec<f64>,
    digits_lost: f64,
    t: Expected,
    p: Expected,
    interval: [Expected; 2],
    correlation: Expected,
    varies: bool,
    wilcoxon: Option<[Expected; 2]>,
}

#[derive(Debug, Deserialize)]
struct Draws {
    values: Vec<f64>,
    draws: Vec<Vec<usize>>,
    confidence: f64,
    means: Vec<f64>,
    interval: [Expected; 2],
    error: Expected,
    share_at_most_zero: Expected,
}

#[derive(Debug, Deserialize)]
struct Power {
    effect: f64,
    alpha: f64,
    power: f64,
    a: f64,
    b: f64,
    correlation: f64,
    items: u64,
    exact_items_needed: f64,
    power_of: Expected,
    detectable: Expected,
}

/// The committed vectors, or those of the file that a variable names.
fn vectors() -> Vectors {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stats_vectors.json");
    let path = std::env::var("EYECHART_STATS_VECTORS").unwrap_or_else(|_| own.to_owned());
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs a check of each vector, which is shown if the check fails.
fn each<T: std::fmt::Debug>(vectors: Vec<T>, check: impl Fn(&T) + std::panic::RefUnwindSafe) {
    assert!(vectors.len() >= 40);
    for vector in vectors {
        let shown = format!("{vector:?}");
        let checked = std::panic::AssertUnwindSafe(|| check(&vector));
        assert!(std::panic::catch_unwind(checked).is_ok(), "{}", &shown[..shown.len().min(3000)]);
    }
}

#[test]
fn means_and_their_errors() {
    each(vectors().means, |case| {
        let Mean { values, clusters, scale, .. } = case;
        let found = estimate_mean(values).unwrap();
        assert_eq!(Some(found.mean), case.mean.number());
        near(found.standard_deviation, case.deviation, *scale);
        near(found.standard_error, case.error, *scale);
        near_interval(found.interval(0.95), case.interval, *scale);
        let clustered = |variance| clustered_standard_error(values, clusters, variance);
        // A sum that is 0 but for rounding may come out on either side of it, and its root has half
        // the digits.
        let lmms_eval = clustered(ClusterVariance::LmmsEval).unwrap();
        let difference = (lmms_eval * lmms_eval - case.lmms_eval_squared.max(0.0)).abs();
        let spread = found.standard_error * found.standard_error + 1e-15 * scale * scale;
        assert!(difference <= 1e-9 * spread, "{lmms_eval}");
        let root_scale = scale * 1e5;
        near(clustered(ClusterVariance::Statsmodels).unwrap(), case.statsmodels, root_scale);
        let corrected = clustered(ClusterVariance::StatsmodelsCorrected);
        near(corrected.unwrap_or(f64::NAN), case.statsmodels_corrected, root_scale);
    });
}

#[test]
fn intervals_of_shares() {
    each(vectors().proportions, |case| {
        let share = Proportion::new(case.successes, case.count).unwrap();
        let interval = |kind| share.interval(kind, case.confidence);
        near_interval(interval(ProportionInterval::Wilson), case.wilson, 1e-3);
        near_interval(interval(ProportionInterval::ClopperPearson), case.clopper_pearson, 1e-6);
        near_interval(interval(ProportionInterval::Wald), case.wald, 1e-3);
    });
}

#[test]
fn discordant_pairs() {
    each(vectors().mcnemar, |case| {
        let found = McNemar::from_counts(case.only_first, case.only_second);
        near(found.exact_p, case.exact_p, 0.0);
        let same = |found: Option<(f64, f64)>, expected: Option<[Expected; 2]>| {
            assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some([statistic, p])) = (found, expected) {
                near(found.0, statistic, 0.0);
                near(found.1, p, 0.0);
            }
        };
        same(found.chi_squared, case.chi_squared);
        same(found.chi_squared_corrected, case.corrected);
    });
}

#[test]
fn paired_scores() {
    each(vectors().pairs, |case| {
        let Pairs { a, b, .. } = case;
        let found = compare_pairs(a, b).unwrap();
        match case.p.number() {
            // Without any difference scipy has no p value; ours is 1.
            None => assert!(found.t.is_nan() && found.p_value == 1.0),
            Some(_) => {
                // A cancelled digit of the differences is one of t, and as many of p as t is long.
                let lost = case.digits_lost * 10.0;
                let t = found.t.abs().max(1.0);
                near(found.t, case.t, lost * t);
                near(found.p_value, case.p, lost);
                if found.p_value > 1e-300 && lost < 100.0 {
                    let ratio = found.p_value / case.p.number().unwrap();
                    assert!((ratio - 1.0).abs() < 1e-8, "p is {}", found.p_value);
                }
                let scale = a.iter().chain(b).fold(0.0_f64, |most, score| most.max(score.abs()));
                near_interval(found.interval_95, case.interval, 100.0 * scale);
            }
        }
        assert_eq!(found.correlation.is_some(), case.varies);
        if let Some(correlation) = found.correlation {
            near(correlation, case.correlation, case.digits_lost * 1e3);
        }
        let ranks = wilcoxon(a, b);
        assert_eq!(ranks.is_some(), case.wilcoxon.is_some());
        if let (Some(ranks), Some([statistic, p])) = (ranks, case.wilcoxon) {
            near(ranks.statistic, statistic, 0.0);
            near(ranks.p_value, p, 0.0);
        }
    });
}

#[test]
fn resampled_means() {
    each(vectors().bootstraps, |case| {
        let resampling = Resampling::from_indices(case.draws.clone());
        let mean = |draw: &[usize]| {
            let drawn: Vec<f64> = draw.iter().map(|place| case.values[*place]).collect();
            eyechart::score::numpy::mean(&drawn)
        };
        let found = bootstrap(&resampling, mean);
        assert_eq!(found.values, case.means);
        let scale = case.means.iter().fold(0.0_f64, |most, mean| most.max(mean.abs()));
        near_interval(found.interval(case.confidence).unwrap(), case.interval, scale);
        near(found.standard_error().unwrap_or(f64::NAN), case.error, scale);
        near(found.share_at_most_zero(), case.share_at_most_zero, 0.0);
    });
}

#[test]
fn plans() {
    each(vectors().power, |case| {
        let question = PowerQuestion {
            effect: case.effect,
            deviation_a: case.a,
            deviation_b: case.b,
            correlation: case.correlation,
            alpha: case.alpha,
            power: case.power,
        };
        let plan = question.plan().unwrap();
        let needed = plan.items_needed() as f64;
        let exact = case.exact_items_needed;
        let allowed = 1e-9 * exact;
        assert!(needed >= exact - allowed && needed < exact + 1.0 + allowed, "{needed}");
        near(plan.power_of(case.items), case.power_of, 0.0);
        near(plan.detectable_effect(case.items), case.detectable, 0.0);
    });
}
