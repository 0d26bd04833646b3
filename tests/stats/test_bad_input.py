"""What no statistic may answer: each function is fed what it can't read, and must say so in a sentence, never in a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from validate.errors import Undefined
from validate.metrics.metric import Metric, Rows
from validate.registry import load, names
from validate.stats import (
    calibration,
    delong,
    limits,
    loess,
    multiplicity,
    obuchowski,
    paired_proportions,
    predictive,
    proportion,
    proportion_difference,
    resample,
    sample_size,
)
from validate.stats.kernel import tally
from validate.stats.paired_proportions import PairedTable, PredictiveTable
from validate.stats.predictive import Accuracy
from validate.stats.tallies.tally import Binned, Concordance

NAN, INF = float("nan"), float("inf")
LEVELS = (0, 1, -1, 95, NAN)
PAIRED, ACCURATE = PairedTable(10, 3, 2, 5), Accuracy(0.8, 30, 0.9, 40)
SCORE = np.array([0.1, 0.4, 0.35, 0.8, 0.7, 0.2])
TRUTH = np.array([0, 0, 1, 1, 1, 0], bool)
PATIENT = np.array([0, 0, 1, 2, 3, 4])
WITH_NAN, WITH_INF = np.where(SCORE == 0.8, NAN, SCORE), np.where(SCORE == 0.8, INF, SCORE)
WEIGHTS = resample.ClusterWeights(3, 64, resample.resampling_key(1, "x"))
EVERYBODY = np.ones((1, 6), bool)
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def calls() -> list[Call]:
    found: list[Call] = []

    def each(functions: tuple[Callable[..., Any], ...], arguments: list[tuple[Any, ...]], **options: Any) -> None:
        found.extend((function, one, options) for function in functions for one in arguments)

    shares = (proportion.wilson, proportion.clopper_pearson, proportion.jeffreys)
    each(shares, [(-1, 10), (11, 10), (0, 0), (NAN, 10), (1, INF), (1, NAN)])
    each((proportion.clustered_proportion,), [([-1, 1], [1, 1]), ([NAN, 1], [1, 1]), ([2, 0], [1, 1]), ([0, 0], [0, 0]),
         ([0, 0], [-1, 2]), ([1, 0], [INF, 1]), ([], []), ([1], [1, 1])])  # fmt: skip
    differences = (proportion_difference.newcombe, proportion_difference.miettinen_nurminen)
    each(differences, [(-1, 10, 1, 10), (11, 10, 1, 10), (1, 0, 1, 10), (NAN, 10, 1, 10), (1, INF, 1, 10)])
    each((PairedTable,), [(-1, 1, 1, 1), (0, 0, 0, 0), (1.5, 1, 1, 1), (NAN, 1, 1, 1), (INF, 1, 1, 1)])
    each((PredictiveTable,), [(-1, 3, 3, 3, 3, 3), (NAN, 3, 3, 3, 3, 3), (1.5, 3, 3, 3, 3, 3)])
    each((paired_proportions.weighted_generalised_score,), [(PredictiveTable(0, 0, 0, 0, 0, 0),)])
    each((paired_proportions.tango_statistic,), [(PAIRED, 2.0), (PAIRED, NAN)])
    each(
        (Accuracy,),
        [(1.2, 10, 0.5, 10), (NAN, 10, 0.5, 10), (0.5, 0, 0.5, 10), (0.5, NAN, 0.5, 10), (0.5, INF, 0.5, 10)],
    )
    each((predictive.ppv_at, predictive.npv_at), [(prevalence, ACCURATE) for prevalence in (0, 1, -1, 2, NAN)])
    calibrations = (calibration.calibration_in_the_large, calibration.calibration_slope, calibration.observed_over_expected,
                    calibration.expected_calibration_error, calibration.spiegelhalter, calibration.hosmer_lemeshow)  # fmt: skip
    each(calibrations, [(WITH_NAN, TRUTH), (WITH_INF, TRUTH), (2 * SCORE, TRUTH), (SCORE - 0.5, TRUTH), (SCORE, TRUTH[:3]),
                        (SCORE[:0], TRUTH[:0]), (SCORE, 2 * TRUTH.astype(int))])  # fmt: skip
    each(calibrations[:3], [(SCORE, np.ones(6, bool))])
    each((multiplicity.bonferroni, multiplicity.holm, multiplicity.hochberg, multiplicity.benjamini_hochberg),
         [([-0.1],), ([1.1],), ([NAN],), ([[0.1]],)])  # fmt: skip
    each((delong.delong, delong.placements), [(WITH_NAN, TRUTH), (SCORE, TRUTH[:3]), (SCORE[:0], TRUTH[:0]),
         (SCORE, np.ones(6, bool)), (SCORE, TRUTH.astype(int))])  # fmt: skip
    each((delong.delong_limits, delong.delong_logit_limits), [(0.8, -0.1), (0.8, NAN), (2.0, 0.01), (NAN, 0.01)])
    each((delong.paired_test,), [(SCORE, SCORE, TRUTH), (SCORE, SCORE[:3], TRUTH), (SCORE, WITH_NAN, TRUTH)])
    # more patients than rows, and rows that do not say whose they are
    each((obuchowski.clustered_auroc,), [(SCORE, TRUTH, PATIENT[:3]), (SCORE, TRUTH, np.arange(12)),
         (SCORE, TRUTH, np.array([NAN, 1, 2, 3, 4, 5])), (SCORE, np.ones(6, bool), PATIENT)])  # fmt: skip
    each((obuchowski.clustered_difference,), [(SCORE, SCORE, TRUTH, np.arange(12)), (SCORE, WITH_NAN, TRUTH, PATIENT)])
    each(
        (limits.wald_limits, limits.logit_limits),
        [(0.5, -0.1, 1.96), (0.5, NAN, 1.96), (1.5, 0.1, 1.96), (NAN, 0.1, 1.96)],
    )
    each((limits.student_quantile,), [(0.95, NAN), (1.0, 5)])
    each((loess.loess,), [(np.array([1, 2, bad]), np.ones(3)) for bad in (NAN, INF)])
    each(
        (loess.loess,),
        [(np.arange(3.0), np.ones(3), np.array([-1.0, 1, 1])), (np.arange(3.0), np.ones(3), np.zeros(3))],
    )
    each((sample_size.hanley_mcneil_variance,), [(0.9, 0, 10), (1.9, 10, 10), (NAN, 10, 10)])
    each((resample.ClusterWeights,), [(0, 100, b"k"), (10, 0, b"k"), (10, -1, b"k")])
    found += [
        (calibration.at_prevalence, (SCORE,), {"stated": 0, "wanted": 0.1}),
        (calibration.at_prevalence, (2 * SCORE,), {"stated": 0.1, "wanted": 0.2}),
        (calibration.expected_calibration_error, (SCORE, TRUTH), {"bins": 0}),
        (calibration.hosmer_lemeshow, (SCORE, TRUTH), {"groups": 0}),
        (multiplicity.fixed_sequence, ([0.1],), {"alpha": 2}),
        (multiplicity.fixed_sequence, ([0.1],), {"alpha": NAN}),
        *((paired_proportions.noninferiority_p, (PAIRED,), {"margin": margin}) for margin in (-0.1, 1.0, NAN)),
        *((sample_size.proportion_power, (n,), {"assumed": 0.9, "goal": 0.8}) for n in (0, -5)),
        *((sample_size.events_for_proportion, (), {"assumed": a, "goal": g}) for a, g in ((0.9, 0.9), (1.2, 0.9), (NAN, 0.9))),
        (sample_size.events_for_proportion, (), {"assumed": 0.9, "goal": 0.8, "power": 1.2}),
        (sample_size.events_for_proportion, (), {"assumed": 0.9, "goal": 0.8, "design_effect": 0.5}),
        (tally, ([Concordance(SCORE, TRUTH)],), {"cluster": PATIENT, "groups": EVERYBODY, "weights": WEIGHTS}),
        (tally, ([Concordance(SCORE, TRUTH[:3])],), {"cluster": PATIENT % 3, "groups": EVERYBODY, "weights": WEIGHTS}),
        (tally, ([Concordance(SCORE, TRUTH, TRUTH[:3])],), {"cluster": PATIENT % 3, "groups": EVERYBODY, "weights": WEIGHTS}),
        (tally, ([Concordance(WITH_NAN, TRUTH)],), {"cluster": PATIENT % 3, "groups": EVERYBODY, "weights": WEIGHTS}),
        (tally, ([Binned(SCORE, np.full(6, 9, np.int32), 3)],), {"cluster": PATIENT % 3, "groups": EVERYBODY, "weights": WEIGHTS}),
    ]  # fmt: skip
    with_level: list[Call] = [(function, (3, 10), {}) for function in shares]
    with_level += [(function, (1, 10, 2, 10), {}) for function in differences]
    with_level += [
        (function, (PAIRED,), {}) for function in (paired_proportions.tango, paired_proportions.newcombe_paired)
    ]
    with_level += [(predictive.ppv_at, (0.1, ACCURATE), {}), (delong.delong_limits, (0.8, 0.01), {}),
                   (delong.paired_test, (SCORE, SCORE[::-1].copy(), TRUTH), {}), (proportion.clustered_proportion, ([1, 0], [1, 1]), {}),
                   (obuchowski.perfect_limits, (1.0, 20), {}), (calibration.calibration_in_the_large, (SCORE, TRUTH), {})]  # fmt: skip
    found += [(function, given, {"level": level}) for function, given, _ in with_level for level in LEVELS]
    return found


CALLS = calls()


@pytest.mark.parametrize(
    ("function", "given", "options"), CALLS, ids=[f"{n}-{c[0].__name__}" for n, c in enumerate(CALLS)]
)
def test_bad_input_is_a_sentence_and_never_a_number(
    function: Callable[..., Any], given: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, Undefined)) as caught:
        function(*given, **options)
    assert len(str(caught.value).split()) >= 5, caught.value


@pytest.mark.parametrize("name", names("metrics"))
@pytest.mark.parametrize("weights", [np.full(6, -1), np.ones(4, np.int64), np.full(6, 0.5), np.full((6, 1), 1)])
def test_weights_that_are_no_counts_are_refused_by_every_metric(name: str, weights: np.ndarray) -> None:
    metric: Metric = load("metrics", name)
    rows = Rows(
        {"score": SCORE, "positive": TRUTH, "flagged": SCORE > 0.3, "true": PATIENT % 3, "predicted": PATIENT % 3,
         "scores": np.ones((6, 3)) / 3},
        {"threshold": 0.3, "classes": 3.0, **metric.example},
    )  # fmt: skip
    with pytest.raises(ValueError, match="one whole number of 0 or more for each of the 6 rows"):
        metric.value(rows, weights)
