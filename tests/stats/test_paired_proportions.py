"""Paired differences and tests against published tables and R."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.errors import Undefined
from validate.stats.paired_proportions import (
    PairedTable,
    PredictiveTable,
    mcnemar,
    newcombe_paired,
    noninferiority_p,
    tango,
    tango_statistic,
    weighted_generalised_score,
)

# Cells (both, first only, second only, neither), then Tango, Newcombe (method 10), McNemar exact and mid-p, and the one-sided
# p of non-inferiority within 0.10. Newcombe 1998 table II and Tango 1998; R 4: closed forms, ratesci 1.0.0, exact2x2 1.7.0.
GOLDEN = [
    ((36, 12, 2, 0), (0.06111240618634, 0.3447087482821),
     (0.05692958400324, 0.3404276029749), 0.012939453125, 0.00738525390625, 0.0001109233403316),
    ((20, 12, 2, 16), (0.06111240618634, 0.3447087482821),
     (0.05615642484175, 0.3292069954001), 0.012939453125, 0.00738525390625, 0.0001109233403316),
    ((24, 0, 0, 6), (-0.113513393174, 0.113513393174),
     (-0.09177409398745, 0.09177409398745), 1.0, 1.0, 0.03394457743091),
    ((53, 13, 9, 25), (-0.0547985106397, 0.1363433011102),
     (-0.05305686382822, 0.1319533763451), 0.5234670639038, 0.4048728942871, 0.002607717815471),
    ((43, 0, 1, 0), (-0.1180770969821, 0.05939323111663),
     (-0.1180770969821, 0.0597180083509), 1.0, 0.5, 0.04376584443856),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "score", "newcombe", "exact", "mid_p", "p"), GOLDEN)
def test_paired_tables_give_the_published_limits_and_ps(
    cells: tuple[int, int, int, int],
    score: tuple[float, float],
    newcombe: tuple[float, float],
    exact: float,
    mid_p: float,
    p: float,
) -> None:
    table = PairedTable(*cells)
    for limits, expected in ((tango(table), score), (newcombe_paired(table), newcombe)):
        assert (float(limits.low), float(limits.high)) == pytest.approx(expected, abs=1e-10)
    assert mcnemar(table).exact == pytest.approx(exact, abs=1e-12)
    assert mcnemar(table).mid_p == pytest.approx(mid_p, abs=1e-12)
    assert noninferiority_p(table, margin=0.10) == pytest.approx(p, abs=1e-12)


def test_predictive_values_are_compared_as_by_dtcompair() -> None:
    # R DTComPair 1.2.2, pv.wgs on its Paired1 (a hypothetical study of 712 rows), given as counts
    ppv = weighted_generalised_score(PredictiveTable(319, 78, 22, 31, 53, 22))
    npv = weighted_generalised_score(PredictiveTable(155, 22, 53, 32, 22, 78))
    assert (ppv.first, ppv.second) == pytest.approx((0.8253638253638, 0.8654822335025), abs=1e-12)
    assert (ppv.statistic, ppv.p) == pytest.approx((5.465887446421, 0.01939120414469), abs=1e-11)
    assert (npv.statistic, npv.p) == pytest.approx((16.535404143198, 4.775011600677e-05), abs=1e-11)


tables = (
    st.tuples(*[st.integers(0, 60)] * 4).filter(lambda cells: sum(cells) > 0).map(lambda cells: PairedTable(*cells))
)


@given(tables)
def test_swapping_the_models_turns_the_difference_and_its_limits_round(table: PairedTable) -> None:
    turned = PairedTable(table.both, table.second_only, table.first_only, table.neither)
    for method in (tango, newcombe_paired):
        here, there = method(table), method(turned)
        assert float(here.low) == pytest.approx(-float(there.high), abs=1e-9)
        assert float(here.high) == pytest.approx(-float(there.low), abs=1e-9)
    assert mcnemar(table) == mcnemar(turned)


@given(tables, st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_hold_the_difference_and_have_a_width(table: PairedTable, level: float) -> None:
    for method in (tango, newcombe_paired):
        limits = method(table, level=level)
        assert -1 <= float(limits.low) <= table.difference + 1e-12
        assert table.difference - 1e-12 <= float(limits.high) <= 1
        assert float(limits.low) < float(limits.high)


@given(tables, st.floats(0.01, 0.3))
def test_the_p_of_non_inferiority_and_the_lower_limit_agree(table: PairedTable, margin: float) -> None:
    if abs(float(tango(table).low) + margin) > 1e-6:
        assert (noninferiority_p(table, margin=margin) < 0.025) == (float(tango(table).low) > -margin)


def test_what_is_no_table_or_no_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers of 0 or more"):
        PairedTable(0, 0, 0, 0)
    with pytest.raises(ValueError, match="whole numbers of 0 or more"):
        PairedTable(3, -1, 0, 0)
    for margin in (-0.1, 1.0, np.nan):
        with pytest.raises(ValueError, match="0 or more and below 1"):
            noninferiority_p(PairedTable(3, 1, 1, 1), margin=margin)
    with pytest.raises(ValueError, match="between 0 and 1"):
        tango(PairedTable(3, 1, 1, 1), level=1.0)
    with pytest.raises(Undefined, match="one of them has none"):
        weighted_generalised_score(PredictiveTable(0, 3, 0, 0, 2, 0))
    with pytest.raises(Undefined, match="do not vary"):
        weighted_generalised_score(PredictiveTable(5, 0, 0, 2, 0, 0))


def test_a_difference_that_can_not_have_been_is_infinitely_far() -> None:
    assert tango_statistic(PairedTable(0, 0, 4, 0), 1.0) == -np.inf
    assert tango_statistic(PairedTable(0, 4, 0, 0), 1.0) == 0.0
