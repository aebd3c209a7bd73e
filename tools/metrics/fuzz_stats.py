"""Writes random inputs of the statistics with what scipy, statsmodels and numpy make of them: fixtures/stats_vectors.json.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0        # Python 3.11
    python tools/metrics/fuzz_stats.py fixtures/stats_vectors.json 1 40
    python tools/metrics/fuzz_stats.py /tmp/other.json 2 2000         # other seeds and more rounds
    EYECHART_STATS_VECTORS=/tmp/other.json cargo test --release --test golden stats_vectors

A round is one input of each kind. Where a reference gives no number, the vector has null (infinities are texts), and
`tests/golden/stats_vectors.rs` says what ours is then.
"""

import json
import math
import random
import sys
import warnings

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint


def number(value):
    value = float(value)
    if math.isnan(value):
        return None
    return ("inf" if value > 0 else "-inf") if math.isinf(value) else value


def numbers(values):
    return [number(value) for value in values]


def scores(rng, count):
    kind = rng.choice(["binary", "binary", "thirds", "uniform", "normal", "equal", "tiny", "huge", "offset", "one odd"])
    draw = {
        "binary": lambda: float(rng.random() < 0.7), "thirds": lambda: rng.choice([0.0, 0.3, 0.6, 0.9, 1.0]), "uniform": rng.random, "normal": lambda: rng.gauss(0, 1),
        "equal": lambda: 0.25, "tiny": lambda: rng.random() * 1e-12, "huge": lambda: rng.gauss(0, 1) * 1e12, "offset": lambda: 1e6 + rng.random(), "one odd": lambda: 0.0,
    }[kind]
    values = [draw() for _ in range(count)]
    if kind == "one odd":
        values[rng.randrange(count)] = 1.0
    return values


def clusters(rng, count):
    kind = rng.choice(["few", "few", "one", "own", "pairs"])
    return [{"few": rng.randrange(max(1, count // 4)), "one": 7, "own": item, "pairs": item // 2}[kind] for item in range(count)]


def mean_case(rng):
    count = rng.choice([2, 2, 3, 5, 8, 9, 17, 130, 300])
    values, groups = scores(rng, count), clusters(rng, count)
    array = np.array(values)
    mean, deviation = np.mean(array), np.std(array, ddof=1)
    error, z = deviation / math.sqrt(count), stats.norm.ppf(0.975)
    # Miller's equation 4, as lmms_eval/api/metrics.py has it, with its sums over pairs.
    cross = sum((values[i] - mean) * (values[j] - mean) for i in range(count) for j in range(count) if i != j and groups[i] == groups[j])
    squared = error**2 + cross / count**2
    plain = sm.OLS(array, np.ones(count)).fit(cov_type="cluster", cov_kwds={"groups": np.array(groups), "use_correction": False})
    several = len(set(groups)) > 1
    corrected = math.sqrt(plain.cov_params()[0, 0] * len(set(groups)) / (len(set(groups)) - 1)) if several else math.nan
    return {"values": values, "clusters": groups, "mean": number(mean), "deviation": number(deviation), "error": number(error), "interval": numbers([mean - z * error, mean + z * error]),
            "scale": number(np.max(np.abs(array))), "lmms_eval_squared": number(squared), "statsmodels": number(plain.bse[0]), "statsmodels_corrected": number(corrected)}


def proportion_case(rng):
    count = rng.choice([1, 2, 3, 10, 40, 999, 5000, 214354])
    successes = rng.choice([0, count, rng.randint(0, count), rng.randint(0, count), min(1, count)])
    confidence = rng.choice([0.95, 0.95, 0.9, 0.99, 0.5])
    interval = lambda method: numbers(proportion_confint(successes, count, alpha=1 - confidence, method=method))
    return {"successes": successes, "count": count, "confidence": confidence, "wilson": interval("wilson"), "clopper_pearson": interval("beta"), "wald": interval("normal")}


def mcnemar_case(rng):
    most = rng.choice([0, 1, 3, 10, 100, 499, 510, 3000, 100000])
    first, second = rng.randint(0, most), rng.randint(0, most)
    if rng.random() < 0.2:
        second = first
    table = [[3, first], [second, 5]]
    chi = lambda corrected: numbers((lambda test: (test.statistic, test.pvalue))(mcnemar(table, exact=False, correction=corrected))) if first + second else None
    return {"only_first": first, "only_second": second, "exact_p": number(mcnemar(table, exact=True).pvalue), "chi_squared": chi(False), "corrected": chi(True)}


def pairs_case(rng):
    count = rng.choice([2, 3, 4, 10, 25, 60, 200])
    a, b = scores(rng, count), scores(rng, count)
    if rng.random() < 0.4:
        b = [value if rng.random() < 0.7 else other for value, other in zip(a, b)]
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    differs = any(x != y for x, y in zip(a, b))
    ranks = stats.wilcoxon(a, b, method="approx", zero_method="wilcox", correction=False) if differs else None
    # The bound on rounding errors: differences of large scores have few digits.
    scale = max(map(abs, a + b)) / (np.std(np.array(a) - np.array(b), ddof=1) or math.inf)
    return {"a": a, "b": b, "digits_lost": number(max(scale, 1.0)), "t": number(test.statistic), "p": number(test.pvalue), "interval": numbers([interval.low, interval.high]),
            "correlation": number(stats.pearsonr(a, b).statistic) if len(set(a)) > 1 and len(set(b)) > 1 else None, "varies": len(set(a)) > 1 and len(set(b)) > 1,
            "wilcoxon": numbers([ranks.statistic, ranks.pvalue]) if ranks else None}


def bootstrap_case(rng):
    count = rng.choice([1, 2, 5, 30])
    values, resamples = scores(rng, count), rng.choice([1, 2, 3, 20, 41])
    draws = [[rng.randrange(count) for _ in range(count)] for _ in range(resamples)]
    means = [np.mean(np.array(values)[draw]) for draw in draws]
    confidence = rng.choice([0.95, 0.9, 0.5])
    tail = (1 - confidence) / 2
    return {"values": values, "draws": draws, "confidence": confidence, "means": numbers(means), "interval": numbers(np.quantile(means, [tail, 1 - tail])),
            "error": number(np.std(means, ddof=1)) if resamples > 1 else None, "share_at_most_zero": number(np.mean(np.array(means) <= 0))}


def power_case(rng):
    """`power_analysis` of lmms_eval/api/metrics.py, before it rounds."""
    effect, alpha, power = rng.choice([0.01, 0.03, 0.2, rng.uniform(0.001, 1)]), rng.choice([0.05, 0.01, 0.1]), rng.choice([0.8, 0.9, 0.99, 0.5])
    a, b, correlation, items = rng.uniform(0.05, 1), rng.uniform(0.05, 1), rng.choice([0.0, 0.5, 0.9, -0.3]), rng.choice([1, 10, 500, 214354])
    deviation = math.sqrt(a**2 + b**2 - 2 * correlation * a * b)
    z_alpha, z_power = stats.norm.ppf(1 - alpha / 2), stats.norm.ppf(power)
    return {"effect": effect, "alpha": alpha, "power": power, "a": a, "b": b, "correlation": correlation, "items": items, "exact_items_needed": number(((z_alpha + z_power) * deviation / effect) ** 2),
            "power_of": number(stats.norm.cdf(effect / (deviation / math.sqrt(items)) - z_alpha)), "detectable": number((z_alpha + z_power) * deviation / math.sqrt(items))}


KINDS = {"means": mean_case, "proportions": proportion_case, "mcnemar": mcnemar_case, "pairs": pairs_case, "bootstraps": bootstrap_case, "power": power_case}


def main(out, seed, rounds):
    warnings.simplefilter("ignore")
    vectors = {kind: [make(random.Random(f"{seed}/{kind}/{number}")) for number in range(int(rounds))] for kind, make in KINDS.items()}
    with open(out, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(f'"{kind}": [\n' + ",\n".join(json.dumps(one, allow_nan=False) for one in cases) + "\n]" for kind, cases in vectors.items()) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
