"""Groups against a reference group: values by hand, limits by the shared replicates, false alarms by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from validate.errors import DataError
from validate.estimation.cases import Cases
from validate.estimation.estimate import Estimate
from validate.estimation.group_gaps import DIFFERENCE, RATIO, group_gaps, reference_level
from validate.estimation.groups import Groups
from validate.estimation.plan import plan_for
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows
from validate.protocol.fairness import FairnessOptions
from validate.stats.resample import resampling_key

PLAN = plan_for("classification.sensitivity", endpoint="sensitivity", role="secondary")
OPTIONS = FairnessOptions(attributes=("sex",), endpoints=("sensitivity",))


def sample(hits: dict[str, tuple[int, int]], *, attribute: str = "sex") -> Sample:
    """Positive cases of each level: (found, of), one a patient."""
    level = np.concatenate([[name] * of for name, (_, of) in hits.items()])
    found = np.concatenate([np.arange(of) < got for got, of in hits.values()])
    n = len(level)
    names = sorted(hits, key=lambda name: (name == "missing", name))
    members = np.stack([np.ones(n, bool), *(level == name for name in names)])
    groups = Groups((None, *(attribute,) * len(names)), (None, *names), members)
    rows = Rows({"score": found * 1.0, "positive": np.ones(n, bool), "flagged": found}, {"threshold": 0.5})
    return Sample(rows, np.arange(n), np.arange(n), groups, np.zeros(len(members), np.int64))


def gaps(
    data: Sample, options: FairnessOptions = OPTIONS, *, replicates: int = 400, key: str = "x"
) -> dict[str, Estimate]:
    n = len(data.rows)
    empty = np.zeros(0)
    cases = Cases(
        "m", "clean", "y", empty, empty > 0, empty > 0, empty > 0, empty.astype(int), empty.astype(int), data.groups
    )
    resampling = Resampling(n, replicates, resampling_key(1, key), 1)
    return {e.id: e for e in group_gaps(options, [PLAN], cases, data, resampling, rule="worst_case")}


def test_a_difference_and_a_ratio_are_those_of_the_fractions() -> None:
    found = gaps(sample({"F": (60, 100), "M": (96, 120), "missing": (9, 10)}))
    assert set(found) == {"sensitivity/m/clean/sex=F/minus=M", "sensitivity/m/clean/sex=F/over=M"}
    difference, ratio = found["sensitivity/m/clean/sex=F/minus=M"], found["sensitivity/m/clean/sex=F/over=M"]
    assert difference.value == pytest.approx(0.6 - 0.8)
    assert ratio.value == pytest.approx(0.75)
    assert dict(difference.contrast or {}) == {"kind": DIFFERENCE, "against": "sex=M"}
    assert (ratio.contrast or {})["kind"] == RATIO
    interval = difference.interval
    assert interval is not None and interval.simultaneous_low is not None and interval.simultaneous_high is not None
    assert interval.simultaneous_low <= interval.low < -0.2 < interval.high <= interval.simultaneous_high
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * math.sqrt(0.24 / 100 + 0.16 / 120), rel=0.12)


def test_the_reference_is_the_largest_group_or_the_one_that_is_named() -> None:
    data = sample({"A": (30, 40), "B": (30, 60), "C": (10, 20)}, attribute="site")
    largest = FairnessOptions(attributes=("site",), endpoints=("sensitivity",))
    assert data.groups.levels[reference_level(largest, data, "site") or 0] == "B"
    named = FairnessOptions(attributes=("site",), endpoints=("sensitivity",), reference={"site": "A"})
    assert {e.rsplit("=", 1)[1] for e in gaps(data, named)} == {"A"}
    unknown = FairnessOptions(attributes=("site",), endpoints=("sensitivity",), reference={"site": "D"})
    with pytest.raises(DataError, match="no group 'D' of site to hold the others against; there are A, B, C"):
        gaps(data, unknown)


@pytest.mark.parametrize(
    ("hits", "reason"),
    [
        ({"F": (3, 6), "M": (50, 60)}, "6 events where sex is F, fewer than 10"),
        ({"F": (0, 40), "M": (0, 60)}, "every replicate gives the same"),
    ],
)
def test_what_is_too_small_is_not_compared_and_says_why(hits: dict[str, tuple[int, int]], reason: str) -> None:
    difference = gaps(sample(hits))["sensitivity/m/clean/sex=F/minus=M"]
    assert difference.interval is None
    assert difference.status == "too_few"
    assert reason in (difference.reason or "")


def test_a_ratio_to_nothing_has_no_value_and_a_reason() -> None:
    ratio = gaps(sample({"F": (20, 40), "M": (0, 60)}))["sensitivity/m/clean/sex=F/over=M"]
    assert ratio.value is None
    assert "is 0 in the reference group" in (ratio.reason or "")


def test_one_known_group_has_nobody_to_be_held_against() -> None:
    assert gaps(sample({"F": (20, 40), "missing": (5, 9)})) == {}


def test_a_gap_is_alarmed_for_in_at_most_one_of_twenty_studies_where_there_is_none() -> None:
    """Four groups, truth 0.85 in each: a false alarm is any limit for all at once that excludes 0."""
    rng, studies, alarms = np.random.default_rng(11), 400, 0
    options = FairnessOptions(attributes=("site",), endpoints=("sensitivity",))
    for study in range(studies):
        hits = {name: (int(rng.binomial(80, 0.85)), 80) for name in "ABCD"}
        found = gaps(sample(hits, attribute="site"), options, replicates=256, key=str(study)).values()
        limits = [e.interval for e in found if (e.contrast or {})["kind"] == DIFFERENCE and e.interval is not None]
        alarms += any((i.simultaneous_low or 0) > 0 or (i.simultaneous_high or 0) < 0 for i in limits)
    assert alarms / studies <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / studies)


def test_a_gap_that_was_put_there_is_found() -> None:
    rng, found = np.random.default_rng(12), 0
    for study in range(40):
        hits = {"F": (int(rng.binomial(200, 0.70)), 200), "M": (int(rng.binomial(210, 0.90)), 210)}
        interval = gaps(sample(hits), key=str(study))["sensitivity/m/clean/sex=F/minus=M"].interval
        found += interval is not None and interval.simultaneous_high is not None and interval.simultaneous_high < 0
    assert found >= 38
