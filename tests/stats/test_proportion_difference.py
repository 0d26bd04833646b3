"""Differences of two independent proportions against closed forms and score limits of other software."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.proportion_difference import miettinen_nurminen, newcombe

# Newcombe 1998 (Stat Med 17:873) table II counts; limits computed in R 4.2.2: method 10 in closed form, MN by ratesci 1.0.0
GOLDEN = [
    (56, 70, 48, 80, (0.05243147240, 0.33387265404), (0.05282971263, 0.3381729424)),
    (9, 10, 3, 10, (0.17052272393, 0.80901797354), (0.17002499104, 0.84064954519)),
    (6, 7, 2, 7, (0.05822792748, 0.80624963752), (0.03417554498, 0.85340526700)),
    (5, 56, 0, 29, (-0.03813714790, 0.19256001386), (-0.03259658813, 0.19333100319)),
    (0, 10, 0, 20, (-0.16112515805, 0.27753279986), (-0.16575024890, 0.28438135982)),
    (10, 10, 0, 20, (0.67908603714, 1.0), (0.71561864018, 1.0)),
    (10, 10, 0, 10, (0.60750935043, 1.0), (0.66364154220, 1.0)),
]


@pytest.mark.parametrize(("x1", "n1", "x2", "n2", "by_newcombe", "by_score"), GOLDEN)
def test_limits_are_those_of_the_reference_software(
    x1: int, n1: int, x2: int, n2: int, by_newcombe: tuple[float, float], by_score: tuple[float, float]
) -> None:
    found = newcombe(x1, n1, x2, n2)
    assert (float(found.low), float(found.high)) == pytest.approx(by_newcombe, abs=1e-9)
    score = miettinen_nurminen(x1, n1, x2, n2)
    assert (float(score.low), float(score.high)) == pytest.approx(by_score, abs=1e-5)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_swapping_the_groups_mirrors_the_limits(n1: int, n2: int, data: st.DataObject) -> None:
    x1, x2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    for method in (newcombe, miettinen_nurminen):
        one, other = method(x1, n1, x2, n2), method(x2, n2, x1, n1)
        assert float(one.low) == pytest.approx(-float(other.high), abs=1e-7)
        assert -1 <= one.low <= x1 / n1 - x2 / n2 <= one.high <= 1
        assert np.isfinite([one.low, one.high]).all()


def test_impossible_counts_are_refused() -> None:
    for method in (newcombe, miettinen_nurminen):
        with pytest.raises(ValueError, match="between 0 and the total"):
            method(5, 4, 1, 2)
