"""Calibration: its measures over all and in every group, shifted, in bins, and the smooth curve. On outputs only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

MEASURES = {
    "intercept": "calibration_in_the_large", "slope": "calibration_slope", "observed_over_expected": "observed_expected_ratio",
}  # fmt: skip
OF_BINS = ("cases", "positives", "stated", "observed", "start", "end")


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    for name in ("cases", "positives", "patients"):
        yield from finding.number(name, finding.cases(name, outputs=True))
    yield from finding.number("without_output", finding.people("rows", "failed_labelled"))
    for place, measure in enumerate(data["measures"]):
        known = finding.estimate(measure["estimate"])
        line = known if known is not None else finding.line(_metric(measure), outputs=True)
        yield from finding.number(f"measures/{place}/value", line)
    equal = data["binning"]["kind"] == "mass"
    for place in range(len(data["bins"])):
        asked = {"bins": data["binning"]["bins"], "place": place, "equal_counts": equal}
        for name in OF_BINS:
            yield from finding.number(
                f"bins/{place}/{name}", finding.cases(f"bin_{name}", outputs=True, condition=asked)
            )
    edges = data["histogram"]["edges"]
    for place, (low, high) in enumerate(itertools.pairwise(edges)):
        stretch = {"low": low, "high": high, "last": place == len(edges) - 2}
        yield from finding.number(f"histogram/counts/{place}", finding.cases("within", outputs=True, condition=stretch))
    yield from _curve(finding)
    yield from _shifted(finding)
    for a, part in enumerate(data["groups"]):
        for place, level in enumerate(part["levels"]):
            yield from _level(finding, f"groups/{a}/levels/{place}", {part["attribute"]: level["level"]}, level)


def _curve(finding: Finding) -> Iterator[Number]:
    """At places from the least to the greatest probability."""
    if finding.data["curve"] is None:
        return
    one = {"bins": 1, "place": 0, "equal_counts": True}
    least, most = (finding.cases(f"bin_{end}", outputs=True, condition=one) for end in ("start", "end"))
    for place in range(len(finding.data["curve"]["points"])):
        across = (1 - place / 100, least), (place / 100, most)
        yield from finding.number(f"curve/points/{place}/0", *across)
        up = finding.cases("smooth", outputs=True, condition={"place": place})
        yield from finding.number(f"curve/points/{place}/1", up)


def _metric(measure: Mapping[str, Any]) -> str:
    return f"classification.{MEASURES.get(measure['id'], measure['id'])}"


def _shifted(finding: Finding) -> Iterator[Number]:
    for place, one in enumerate(finding.data["shifted"]):
        for name in ("intercept", "observed_over_expected"):
            line = finding.cases(f"shifted.{MEASURES[name]}", outputs=True, condition={"prevalence": one["prevalence"]})
            yield from finding.number(f"shifted/{place}/{name}/value", line)


def _level(finding: Finding, at: str, groups: Mapping[str, str], level: Mapping[str, Any]) -> Iterator[Number]:
    for name in ("cases", "positives", "patients"):
        yield from finding.number(f"{at}/{name}", finding.cases(name, outputs=True, groups=groups))
    for place, measure in enumerate(level["measures"]):
        line = finding.line(_metric(measure), outputs=True, groups=groups)
        yield from finding.number(f"{at}/measures/{place}/value", line)
