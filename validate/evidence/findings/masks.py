"""What was measured of masks: every case, quartiles, the worst, how volumes agree, lesions by size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number
from validate.evidence.recount_quantile import QUARTERS

COUNTS = {"cases": "with_value", "without_value": "without_value"}


def numbers(finding: Finding) -> Iterator[Number]:
    for place, one in enumerate(finding.data["structures"]):
        at = f"structures/{place}"
        for name in ("cases", "failed"):
            yield from finding.number(f"{at}/{name}", finding.line(f"masks.{name}", target=one["name"]))
        for mask in one["empty"]:
            line = finding.line("masks.empty", target=one["name"], asked={"mask": mask})
            yield from finding.number(f"{at}/empty/{mask}", line)
        for number, measure in enumerate(one["measures"]):
            yield from _measure(finding, f"{at}/measures/{number}", one["name"], measure)
    for place, one in enumerate(finding.data["worst"]):
        yield from _worst(finding, place, one)
    for place, one in enumerate(finding.data["agreement"]):
        yield from _agreement(finding, f"agreement/{place}", one)
    for place, one in enumerate(finding.data["lesion_sizes"]):
        yield from _lesions(finding, f"lesion_sizes/{place}", one)


def _worst(finding: Finding, place: int, worst: Mapping[str, Any]) -> Iterator[Number]:
    of: dict[str, Any] = {"target": worst["structure"]}
    line = finding.line("masks.worst", **of, asked={"column": worst["measure"], "place": place})
    yield from finding.number(f"worst/{place}/value", line)
    for number, also in enumerate(worst["also"]):
        line = finding.line("masks.of_case", **of, asked={"column": also["measure"], "case": worst["case"]})
        yield from finding.number(f"worst/{place}/also/{number}/value", line)


def _agreement(finding: Finding, at: str, one: Mapping[str, Any]) -> Iterator[Number]:
    of: dict[str, Any] = {"target": one["structure"]}
    asked = {"column": one["measure"]}
    for name, line_of in (("bias", "bias"), ("low", "low_limit"), ("high", "high_limit")):
        yield from finding.number(f"{at}/limits/{name}", finding.line(f"masks.{line_of}", **of, asked=asked))
    for number in range(len(one["points"])):
        for side, name in enumerate(("mean", "apart")):
            line = finding.line(f"masks.{name}", **of, asked={**asked, "place": number})
            yield from finding.number(f"{at}/points/{number}/{side}", line)


def _lesions(finding: Finding, at: str, one: Mapping[str, Any]) -> Iterator[Number]:
    for number, band in enumerate(one["bands"]):
        for name, line_of in (("lesions", "lesions"), ("found", "found"), ("cases", "cases_with_lesions")):
            line = finding.line(f"masks.{line_of}", target=one["structure"], asked={"size": band["size"]})
            yield from finding.number(f"{at}/bands/{number}/{name}", line)


def _measure(finding: Finding, at: str, structure: str, measure: Mapping[str, Any]) -> Iterator[Number]:
    asked = {"column": measure["measure"]}
    of: dict[str, Any] = {"target": structure}
    for name, line_of in {**COUNTS, **{quarter: quarter for quarter in QUARTERS}}.items():
        yield from finding.number(f"{at}/{name}", finding.line(f"masks.{line_of}", **of, asked=asked))
    for place in range(len(measure["values"])):
        yield from finding.number(
            f"{at}/values/{place}", finding.line("masks.values", **of, asked={**asked, "place": place})
        )
        by = finding.data["group_by"]
        if by is not None:
            line = finding.line("masks.group", **of, asked={**asked, "place": place, "by": by})
            yield from finding.number(f"{at}/groups/{place}", line)
    axis = measure["axis"]
    if axis is None:
        return
    bins, far = len(axis["counts"]), {"low": float("-inf"), "high": float("inf"), "last": False}
    width = (axis["high"] - axis["low"]) / bins
    stretches = {f"counts/{n}": (axis["low"] + n * width, axis["low"] + (n + 1) * width if n < bins - 1 else axis["high"], n == bins - 1)
                 for n in range(bins)}  # fmt: skip
    for name, (low, high, last) in stretches.items():
        line = finding.line("masks.within", **of, asked={**asked, "low": low, "high": high, "last": last})
        yield from finding.number(f"{at}/axis/{name}", line)
    below = finding.line("masks.within", **of, asked={**asked, **far, "high": axis["low"]})
    upto = finding.line("masks.within", **of, asked={**asked, **far, "high": axis["high"], "last": True})
    yield from finding.number(f"{at}/axis/below", below)
    yield from finding.number(
        f"{at}/axis/above", (1.0, finding.line("masks.with_value", **of, asked=asked)), (-1.0, upto)
    )
