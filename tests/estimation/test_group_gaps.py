"""Groups against a reference group: values by hand, limits by the shared replicates, false alarms by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.bootstrap import BootstrapLimits
from validate.estimation.cases import Cases
from validate.estimation.estimate import Estimate
from validate.estimation.gap_limits import GapLimits, SidesLimits
from validate.estimation.group_gaps import DIFFERENCE, RATIO, _interval, group_gaps, reference_level
from validate.estimation.groups import Groups
from validate.estimation.plan import plan_for
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.metrics.metric import Rows, Values
from validate.protocol.fairness import FairnessOptions
from validate.stats.limits import student_quantile
from validate.stats.mover import mover
from validate.stats.obuchowski import clustered_auroc, obuchowski_limits
from validate.stats.proportion_difference import newcombe
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


def test_what_is_too_small_is_not_compared_and_says_why() -> None:
    difference = gaps(sample({"F": (3, 6), "M": (50, 60)}))["sensitivity/m/clean/sex=F/minus=M"]
    assert difference.interval is None
    assert difference.status == "too_few"
    assert "6 events where sex is F, fewer than 10" in (difference.reason or "")


def test_a_group_without_a_case_that_counts_is_not_compared_and_stops_nothing() -> None:
    data = sample({"F": (0, 12), "M": (50, 60)})
    data.rows.columns["positive"][:12] = False
    found = gaps(data)
    for mark in ("minus", "over"):
        one = found[f"sensitivity/m/clean/sex=F/{mark}=M"]
        assert (one.value, one.interval, one.status) == (None, None, "undefined")
        assert one.reason == "Sensitivity is not defined where sex is F."


def test_a_difference_of_proportions_has_newcombes_limits_also_where_nothing_was_missed() -> None:
    for found, of in (((40, 60), (40, 60)), ((30, 48), (40, 60))):
        interval = gaps(sample({"F": (found[0], of[0]), "M": (found[1], of[1])}))[
            "sensitivity/m/clean/sex=F/minus=M"
        ].interval
        wanted = newcombe(found[0], of[0], found[1], of[1])
        assert interval is not None and interval.method == "mover_wilson" and interval.replicates is None
        assert (interval.low, interval.high) == pytest.approx((float(wanted.low), float(wanted.high)), abs=1e-12)


def two_readings(*, shared: bool) -> Sample:
    """Of each of 60 patients one lesion that is seen twice, "A" and "B", found or missed mostly together; or other patients."""
    found = np.random.default_rng(3).random(60) < 0.8
    both = np.concatenate([found, np.where(np.arange(60) < 54, found, ~found)])
    level = np.repeat(["A", "B"], 60)
    cluster = np.concatenate([np.arange(60), np.arange(60) + (0 if shared else 60)])
    groups = Groups(
        (None, "view", "view"), (None, "A", "B"), np.stack([np.ones(120, bool), level == "A", level == "B"])
    )
    rows = Rows({"score": both * 1.0, "positive": np.ones(120, bool), "flagged": both}, {"threshold": 0.5})
    return Sample(rows, cluster, cluster, groups, np.zeros(3, np.int64))


def test_groups_of_the_same_patients_differ_by_less_than_chance_would_have_it() -> None:
    options = FairnessOptions(attributes=("view",), endpoints=("sensitivity",), reference={"view": "A"})
    widths = []
    for shared in (True, False):
        interval = gaps(two_readings(shared=shared), options)["sensitivity/m/clean/view=B/minus=A"].interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[0] < 0.75 * widths[1]


def test_an_area_has_the_limits_of_both_areas_and_needs_five_patients_of_a_class() -> None:
    rng = np.random.default_rng(5)
    level = np.repeat(["F", "M"], [80, 120])
    positive = rng.random(200) < 0.4
    score = rng.normal(positive * 1.2, 1.0)
    members = np.stack([np.ones(200, bool), level == "F", level == "M"])
    groups = Groups((None, "sex", "sex"), (None, "F", "M"), members)
    plan = plan_for("classification.auroc", endpoint="auroc", role="primary")
    options = FairnessOptions(attributes=("sex",), endpoints=("auroc",))
    none = np.zeros(0)
    cases = Cases("m", "clean", "y", none, none > 0, none > 0, none > 0, none.astype(int), none.astype(int), groups)

    def difference(truth: NDArray[np.bool_]) -> Estimate:
        rows = Rows({"score": score, "positive": truth, "flagged": score > 0.5}, {"threshold": 0.5})
        data = Sample(rows, np.arange(200), np.arange(200), groups, np.zeros(3, np.int64))
        resampling = Resampling(200, 200, resampling_key(1, "x"), 1)
        return next(iter(group_gaps(options, [plan], cases, data, resampling, rule="worst_case")))

    found = difference(positive)
    sides = [
        clustered_auroc(score[mine], positive[mine], np.arange(mine.sum())) for mine in (level == "F", level == "M")
    ]
    own = [obuchowski_limits(one) for one in sides]
    wanted = mover(sides[0].auroc, own[0], sides[1].auroc, own[1])
    assert found.interval is not None and found.interval.method == "mover_obuchowski"
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (float(wanted.low), float(wanted.high)), abs=1e-12
    )
    rare = difference(np.where(level == "F", np.cumsum(positive & (level == "F")) <= 4, True) & positive)
    assert rare.interval is None and "4 patients of the rarer class" in (rare.reason or "")


def of_means(first: tuple[float, float, int], second: tuple[float, float, int]) -> SidesLimits:
    """Replicates of two means: value, standard deviation of the replicates, and patients of each."""
    rng, sizes = np.random.default_rng(2), (first[2], second[2])
    drawn = np.stack([mean + error * rng.standard_normal(4000) for mean, error, _ in (first, second)], axis=1)
    n, level = sum(sizes), np.repeat([0, 1], sizes)
    groups = Groups(("sex", "sex"), ("F", "M"), np.stack([level == 0, level == 1]))
    rows = Rows({"score": np.zeros(n), "positive": np.ones(n, bool)}, {})
    data = Sample(rows, np.arange(n), np.arange(n), groups, np.zeros(2, np.int64))
    plan, there = plan_for("classification.brier", endpoint="brier", role="secondary"), np.ones((1, 2), bool)
    return SidesLimits(
        plan, data, Values(np.array([[first[0], second[0]]]), there), Values(drawn, np.ones_like(drawn, bool))
    )


def test_limits_of_a_ratio_are_as_wide_as_the_side_that_moves_it() -> None:
    # Replicates of the small group vary by 20% of its value, those of the large by 1%: the ratio has the degrees of freedom of
    # the small one, 11. The variances themselves, .02² and .05², would have it that the large one counts most.
    sides = of_means((0.1, 0.02, 12), (5.0, 0.05, 500))
    ratios = sides.drawn.value[:, :1] / sides.drawn.value[:, 1:]
    limits = sides.ratio(0, 1, Values(ratios, np.ones_like(ratios, bool)), 0)
    assert limits.at is not None
    found = limits.at(0.95)
    error = 0.02 * math.hypot(0.2, 0.01)  # of the delta method: the value, times the root of both relative variances
    wide = float(student_quantile(0.95, 11.06)) * math.sqrt(
        12 / 11
    )  # by Welch: 1/((.99²)/11) but for the other's share
    assert found is not None and found.high - found.low == pytest.approx(2 * wide * error, rel=0.03)
    assert wide > 1.15 * 1.96


def test_a_difference_whose_limits_lie_beyond_all_replicates_has_none_and_says_so() -> None:
    values = Values(np.zeros((400, 1)), np.ones((400, 1), bool))
    limits = GapLimits(
        "bootstrap_expanded", lambda level: None if level > 0.99 else BootstrapLimits(0.0, 1.0, 0.1), replicates=True
    )
    assert _interval(limits, values, 0, None)[1] is None
    none, why = _interval(limits, values, 0, 0.995)
    assert none is None and (why or "").startswith(
        "limits that hold for all groups at once lie beyond all of 400 replicates: it"
    )
    nowhere = GapLimits("bootstrap_expanded", lambda _level: None, replicates=True)
    assert (_interval(nowhere, values, 0, None)[1] or "").startswith("limits lie beyond all of 400 replicates")
    flat = GapLimits("mover_wilson", lambda _level: BootstrapLimits(0.2, 0.2, 0.0))
    assert _interval(flat, values, 0, None) == (
        None,
        "the limits of the two groups leave that of their difference no width.",
    )


def test_a_ratio_to_nothing_has_no_value_and_a_reason() -> None:
    ratio = gaps(sample({"F": (20, 40), "M": (0, 60)}))["sensitivity/m/clean/sex=F/over=M"]
    assert ratio.value is None
    assert "is 0 in the reference group" in (ratio.reason or "")


def test_one_known_group_has_nobody_to_be_held_against() -> None:
    assert gaps(sample({"F": (20, 40), "missing": (5, 9)})) == {}


@pytest.mark.parametrize(
    ("truth", "sizes"), [(0.85, (80, 80, 80, 80)), (0.95, (20, 40, 80, 160))], ids=["alike", "a small one"]
)
def test_a_gap_is_alarmed_for_in_at_most_one_of_twenty_studies_where_there_is_none(
    truth: float, sizes: tuple[int, ...]
) -> None:
    """Four groups served alike: a false alarm is any limit for all at once that excludes 0. Percentile limits: 44 of 100 of the second."""
    rng, studies, alarms = np.random.default_rng(11), 400, 0
    options = FairnessOptions(attributes=("site",), endpoints=("sensitivity",))
    for study in range(studies):
        hits = {name: (int(rng.binomial(size, truth)), size) for name, size in zip("ABCD", sizes, strict=True)}
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
