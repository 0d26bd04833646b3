"""What is said of groups where a measure has no better side: they may differ, none is the worst, and they are not called too few."""

from __future__ import annotations

from validate.analyses.differences import Difference
from validate.analyses.level_rows import LevelRow, LevelTable
from validate.analyses.strata_words import endpoint_statement
from validate.estimation.estimate import Estimate

NO_WORST = "Volume difference is better neither higher nor lower, so no group is called the worst."
VOLUME = "segmentation.mean.volume_difference"
LIMITS = {-1: (-3.0, -1.0), 0: (-1.0, 1.0), 1: (1.0, 3.0)}  # of the level less all others


def estimate(metric: str, value: float, **stratum: str) -> Estimate:
    return Estimate(
        id="e", endpoint="e", metric=metric, model="m", pass_id="clean", target="x", stratum=stratum, missing_rule="worst_case",
        value=value, interval=None, n_cases=60, n_patients=60, n_events=60, n_failed=0, unit="ml", role="primary", prespecified=True,
        status="too_few", reason="none",
    )  # fmt: skip


def level(
    name: str,
    clear: int,
    *,
    value: float = 0.1,
    metric: str = "segmentation.mean.volume_difference",
    greyed: str | None = None,
) -> LevelRow:
    low, high = LIMITS[clear]
    apart = Difference((low + high) / 2, low, high, low, high)
    return LevelRow("manufacturer", name, estimate(metric, value, manufacturer=name), greyed, None if greyed else apart)


def said(*rows: LevelRow, metric: str = VOLUME) -> str:
    return endpoint_statement("Volume difference", LevelTable(estimate(metric, 0.1), rows, None))


def test_groups_that_differ_are_named_though_none_is_the_worst() -> None:
    words = said(level("GE", 1), level("Philips", 0), level("Siemens", -1))
    assert words.startswith(NO_WORST)
    assert words.endswith("three groups were looked at: on GE scanners and on Siemens scanners.")


def test_where_no_group_differs_that_is_no_proof() -> None:
    words = said(level("GE", 0), level("Philips", 0))
    assert words.startswith(NO_WORST)
    assert words.endswith("two groups were looked at; that does not prove them equal.")


def test_a_group_that_cannot_be_read_is_not_among_those_that_were_looked_at() -> None:
    assert said(level("GE", 1), level("Philips", 0), level("Siemens", -1, greyed="3 patients")).endswith(
        "two groups were looked at: on GE scanners."
    )
    assert said(level("GE", 0, greyed="3 patients")) == "Volume difference: no group has enough cases to be read."


def test_where_less_is_better_the_higher_group_is_the_worst_by_name() -> None:
    far = "segmentation.mean.hd95"
    words = said(level("GE", 1, value=2.0, metric=far), level("Philips", 0, value=0.5, metric=far), metric=far)
    assert NO_WORST not in words and words.startswith("Volume difference is 2.0")
    assert "on GE scanners" in words and "clear of chance" in words
