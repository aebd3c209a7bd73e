//! Statistics on the golden cases: numpy's and counting results exactly, distribution functions to
//! a relative error of 1e-10.

use eyechart::stats::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../fixtures/golden/stats.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[track_caller]
fn assert_near(found: f64, expected: &Value) {
    let expected = match expected {
        Value::String(name) => name.parse().unwrap(),
        other => other.as_f64().unwrap(),
    };
    let same = found == expected || (found.is_nan() && expected.is_nan());
    let error = (found - expected).abs();
    assert!(same || error <= 1e-10 * expected.abs() || error < 1e-15, "{found} is not {expected}");
}

#[track_caller]
fn assert_interval(found: Interval, expected: &Value) {
    assert_near(found.low, &expected[0]);
    assert_near(found.high, &expected[1]);
}

fn check_mean(values: &[f64], clusters: &[i64], expected: &Value) {
    let found = estimate_mean(values).unwrap();
    assert_eq!(Some(found.mean), expected["mean"].as_f64());
    assert_near(found.standard_deviation, &expected["sample_std"]);
    assert_near(found.standard_error, &expected["se_clt"]);
    assert_interval(found.interval(0.95), &expected["ci95_z"]);
    let clustered = |variance| clustered_standard_error(values, clusters, variance).unwrap();
    assert_near(clustered(ClusterVariance::LmmsEval), &expected["lmms_eval_eq4"]);
    assert_near(
        clustered(ClusterVariance::Statsmodels),
        &expected["statsmodels_cluster_no_correction"],
    );
    assert_near(
        clustered(ClusterVariance::StatsmodelsCorrected),
        &expected["statsmodels_cluster_default_correction"],
    );
}

fn check_mcnemar(found: &McNemar, expected: &Value) {
    assert_near(found.exact_p, &expected["exact_p"]);
    for (found, key) in [(found.chi_squared, "chi2"), (found.chi_squared_corrected, "chi2_cc")] {
        match (found, expected.get(key)) {
            (Some((statistic, p)), Some(expected)) => {
                assert_near(statistic, &expected[0]);
                assert_near(p, &expected[1]);
            }
            (_, None) => {}
            (None, Some(expected)) => assert!(expected.is_null()),
        }
    }
}

fn check_bootstrap(a: &[f64], b: &[f64], expected: &Value) {
    let indices: Vec<Vec<usize>> = serde_json::from_value(expected["indices"].clone()).unwrap();
    let resampling = Resampling::from_indices(indices);
    let mean = |values: &[f64], draw: &[usize]| {
        eyechart::score::numpy::mean(&draw.iter().map(|index| values[*index]).collect::<Vec<_>>())
    };
    let of_a = bootstrap(&resampling, |draw| mean(a, draw));
    assert_eq!(of_a.values, list(&expected["means_a"]));
    assert_near(of_a.standard_error().unwrap(), &expected["se_a"]);
    assert_interval(of_a.interval(0.95).unwrap(), &expected["pct95_a"]);
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let of_difference = bootstrap(&resampling, |draw| mean(&difference, draw));
    for (found, expected) in
        of_difference.values.iter().zip(expected["means_diff"].as_array().unwrap())
    {
        assert_near(*found, expected);
    }
    assert_interval(of_difference.interval(0.95).unwrap(), &expected["pct95_diff"]);
    assert_near(of_difference.share_at_most_zero(), &expected["frac_diff_le_0"]);
}

fn check_case(case: &Value) {
    let [a, b] = ["scores_a", "scores_b"].map(|key| list(&case[key]));
    let clusters: Vec<i64> = serde_json::from_value(case["clusters"].clone()).unwrap();
    let difference: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    check_mean(&a, &clusters, &case["a"]);
    check_mean(&b, &clusters, &case["b"]);
    check_mean(&difference, &clusters, &case["diff"]);
    let found = compare_pairs(&a, &b).unwrap();
    let expected = &case["paired_t"];
    assert_near(found.t, &expected["t"]);
    assert_near(found.p_value, &expected["p"]);
    assert_eq!(found.degrees_of_freedom as u64, expected["df"].as_u64().unwrap());
    assert_interval(found.interval_95, &expected["ci95"]);
    assert_near(found.correlation.unwrap(), &case["pearson_r"]);
    let [of_a, of_b] = [&a, &b].map(|values| estimate_mean(values).unwrap());
    assert_near(unpaired_standard_error(&of_a, &of_b), &case["unpaired_se"]);
    let ranks = wilcoxon(&a, &b).unwrap();
    assert_near(ranks.statistic, &case["wilcoxon_approx"]["stat"]);
    assert_near(ranks.p_value, &case["wilcoxon_approx"]["p"]);
    if let Some(expected) = case.get("mcnemar") {
        let [first, second] =
            [&a, &b].map(|values| values.iter().map(|v| *v > 0.5).collect::<Vec<_>>());
        check_mcnemar(&mcnemar(&first, &second).unwrap(), expected);
    }
    if let Some(expected) = case.get("proportion_a") {
        check_proportion(expected);
    }
    if let Some(expected) = case.get("bootstrap_explicit") {
        check_bootstrap(&a, &b, expected);
    }
}

fn check_proportion(expected: &Value) {
    let share = Proportion::new(expected["k"].as_u64().unwrap(), expected["n"].as_u64().unwrap());
    let share = share.unwrap();
    assert_interval(share.interval(ProportionInterval::Wilson, 0.95), &expected["wilson"]);
    let exact = share.interval(ProportionInterval::ClopperPearson, 0.95);
    assert_interval(exact, &expected["clopper_pearson"]);
    if let Some(wald) = expected.get("wald") {
        assert_interval(share.interval(ProportionInterval::Wald, 0.95), wald);
        assert_near(share.standard_error(), &expected["se_bernoulli"]);
    }
}

#[test]
fn cases_equal_the_references() {
    for case in golden()["cases"].as_array().unwrap() {
        eprintln!("{}", case["name"]);
        check_case(case);
    }
}

#[test]
fn edges_equal_the_references() {
    let golden = golden();
    golden["edge_proportions"].as_array().unwrap().iter().for_each(check_proportion);
    for edge in golden["mcnemar_edges"].as_array().unwrap() {
        let [b, c] = ["b", "c"].map(|key| edge[key].as_u64().unwrap());
        check_mcnemar(&McNemar::from_counts(b, c), edge);
    }
}

#[test]
fn plans_equal_lmms_eval() {
    for case in golden()["power_analysis"].as_array().unwrap() {
        let out = &case["out"];
        let at = |key: &str| out[key].as_f64().unwrap();
        let question = PowerQuestion {
            effect: at("effect_size"),
            deviation_a: at("std_a"),
            deviation_b: at("std_b"),
            correlation: at("correlation"),
            alpha: at("alpha"),
            power: at("power"),
        };
        let plan = question.plan().unwrap();
        assert_eq!(Some(plan.items_needed()), out["min_n"].as_u64());
        if let Some(items) = out.get("current_n").and_then(Value::as_u64) {
            let round = |value: f64| (value * 1000.0).round() / 1000.0;
            assert_eq!(round(plan.power_of(items)), at("current_power"));
            assert_eq!(round(plan.detectable_effect(items)), at("min_detectable_effect"));
        }
    }
}

#[test]
fn too_little_gives_nothing() {
    assert_eq!(estimate_mean(&[1.0]), None);
    assert_eq!(compare_pairs(&[1.0, 2.0], &[1.0]), None);
    assert_eq!(wilcoxon(&[1.0], &[1.0]), None);
    assert_eq!(Proportion::new(2, 1), None);
    assert_eq!(
        clustered_standard_error(&[1.0, 2.0], &[0, 0], ClusterVariance::StatsmodelsCorrected),
        None
    );
    assert_eq!(bootstrap(&resample_items(3, 0, 1), |_| 0.0).interval(0.95), None);
    assert_eq!(resample_items(5, 4, 9), resample_items(5, 4, 9));
}
