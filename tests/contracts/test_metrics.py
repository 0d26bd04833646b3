"""What every metric promises, whatever it is. A new metric file is picked up here with no edit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.errors import Undefined
from validate.metrics.metric import Metric, Rows
from validate.metrics.replicates import point_values, replicate_values
from validate.registry import load, names
from validate.stats.compiled import LANES
from validate.stats.resample import ClusterWeights, resampling_key

# Of the same statistic of many measures, those of one that is better higher, one lower, and one with a sign.
MEASURES = (
    "dice",
    "hd95",
    "volume_difference",
    "volume_difference.low",
    "volume_difference.high",
    "ap",
    "ar10",
    "ap_small",
)
METRICS: dict[str, Metric] = {
    name: load("metrics", name) for name in names("metrics") if name.count(".") < 2 or name.split(".", 2)[2] in MEASURES
}
FAST = {name: metric for name, metric in METRICS.items() if metric.fast is not None}


def study(seed: int, n: int, *, ties: bool, infinite: bool) -> Rows:
    """n rows of a made-up classifier: scores in [0, 1], with ties and failed rows (infinite scores) where asked.

    Of two classes ("score", "positive", "flagged"), and of three ("true", "predicted", "scores").
    """
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * positive - 0.5)))
    if ties:
        score = np.round(score, 1)
    flagged = score >= 0.5
    if infinite and n:
        failed = rng.random(n) < 0.1
        score = np.where(failed, np.where(positive, -np.inf, np.inf), score)
        flagged = np.where(failed, ~positive, flagged)
    columns = {
        "score": score,
        "positive": positive,
        "flagged": flagged,
        **graded(seed, n, ties=ties, infinite=infinite),
        **measured(seed, n, ties=ties),
        **marked(seed, n),
    }
    return Rows(columns, {"threshold": 0.5, "classes": 3.0})


def graded(seed: int, n: int, *, ties: bool, infinite: bool) -> dict[str, np.ndarray]:
    """The same of three classes; a failed row has the answer 3, which is no class, and the worst scores."""
    rng = np.random.default_rng(seed + 100)
    true = rng.integers(0, 3, n)
    scores = rng.random((n, 3)) + 0.6 * np.eye(3)[true]
    if ties:
        scores = np.round(scores, 1)
    predicted = scores.argmax(axis=1) if n else np.zeros(0, np.int64)
    if infinite and n:
        failed = rng.random(n) < 0.1
        scores[failed] = np.where(np.eye(3, dtype=bool)[true[failed]], -np.inf, np.inf)
        predicted = np.where(failed, 3, predicted)
    return {"true": true, "predicted": predicted, "scores": scores}


def measured(seed: int, n: int, *, ties: bool) -> dict[str, np.ndarray]:
    """What is measured of masks: overlap, distance, volumes and lesions; a failed row has a finite worst value."""
    rng = np.random.default_rng(seed + 200)
    volumes = rng.gamma(4.0, 20.0, (2, n))
    found = {
        "dice": rng.beta(8, 2, n),
        "hd95": rng.gamma(2.0, 3.0, n),
        "volume_reference": volumes[0],
        "volume_prediction": volumes[1],
        "volume_difference": volumes[1] - volumes[0],
    }
    if ties:
        found = {name: np.round(values, 1) for name, values in found.items()}
    lesions = rng.integers(0, 4, n).astype(float)
    return {**found, "lesions_reference": lesions, "lesions_found": np.floor(lesions * rng.random(n))}


def marked(seed: int, n: int) -> dict[str, np.ndarray]:
    """The same rows as cases, lesions and marks one below the other; an unmarked one has the score -inf."""
    rng = np.random.default_rng(seed + 300)
    kind, abnormal = rng.integers(0, 3, n), rng.random(n) < 0.5
    counted = (kind == 1)[:, None] & (rng.random((n, 4)) < 0.8)
    class_ = np.random.default_rng(seed + 301).integers(0, 2, n)
    hits = np.zeros(n, bool)
    for one in (0, 1):  # of a class no more than there are lesions of it
        found = np.flatnonzero((kind == 2) & (class_ == one))
        hits[found[: int(counted[class_ == one].sum(axis=0).min())]] = True
    bits = rng.integers(0, 1 << 10, (n, 4)) * hits[:, None]
    return {
        "case": kind == 0,
        "lesion": kind == 1,
        "mark": kind == 2,
        "false_mark": (kind == 2) & (rng.random(n) < 0.6),
        "abnormal": abnormal,
        "highest_false": np.where(rng.random(n) < 0.3, -np.inf, np.round(rng.random(n), 1)),
        "share": 1.0 / rng.integers(1, 4, n),
        "matched": bits,
        "ignored": bits & rng.integers(0, 1 << 10, (n, 4)) & rng.integers(0, 1 << 10, (n, 4)),
        "counted": counted,
        "rank": rng.integers(0, 12, n),
        "place": rng.permutation(n),
        "class": class_,
    }


def clusters_and_groups(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of one to three rows, and overlapping groups: all, a half, a tenth, none."""
    rng = np.random.default_rng(seed + 1)
    cluster = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n].astype(np.int64)
    half = rng.random(n) < 0.5
    groups = np.array([np.ones(n, bool), half, ~half, rng.random(n) < 0.1, np.zeros(n, bool)])
    return cluster, groups


def under(metric: Metric, rows: Rows) -> Rows:
    """The rows as an endpoint with the metric's example options reads them."""
    return Rows(rows.columns, {**rows.condition, **metric.example})


def repeated(rows: Rows, times: np.ndarray) -> Rows:
    return Rows({name: np.repeat(column, times, axis=0) for name, column in rows.columns.items()}, rows.condition)


def value_or_none(metric: Metric, rows: Rows) -> float | None:
    try:
        return metric.value(rows, np.ones(len(rows), np.int64))
    except Undefined:
        return None


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("infinite", [False, True])
def test_the_kernel_gives_the_value_of_rows_repeated_by_their_weights(name: str, ties: bool, infinite: bool) -> None:
    metric = METRICS[name]
    if infinite and metric.failures == "outputs_only":
        infinite = False
    rows = under(metric, study(7, 60, ties=ties, infinite=infinite))
    cluster, groups = clusters_and_groups(7, 60)
    weights = ClusterWeights(int(cluster.max()) + 1, 100, resampling_key(1, "contract"))
    (values,) = replicate_values([metric], rows, cluster=cluster, groups=groups, weights=weights)
    drawn = np.empty((weights.clusters, LANES), np.uint8)
    for replicate in range(weights.replicates):
        if replicate % LANES == 0:
            weights.fill(replicate // LANES, drawn)
        times = drawn[cluster, replicate % LANES]
        for place, group in enumerate(groups):
            expected = value_or_none(metric, repeated(rows.where(group), times[group]))
            if expected is None:
                assert not values.defined[replicate, place]
            else:
                assert values.defined[replicate, place]
                assert values.value[replicate, place] == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_weights_mean_repetition_in_the_definition_too(name: str) -> None:
    rows = under(METRICS[name], study(3, 80, ties=True, infinite=False))
    times = np.random.default_rng(2).integers(0, 4, 80)
    by_weight = METRICS[name].value(rows, times)
    by_repetition = METRICS[name].value(repeated(rows, times), np.ones(int(times.sum()), np.int64))
    assert by_weight == pytest.approx(by_repetition, rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 40))
def test_the_order_of_rows_changes_nothing_and_values_stay_in_bounds(name: str, seed: int, n: int) -> None:
    metric = METRICS[name]
    rows = under(metric, study(seed, n, ties=True, infinite=False))
    shuffled = rows.where(np.random.default_rng(seed).permutation(n))
    first, second = value_or_none(metric, rows), value_or_none(metric, shuffled)
    assert (first is None) == (second is None)
    if first is not None:
        assert first == pytest.approx(second, rel=1e-12, abs=1e-12)
        low, high = metric.bounds
        assert low <= first <= high


@pytest.mark.parametrize("name", METRICS)
def test_undefined_is_said_in_a_sentence_and_not_given_a_number(name: str) -> None:
    empty = under(METRICS[name], study(1, 0, ties=False, infinite=False))
    with pytest.raises(Undefined, match=r"needs .*(\d|none)"):
        METRICS[name].value(empty, np.ones(0, np.int64))
    if METRICS[name].fast is not None:
        values = point_values([METRICS[name]], empty, cluster=np.zeros(0, np.int64), groups=np.zeros((1, 0), bool))
        assert not values[0].defined.any()


@pytest.mark.parametrize("name", FAST)
def test_any_number_of_workers_gives_the_same_bits(name: str) -> None:
    rows = under(METRICS[name], study(5, 300, ties=False, infinite=False))
    cluster, groups = clusters_and_groups(5, 300)
    weights = ClusterWeights(int(cluster.max()) + 1, 200, resampling_key(1, "workers"))
    one, many = (
        replicate_values([METRICS[name]], rows, cluster=cluster, groups=groups, weights=weights, workers=workers)[0]
        for workers in (1, 4)
    )
    assert np.array_equal(one.value, many.value)
    assert np.array_equal(one.defined, many.defined)


@pytest.mark.parametrize("name", METRICS)
def test_what_a_reader_is_told_is_complete(name: str) -> None:
    metric = METRICS[name]
    assert metric.title
    assert metric.explanation.endswith(".")
    assert metric.source
    assert metric.tasks
    assert metric.intervals
    assert metric.bounds[0] < metric.bounds[1]
    if metric.fraction is not None:
        fraction = metric.fraction(under(metric, study(1, 50, ties=False, infinite=False)))
        assert (fraction.numerator <= fraction.denominator).all()


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.fraction is not None])
def test_a_proportion_is_its_fraction(name: str) -> None:
    rows = under(METRICS[name], study(11, 90, ties=True, infinite=True))
    fraction = METRICS[name].fraction(rows)
    share = fraction.numerator.sum() / fraction.denominator.sum()
    assert METRICS[name].value(rows, np.ones(90, np.int64)) == pytest.approx(share, rel=1e-14)


RANKED = [
    name for name, metric in METRICS.items() if metric.needs == ("score", "positive") and metric.failures == "scored"
]


@pytest.mark.parametrize("name", RANKED)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), power=st.sampled_from([0.5, 3.0]))
def test_what_depends_on_ranks_is_the_same_after_any_rising_transform(
    name: str, seed: int, n: int, power: float
) -> None:
    rows = under(METRICS[name], study(seed, n, ties=True, infinite=False))
    moved = Rows({**rows.columns, "score": 100 * rows["score"] ** power - 3}, rows.condition)
    assert value_or_none(METRICS[name], moved) == value_or_none(METRICS[name], rows)


SWAPPED = {
    "classification.auroc": ("classification.auroc", {}),
    "classification.balanced_accuracy": ("classification.balanced_accuracy", {}),
    "classification.mcc": ("classification.mcc", {}),
    "classification.accuracy": ("classification.accuracy", {}),
    "classification.diagnostic_odds_ratio": ("classification.diagnostic_odds_ratio", {}),
    "classification.sensitivity": ("classification.specificity", {}),
    "classification.ppv": ("classification.npv", {}),
    "classification.sensitivity_at_specificity": ("classification.specificity_at_sensitivity", {"sensitivity": 0.8}),
    "classification.partial_auroc": ("classification.partial_auroc", {"tpr_low": 0.8, "tpr_high": 1.0}),
}


@pytest.mark.parametrize("name", SWAPPED)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40))
def test_swapping_the_classes_gives_the_mirrored_metric(name: str, seed: int, n: int) -> None:
    rows = under(METRICS[name], study(seed, n, ties=True, infinite=False))
    mirror, options = SWAPPED[name]
    turned = Rows(
        {"score": -rows["score"], "positive": ~rows["positive"], "flagged": ~rows["flagged"]},
        {"threshold": 0.5, **options},
    )
    here, there = value_or_none(METRICS[name], rows), value_or_none(METRICS[mirror], turned)
    assert (here is None) == (there is None)
    if here is not None:
        assert here == pytest.approx(there, rel=1e-12, abs=1e-12)
