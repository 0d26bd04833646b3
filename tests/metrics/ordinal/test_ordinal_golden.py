"""Agreement of grades against a published table, R's vcd, and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.registry import load

# Unaided distance vision of 7,477 women, right eye by left eye: Stuart 1953, doi:10.1093/biomet/40.1-2.105.
# Kappas by R 4.2.2, vcd 1.4.11: tests/golden/r/multiclass.R
VISION = np.array([[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]])
KAPPAS = {
    "multiclass.kappa": 0.5953888280894,
    "ordinal.linear_kappa": 0.6523804295006,
    "ordinal.quadratic_kappa": 0.7023342524901,
}


def vision() -> tuple[Rows, np.ndarray]:
    true, predicted = (codes.ravel() for codes in np.indices((4, 4)))
    return Rows({"true": true, "predicted": predicted}, {"classes": 4.0}), VISION.ravel()


@pytest.mark.parametrize("name", KAPPAS)
def test_kappas_of_the_vision_table_are_those_of_r(name: str) -> None:
    assert load("metrics", name).value(*vision()) == pytest.approx(KAPPAS[name], abs=1e-12)


def test_shares_of_the_vision_table_add_up() -> None:
    rows, weights = vision()
    share = {
        name: load("metrics", f"ordinal.{name}").value(rows, weights)
        for name in ("exact_agreement", "within_one", "off_by_one", "off_by_more", "undergraded", "overgraded")
    }
    assert share["exact_agreement"] == (1520 + 1512 + 1772 + 492) / 7477
    assert share["off_by_one"] == (266 + 234 + 432 + 362 + 205 + 179) / 7477
    assert share["within_one"] == pytest.approx(share["exact_agreement"] + share["off_by_one"], abs=1e-15)
    assert share["within_one"] + share["off_by_more"] == pytest.approx(1, abs=1e-15)
    assert share["exact_agreement"] + share["undergraded"] + share["overgraded"] == pytest.approx(1, abs=1e-15)


def test_a_case_without_a_grade_is_as_wrong_as_the_farthest_grade() -> None:
    true, none, farthest = np.array([0, 1, 2, 3, 1]), np.array([0, 1, 2, 3, 4]), np.array([0, 1, 2, 3, 3])
    silent, wrong = (Rows({"true": true, "predicted": p}, {"classes": 4.0}) for p in (none, farthest))
    ones = np.ones(5, np.int64)
    for name in ("exact_agreement", "within_one", "off_by_more"):
        metric = load("metrics", f"ordinal.{name}")
        assert metric.value(silent, ones) == metric.value(wrong, ones)
    for name in ("undergraded", "overgraded"):
        assert load("metrics", f"ordinal.{name}").value(silent, ones) == 0.2
    assert load("metrics", "ordinal.quadratic_kappa").value(silent, ones) < 1


def test_the_scale_turned_round_gives_the_same_kappa_and_swaps_too_low_for_too_high() -> None:
    rows, weights = vision()
    turned = Rows({name: 3 - column for name, column in rows.columns.items()}, rows.condition)
    for name in KAPPAS:
        metric = load("metrics", name)
        assert metric.value(turned, weights) == pytest.approx(metric.value(rows, weights), abs=1e-14)
    low, high = load("metrics", "ordinal.undergraded"), load("metrics", "ordinal.overgraded")
    assert low.value(turned, weights) == high.value(rows, weights)


def test_one_grade_and_one_answer_have_no_kappa() -> None:
    rows = Rows({"true": np.array([1, 1]), "predicted": np.array([1, 1])}, {"classes": 4.0})
    with pytest.raises(Undefined, match="needs cases of two classes, or answers of two"):
        load("metrics", "ordinal.quadratic_kappa").value(rows, np.ones(2, np.int64))
