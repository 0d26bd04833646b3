"""Every measure of marks on a study worked by hand, and what must not change any of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import validate
from validate.registry import names

# By hand: two cases with lesions, two without. Of three lesions .9 and .4 are marked, one is not; false marks are .7 .2 .6 .4.
CASES = {"case": ["a", "b", "c", "d"]}
LESIONS = {"case": ["a", "a", "b"], "lesion": ["1", "2", "1"]}
MARKS = {
    "case": ["a", "a", "b", "b", "c", "c"], "score": [0.9, 0.7, 0.4, 0.2, 0.6, 0.4], "lesion": ["1", None, "1", None, None, None],
}  # fmt: skip
BY_HAND = {  # at 0.4, which is reached by what equals it
    "lesion_sensitivity": 2 / 3,
    "precision": 2 / 5,  # .9 and .4 hit; .7, .6 and .4 are false
    "f1": 2 * 2 / (2 * 2 + 3 + 1),
    "false_marks_per_case": 3 / 4,
    "false_marks_per_normal_case": 2 / 2,
    "false_marks_per_abnormal_case": 1 / 2,
    "case_sensitivity": 2 / 2,
    "case_specificity": 1 / 2,
    # one of four cases may have a false mark: above .6 lies one lesion
    "sensitivity_at_rate": 1 / 3,
    # no false mark: above .7, one lesion; one: above .6, one; two: above .4, one; four: both. Rates 1/8 … 8 let 0 1 2 4 8 … stand
    "mean_sensitivity": (1 + 1 + 1 + 2 + 2 + 2 + 2) / 3 / 7,
    # highest false marks of cases without lesions: .6 and none. .9 beats both, .4 one, none ties with none
    "afroc": (2 + 1 + 0.5) / 6,
    "weighted_afroc": ((2 + 0.5) / 2 + 1) / 4,
    "highest_rating_auc": (2 + 1) / 4,
}


def test_every_measure_is_as_by_hand() -> None:
    every = {name.removeprefix("detection.") for name in names("metrics") if name.startswith("detection.")}
    assert {name for name in every if not name.startswith("coco.")} == set(
        BY_HAND
    )  # COCO's are held against pycocotools
    found = validate.evaluate(
        CASES, task="detection", marks=MARKS, lesions=LESIONS, key="case", threshold=0.4, metrics=list(BY_HAND), replicates=200,
        options={"sensitivity_at_rate": {"rate": 0.25}},
    )  # fmt: skip
    assert {one.endpoint: one.value for one in found} == {name: pytest.approx(value) for name, value in BY_HAND.items()}


HITS = [
    {"criterion": "iou", "value": 0.3},
    {"criterion": "centre_in_object"},
    {"criterion": "distance", "value": 3.0},
    {"criterion": "diameter_fraction", "value": 0.5},
]


def study(seed: int) -> dict[str, Any]:
    """Eight cases with balls of two kinds, a mark near most of them and some beside; quarters of a mm, so that moving rounds nothing."""
    rng = np.random.default_rng(seed)
    lesions, marks = [], []
    for case in range(8):
        for _ in range(rng.poisson(1.5)):
            at, size, kind = rng.integers(-200, 200, 3) / 4, int(rng.integers(8, 60)) / 4, "xy"[int(rng.integers(2))]
            lesions.append((case, *at, size, kind))
            if rng.random() < 0.8:
                near = at + rng.integers(-8, 9, 3) / 4
                marks.append((case, *near, size, kind, float(rng.integers(20)) / 20))
        beside = [rng.integers(-200, 200, 3) / 4 for _ in range(rng.poisson(1))]
        marks += [(case, *at, 6.0, "xy"[int(rng.integers(2))], float(rng.integers(20)) / 20) for at in beside]
    return {"cases": list(range(8)), "lesions": lesions, "marks": marks}


def told(
    found: dict[str, Any], hit: dict[str, Any], *, moved: Any = (0, 0, 0), scale: float = 1.0, kinds: dict[str, str] | None = None,
    kind: str | None = "kind",
) -> dict[tuple[str, str], float | None]:  # fmt: skip
    def table(rows: list[tuple[Any, ...]], *more: str) -> dict[str, list[Any]]:
        names = ("case", "x", "y", "z", "diameter", "kind", *more)
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        for axis, by in zip("xyz", moved, strict=True):
            columns[axis] = [scale * (value + by) for value in columns[axis]]
        columns["diameter"] = [scale * value for value in columns["diameter"]]
        columns["kind"] = [(kinds or {}).get(value, value) for value in columns["kind"]]
        return columns

    said = dict(hit, value=hit["value"] * scale) if hit["criterion"] == "distance" else hit
    estimates = validate.evaluate(
        {"case": found["cases"]}, task="detection", marks=table(found["marks"], "score"), lesions=table(found["lesions"]), key="case",
        truth=kind, hit=said, threshold=0.3, metrics=list(BY_HAND), replicates=200, options={"sensitivity_at_rate": {"rate": 0.5}},
    )  # fmt: skip
    return {(one.endpoint, one.target): one.value for one in estimates}


@pytest.mark.parametrize("hit", HITS, ids=lambda hit: str(hit["criterion"]))
@given(seed=st.integers(0, 10_000))
@settings(max_examples=2, deadline=None)
def test_no_measure_changes_with_place_size_order_or_names(hit: dict[str, Any], seed: int) -> None:
    found = study(seed)
    if len(found["lesions"]) < 2 or len({row[5] for row in found["lesions"]}) < 2:
        return
    as_it_is = told(found, hit)
    assert told(found, hit, moved=(64.0, -32.0, 17.5)) == as_it_is  # translation
    assert told(found, hit, scale=4.0) == as_it_is  # all lengths, the hit's distance too
    order = np.random.default_rng(seed).permutation(8).tolist()
    shuffled = {"cases": order, "lesions": found["lesions"][::-1], "marks": found["marks"]}
    assert told(shuffled, hit) == {key: pytest.approx(value, abs=1e-12) for key, value in as_it_is.items()}
    swapped = told(found, hit, kinds={"x": "y", "y": "x"})
    other = {"x": "y", "y": "x"}
    assert swapped == {(name, other[kind]): value for (name, kind), value in as_it_is.items()}
