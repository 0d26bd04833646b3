"""Statistics of measures against values made elsewhere or by hand."""

from __future__ import annotations

import numpy as np
import pytest

from validate.errors import Undefined
from validate.metrics.metric import Metric, Rows
from validate.registry import load

# Bland & Altman 1986, doi:10.1016/S0140-6736(86)90837-8, table: peak flow by large and mini Wright meter, first readings, l/min
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def value(name: str, columns: dict[str, list[float]], weights: list[int] | None = None, **options: float) -> float:
    metric: Metric = load("metrics", f"segmentation.{name}")
    rows = Rows({key: np.array(column, float) for key, column in columns.items()}, options)
    return metric.value(rows, np.ones(len(rows), np.int64) if weights is None else np.array(weights, np.int64))


def test_limits_of_agreement_are_those_of_bland_and_altman() -> None:
    difference = {"volume_difference": [large - mini for large, mini in zip(LARGE, MINI, strict=True)]}
    # the paper: mean difference -2.1 l/min, SD 38.8 l/min; it takes 2 SD, here 1.96 as in Bland & Altman 1999
    assert value("mean.volume_difference", difference) == pytest.approx(-2.1, abs=0.05)
    low = value("limits_of_agreement.volume_difference.low", difference)
    high = value("limits_of_agreement.volume_difference.high", difference)
    assert (high - low) / (2 * 1.96) == pytest.approx(38.8, abs=0.05)
    assert (low + high) / 2 == pytest.approx(-2.1, abs=0.05)


def test_concordance_is_lins() -> None:
    # tests/golden/r/concordance.R, R 4.2.2
    found = value("volume_concordance", {"volume_reference": LARGE, "volume_prediction": MINI})
    assert found == pytest.approx(0.9427424314, abs=1e-10)


def test_concordance_of_volumes_that_are_all_equal_is_undefined() -> None:
    with pytest.raises(Undefined, match="needs volumes that differ: all 3 are equal"):
        value("volume_concordance", {"volume_reference": [2, 2, 2], "volume_prediction": [2, 2, 2]})


def test_quantiles_are_numpys_and_weights_are_repetition() -> None:
    dice = [0.9, 0.1, 0.7, 0.8, 0.95, 0.3]
    for share in (0.05, 0.1, 0.25, 0.5, 0.9):
        assert value("quantile.dice", {"dice": dice}, share=share) == pytest.approx(np.quantile(dice, share), rel=1e-14)
    weights = [2, 0, 3, 1, 1, 4]
    expected = np.quantile(np.repeat(dice, weights), 0.1)  # numpy, method "linear"
    assert value("quantile.dice", {"dice": dice}, weights, share=0.1) == pytest.approx(expected, rel=1e-14)
    assert value("median.dice", {"dice": dice}, weights) == pytest.approx(np.median(np.repeat(dice, weights)))


def test_a_case_exactly_at_the_goal_counts_on_either_side() -> None:
    assert value("at_least.dice", {"dice": [0.85, 0.84, 0.9, 0.2]}, goal=0.85) == 0.5
    assert value("at_most.hd95", {"hd95": [3.0, 3.1, 0.0, 9.0]}, goal=3.0) == 0.5


def test_lesion_sensitivity_counts_lesions_and_not_cases() -> None:
    # by hand: 1 of 10 lesions in one case, 1 of 1 in another: 2 of 11, and not the mean of 0.1 and 1
    found = value("lesion_sensitivity", {"lesions_found": [1, 1, 0], "lesions_reference": [10, 1, 0]})
    assert found == pytest.approx(2 / 11)
    with pytest.raises(Undefined, match="there is none"):
        value("lesion_sensitivity", {"lesions_found": [0], "lesions_reference": [0]})


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("quantile.dice", {"share": 1.0}, "got 1.0, expected share"),
        ("quantile.dice", {}, "got None, expected share"),
        ("at_least.dice", {"goal": float("nan")}, "got nan, expected goal"),
        ("at_most.hd95", {}, "got None, expected goal"),
    ],
)
def test_options_that_say_nothing_are_refused(name: str, options: dict[str, float], words: str) -> None:
    check = load("metrics", f"segmentation.{name}").check_options
    assert words in check(options)


def test_each_statistic_is_of_the_measures_that_it_fits_and_carries_their_bounds() -> None:
    assert load("metrics", "segmentation.mean.hd95").unit == "mm"
    assert load("metrics", "segmentation.mean.hd95").better == "lower"
    assert load("metrics", "segmentation.mean.volume_difference").failures == "outputs_only"
    for name in ("at_least.hd95", "at_most.dice", "limits_of_agreement.dice.low"):
        with pytest.raises(Exception, match="no metrics plug-in called"):
            load("metrics", f"segmentation.{name}")


def test_lesions_of_one_size_are_counted_apart() -> None:
    # by hand: 1 of 3 small lesions in one case and 1 of 1 in another, 2 of 4; of the largest size there is none
    columns = {
        "lesions_found_1": [1, 1],
        "lesions_reference_1": [3, 1],
        "lesions_found_3": [0, 0],
        "lesions_reference_3": [0, 0],
    }
    assert value("lesion_sensitivity_of_size.size_1", columns) == 0.5
    with pytest.raises(Undefined, match="Lesion sensitivity, size 3 needs a lesion in the reference"):
        value("lesion_sensitivity_of_size.size_3", columns)
