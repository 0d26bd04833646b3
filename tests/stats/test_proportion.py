"""Intervals of proportions against published tables and the exact tests they invert."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from validate.stats.proportion import clopper_pearson, clustered_proportion, jeffreys, wilson

# successes, total, Wilson, Clopper–Pearson, Jeffreys: R 4.2.2, binom 1.1.1.1 and qbeta; the Wilson and Clopper–Pearson limits of
# the first four rows are printed in Newcombe 1998, Statistics in Medicine 17:857, table I, to four places
PUBLISHED = [
    (
        81,
        263,
        (0.2552885198783, 0.3662095769828),
        (0.2527367455853, 0.3676219226014),
        (0.254521934991, 0.3656474991741),
    ),
    (
        15,
        148,
        (0.06238639953074, 0.1604872417233),
        (0.05784401008345, 0.1616504903495),
        (0.0604485170093, 0.1576431434787),
    ),
    (0, 20, (0.0, 0.1611251580528), (0.0, 0.1684334709831), (0.0, 0.1166389829049)),
    (
        1,
        29,
        (0.006113214292763, 0.1717552187932),
        (0.0008726468835799, 0.1776442954887),
        (0.003746173649057, 0.1500776860022),
    ),
    (29, 29, (0.8830302015003, 1.0), (0.8805551309305, 1.0), (0.9177135170762, 1.0)),
]


@pytest.mark.parametrize(("successes", "total", "score", "exact", "posterior"), PUBLISHED)
def test_limits_are_those_of_the_published_tables(
    successes: int, total: int, score: tuple[float, float], exact: tuple[float, float], posterior: tuple[float, float]
) -> None:
    for method, expected in ((wilson, score), (clopper_pearson, exact), (jeffreys, posterior)):
        limits = method(successes, total)
        assert (float(limits.low), float(limits.high)) == pytest.approx(expected, abs=1e-10)


def test_the_fda_example_is_reproduced() -> None:
    limits = wilson(44, 51)  # FDA 2007, Statistical Guidance on Reporting Results …, table 2: 86.3% (74.3%, 93.2%)
    assert (round(float(limits.low), 3), round(float(limits.high), 3)) == (0.743, 0.932)


@given(total=st.integers(1, 300), data=st.data())
def test_limits_hold_the_share_and_mirror_each_other(total: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, total))
    for method in (wilson, clopper_pearson, jeffreys):
        limits, mirrored = method(successes, total), method(total - successes, total)
        assert 0 <= limits.low <= successes / total + 1e-12
        assert successes / total - 1e-12 <= limits.high <= 1
        assert float(limits.low) == pytest.approx(1 - float(mirrored.high), abs=1e-9)


@given(total=st.integers(1, 200), data=st.data())
def test_clopper_pearson_inverts_the_exact_binomial_test(total: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(1, total))
    low = float(clopper_pearson(successes, total).low)
    assert stats.binom.sf(successes - 1, total, low) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(("successes", "total"), [(-1, 5), (6, 5), (1, 0), (0, -3)])
def test_impossible_counts_are_refused(successes: int, total: int) -> None:
    for method in (wilson, clopper_pearson, jeffreys):
        with pytest.raises(ValueError, match=r"proportion|successes"):
            method(successes, total)


def test_one_row_per_patient_has_a_design_effect_of_exactly_one() -> None:
    hits = np.array([1, 0, 1, 1, 0, 1, 1, 1])
    found = clustered_proportion(hits, np.ones(8))
    assert float(found.value) == 0.75
    assert float(found.design_effect) == 1.0
    assert float(found.effective_n) == 8.0


def test_images_that_repeat_their_patient_count_once() -> None:
    hits = np.tile([1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1], 5)
    alone, tripled = clustered_proportion(hits, np.ones(60)), clustered_proportion(3 * hits, np.full(60, 3))
    assert float(tripled.value) == float(alone.value)
    # by hand: the ratio estimator's variance is that of the 60 patients, so the effective n is about 60, not 180
    assert float(tripled.effective_n) == pytest.approx(60, rel=0.05)


def test_the_design_effect_never_falls_below_one() -> None:
    # every patient has one hit and one miss: less scatter than chance, which earns nothing
    found = clustered_proportion(np.ones(20), np.full(20, 2))
    assert float(found.variance) == 0.0
    assert float(found.design_effect) >= 1.0
    assert float(found.effective_n) <= 40


@pytest.mark.parametrize("hit", [0, 1])
def test_a_share_of_nothing_or_all_counts_patients_not_images(hit: int) -> None:
    found = clustered_proportion(np.full(12, 3 * hit), np.full(12, 3))
    assert float(found.effective_n) == 12
    limits = wilson(found.value * found.effective_n, found.effective_n)
    width = 1 - 12 / (12 + 1.959964**2)  # Wilson at 0 of 12, by hand
    assert float(limits.high if hit == 0 else 1 - limits.low) == pytest.approx(width, abs=1e-6)


@given(seed=st.integers(0, 500))
def test_the_order_of_patients_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(1, 5, 30)
    hits = rng.binomial(rows, 0.7)
    order = rng.permutation(30)
    first, second = clustered_proportion(hits, rows), clustered_proportion(hits[order], rows[order])
    assert float(first.variance) == pytest.approx(float(second.variance), rel=1e-12)


def test_the_ratio_estimator_is_its_formula() -> None:
    hits, rows = np.array([2.0, 0, 1, 3, 1, 2, 0, 1]), np.array([3.0, 1, 2, 3, 3, 2, 1, 2])
    share = hits.sum() / rows.sum()
    # Cochran 1977, Sampling Techniques, 6.3, by hand: k/(k-1) Σ (x - p n)² / N²
    expected = 8 / 7 * ((hits - share * rows) ** 2).sum() / rows.sum() ** 2
    assert float(clustered_proportion(hits, rows).variance) == pytest.approx(expected, rel=1e-14)
