"""Gaps between groups by every name they go by, who is missed, who is missing, and groups crossed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.findings.mixed import mixed
from validate.evidence.recount_moved import options_of
from validate.evidence.recount_number import Number
from validate.evidence.recount_table import EITHER, MISSING, Entry

NAME = "fairness"
FEWEST = 10  # events, where the protocol does not say


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    for place, one in enumerate(data["attributes"]):
        unknown = {one["attribute"]: MISSING}
        rows, patients = (finding.cases(name, groups=unknown) for name in ("cases", "patients"))
        yield from finding.number(f"attributes/{place}/missing", rows)
        yield from finding.number(f"attributes/{place}/missing_share", rows, finding.cases("cases"), how="ratio")
        yield from finding.number(f"attributes/{place}/missing_patients", patients)
    for e, endpoint in enumerate(data["endpoints"]):
        yield from _gaps(finding, f"endpoints/{e}/gaps", endpoint)
        yield from _missing(finding, f"endpoints/{e}/missing", endpoint)
    for place, one in enumerate(data["under_diagnosis"]):
        yield from _missed(finding, f"under_diagnosis/{place}", one)
    for place, one in enumerate(data["names"]):
        yield from _named(finding, f"names/{place}", one["attribute"])
    yield from mixed(finding, "", data)
    for c, crossing in enumerate(data["intersections"]):
        overall = finding.overall(crossing["endpoint"])
        for place, cell in enumerate(crossing["cells"] if overall is not None else ()):
            stratum = dict(zip(crossing["attributes"], cell["levels"], strict=True))
            for name, take in (("rows", "denominator"), ("patients", "n_patients"), ("value", "value")):
                line = {**(overall or {}), "stratum": stratum, "take": take}
                yield from finding.number(f"intersections/{c}/cells/{place}/{name}", line)


def _gaps(finding: Finding, at: str, endpoint: Mapping[str, Any]) -> Iterator[Number]:
    fewest = options_of(finding.table.protocol, NAME).get("min_events", FEWEST)
    for place, gap in enumerate(endpoint["gaps"]):
        known = [
            one for one in finding.levels(endpoint["endpoint"], gap["attribute"])
            if one["value"] is not None and one["stratum"][gap["attribute"]] != MISSING and one["n_events"] >= fewest
        ]  # fmt: skip
        yield from finding.number(f"{at}/{place}/value", *known, how="gap")


def _missing(finding: Finding, at: str, endpoint: Mapping[str, Any]) -> Iterator[Number]:
    """How far a gap could lie, whichever group those belong to of whom it is not known."""
    overall = finding.overall(endpoint["endpoint"])
    references = {one["attribute"]: one["reference"] for one in finding.data["attributes"]}
    for place, one in enumerate(endpoint["missing"] if overall is not None else ()):
        name, other = one["attribute"], references[one["attribute"]]

        def of(level: str, take: str = "value", name: str = name) -> Entry:
            return {**(overall or {}), "stratum": {name: level}, "take": take}

        yield from finding.number(f"{at}/{place}/difference", (1.0, of(one["level"])), (-1.0, of(other)))
        if one["sharp"]:
            parts = [
                of(level, take) for level in (one["level"], other, MISSING) for take in ("numerator", "denominator")
            ]
            for end, how in (("low", "unknown_least"), ("high", "unknown_most")):
                yield from finding.number(f"{at}/{place}/{end}", *parts, how=how)
        else:
            mine, theirs = (f"{level}{EITHER}{MISSING}" for level in (one["level"], other))
            parts = [of(level) for level in (one["level"], other, mine, other, one["level"], theirs)]
            for end, how in (("low", "least"), ("high", "most")):
                yield from finding.number(f"{at}/{place}/{end}", *parts, how=how)


def _missed(finding: Finding, at: str, one: Mapping[str, Any]) -> Iterator[Number]:
    for place, level in enumerate(one["levels"]):
        groups = {one["attribute"]: level["level"]}
        if finding.table.marked is None:
            missed, of = (finding.cases(name, groups=groups) for name in ("false_negatives", "positives"))
            yield from finding.number(f"{at}/levels/{place}/missed", missed)
            yield from finding.number(f"{at}/levels/{place}/positives", of)
            yield from finding.number(f"{at}/levels/{place}/share", missed, of, how="ratio")
            continue
        line = finding.line("detection.lesion_sensitivity", groups=groups)
        found, there = {**line, "take": "numerator"}, {**line, "take": "denominator"}
        yield from finding.number(f"{at}/levels/{place}/missed", (1.0, there), (-1.0, found))
        yield from finding.number(f"{at}/levels/{place}/positives", there)
        yield from finding.number(f"{at}/levels/{place}/share", (-1.0, line), constant=1.0)


def _named(finding: Finding, at: str, attribute: str) -> Iterator[Number]:
    """Of the known groups that are shown."""
    told = next(one for one in finding.data["under_diagnosis"] if one["attribute"] == attribute)
    levels = [{attribute: one["level"]} for one in told["levels"] if one["level"] != MISSING]
    shares = [finding.line("classification.alert_rate", groups=one) for one in levels]
    found = [finding.line("classification.sensitivity", groups=one) for one in levels]
    spared = [finding.line("classification.specificity", groups=one) for one in levels]
    yield from finding.number(f"{at}/demographic_parity_difference", *shares, how="gap")
    yield from finding.number(f"{at}/demographic_parity_ratio", *shares, how="least_of_most")
    yield from finding.number(f"{at}/equal_opportunity_difference", *found, how="gap")
    both = [*((1.0, one) for one in found), *((2.0, one) for one in spared)]
    yield from finding.number(f"{at}/equalized_odds_difference", *both, how="wider_gap")
