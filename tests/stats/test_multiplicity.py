"""Adjusted p-values against the fifteen tests of Benjamini & Hochberg 1995."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.stats.multiplicity import benjamini_hochberg, bonferroni, fixed_sequence, hochberg, holm

# Benjamini & Hochberg 1995, JRSS B 57:289, section 3.2
P = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
    *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
]


def test_the_paper_rejects_four_by_its_procedure_and_three_by_bonferroni() -> None:
    assert int((benjamini_hochberg(P) <= 0.05).sum()) == 4
    assert int((bonferroni(P) <= 0.05).sum()) == 3


def test_adjusted_values_are_those_of_statsmodels() -> None:
    # statsmodels 0.15.0 multipletests: first nine of fifteen
    assert holm(P)[:9] == pytest.approx([0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213])
    assert hochberg(P)[:9] == pytest.approx([0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.2682, 0.2682, 0.2752, 0.3213])
    assert benjamini_hochberg(P)[:9] == pytest.approx(
        [0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.0638571429, 0.0638571429, 0.0645, 0.0765]
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.randoms())
def test_order_changes_nothing_and_the_kinder_methods_are_kinder(p: list[float], random: object) -> None:
    order = np.argsort([random.random() for _ in p])  # type: ignore[attr-defined]
    for method in (bonferroni, holm, hochberg, benjamini_hochberg):
        assert method(np.array(p)[order]) == pytest.approx(method(p)[order])
    assert (benjamini_hochberg(p) <= hochberg(p) + 1e-12).all()
    assert (hochberg(p) <= holm(p) + 1e-12).all()
    assert (holm(p) <= bonferroni(p) + 1e-12).all()


def test_a_fixed_sequence_stops_at_the_first_miss() -> None:
    assert fixed_sequence([0.01, 0.03, 0.001], alpha=0.025).tolist() == [True, False, False]


@pytest.mark.parametrize("p", [[0.1, float("nan")], [1.2], [[0.1]]])
def test_what_is_no_list_of_p_values_is_refused(p: list[object]) -> None:
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        holm(p)  # type: ignore[arg-type]
