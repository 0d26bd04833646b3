"""Marks and lesions: counts, the free-response curve, rates, sizes, and the worst cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding, curve
from validate.evidence.recount_number import Number

WORST = ("lesions", "found", "false_marks")


def numbers(finding: Finding) -> Iterator[Number]:
    for place, one in enumerate(finding.data["targets"]):
        yield from _target(finding, f"targets/{place}", one)


def _target(finding: Finding, at: str, one: Mapping[str, Any]) -> Iterator[Number]:
    of: dict[str, Any] = {"target": one["name"]}
    for name in one["counts"]:
        yield from finding.number(f"{at}/counts/{name}", finding.line(f"marks.{name}", **of))
    if one["froc"] is not None:
        lines = finding.line("marks.across", **of), finding.line("marks.up", **of)
        yield from curve(finding, f"{at}/froc/points", one["froc"]["points"], *lines)
        for name, metric in (("false_per_case", "false_marks_per_case"), ("sensitivity", "lesion_sensitivity")):
            yield from finding.number(f"{at}/froc/operating/{name}", finding.line(f"detection.{metric}", **of))
    for place, rate in enumerate(one["rates"]):
        line = finding.line("detection.sensitivity_at_rate", **of, condition={"rate": rate["rate"]})
        yield from finding.number(f"{at}/rates/{place}/value", line)
    yield from _sizes(finding, at, one)
    for place, case in enumerate(one["worst"]):
        for name in WORST:
            line = finding.line(f"marks.worst_{name}", **of, asked={"case": case["case"]})
            yield from finding.number(f"{at}/worst/{place}/{name}", line)


def _sizes(finding: Finding, at: str, one: Mapping[str, Any]) -> Iterator[Number]:
    sizes, target = one["sizes"], one["name"]
    for place in range(len(sizes["sizes"]) if sizes is not None else 0):
        line = finding.line("marks.lesion_size", target=target, asked={"place": place})
        yield from finding.number(f"{at}/sizes/sizes/{place}/0", line)
    for place in range(len(sizes["points"]) if sizes is not None else 0):
        for side, name in enumerate(("size", "size_share")):
            line = finding.line(f"marks.{name}", target=target, asked={"place": place})
            yield from finding.number(f"{at}/sizes/points/{place}/{side}", line)
