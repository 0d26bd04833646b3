"""`validate.evaluate` on what was measured of masks."""

from __future__ import annotations

import numpy as np
import pytest

import validate
from validate.errors import DataError


def frame(n: int = 80) -> dict[str, list[object]]:
    rng = np.random.default_rng(5)
    return {
        "patient": [f"p{k // 2}" for k in range(n)],
        "overlap": rng.beta(9, 2, n).tolist(),
        "hd95_mm": rng.gamma(2, 2, n).tolist(),
        "vendor": [("A", "B")[k % 4 // 2] for k in range(n)],
    }


def test_each_measure_is_summed_up_with_an_interval_by_patient() -> None:
    table = frame()
    found = validate.evaluate(
        table, task="segmentation", scores={"dice": "overlap", "hd95": "hd95_mm"}, cluster="patient", by=["vendor"],
        metrics=["mean.dice", "median.hd95", "segmentation.mean.hd95"], replicates=400, seed=1,
    )  # fmt: skip
    rows = {(row["metric"], str(row["stratum"])): row for row in found.to_pandas().to_dict("records")}
    mean = rows["mean.dice", "{}"]
    assert mean["value"] == pytest.approx(np.mean(table["overlap"]))
    assert mean["low"] < mean["value"] < mean["high"]
    assert (mean["n_cases"], mean["n_patients"], mean["unit"]) == (80, 40, "index")
    assert rows["median.hd95", "{}"]["value"] == pytest.approx(np.median(table["hd95_mm"]))
    assert rows["median.hd95", "{}"]["unit"] == "mm"
    in_b = [x for x, vendor in zip(table["overlap"], table["vendor"], strict=True) if vendor == "B"]
    assert rows["mean.dice", "{'vendor': 'B'}"]["value"] == pytest.approx(np.mean(in_b))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scores": {"dice": "hd95_mm"}}, "lie outside 0 to 1, where dice lies"),
        ({"scores": {"dise": "overlap"}}, "no measure 'dise'; there are dice, iou"),
        ({}, r"needs \{measure: column\}"),
        ({"scores": {"dice": "overlap"}, "truth": "vendor"}, "truth: does not belong to task 'segmentation'"),
        ({"scores": {"dice": "overlap"}, "metrics": ["mean.iou"]}, "mean.iou needs iou; pass scores"),
        (
            {"scores": {"dice": "overlap"}, "metrics": ["auroc"]},
            "no metric 'auroc'; there are at_least.centreline_dice",
        ),
        (
            {"scores": {"dice": "overlap"}, "metrics": ["at_least.dice"]},
            r"needs options=\{'at_least.dice'",
        ),
        ({"scores": {"dice": "overlap"}, "threshold": 0.5}, "threshold: does not belong to task 'segmentation'"),
    ],
)
def test_what_can_not_be_read_is_refused_in_a_sentence(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        validate.evaluate(frame(), task="segmentation", **arguments)


def test_a_case_without_a_number_is_not_left_out_in_silence() -> None:
    table = frame()
    table["overlap"][3] = None
    with pytest.raises(DataError, match="1 of 80 rows have no number"):
        validate.evaluate(table, task="segmentation", scores={"dice": "overlap"})


def test_a_classifier_without_a_truth_is_asked_for_it() -> None:
    with pytest.raises(DataError, match="truth and score: name one column each"):
        validate.evaluate(frame(), score="overlap")
