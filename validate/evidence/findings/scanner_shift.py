"""Without each level, at the same mix, in the scores themselves, and the threshold that would restore the sensitivity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.findings.mixed import mixed
from validate.evidence.recount_number import Number
from validate.evidence.recount_table import ALL_BUT

TRUTH = "reference"


def numbers(finding: Finding) -> Iterator[Number]:
    for a, part in enumerate(finding.data["attributes"]):
        at, attribute = f"attributes/{a}", part["attribute"]
        for e, endpoint in enumerate(part["endpoints"]):
            overall = finding.estimate(endpoint["overall"])
            for place, level in enumerate(endpoint["levels"] if overall is not None else ()):
                rest = {**(overall or {}), "stratum": {attribute: f"{ALL_BUT}{level['level']}"}}
                yield from finding.number(f"{at}/endpoints/{e}/levels/{place}/without", rest)
                yield from finding.number(
                    f"{at}/endpoints/{e}/levels/{place}/change", (1.0, overall or {}), (-1.0, rest)
                )
        yield from mixed(finding, f"{at}/", part)
        for place, table in enumerate(part["confounding"]):
            yield from _confounding(finding, f"{at}/confounding/{place}", attribute, table)
        for place, one in enumerate(part["scores"]):
            yield from _scores(finding, f"{at}/scores/{place}", attribute, one)
        for place, one in enumerate(part["thresholds"]):
            mine = {attribute: one["level"]}
            lines = [finding.line("classification.sensitivity"),
                     *(finding.cases(f"scores_{side}", groups=mine) for side in ("with", "without"))]  # fmt: skip
            for name, how in (
                ("threshold", "restored"),
                ("sensitivity", "restored_sensitivity"),
                ("specificity", "restored_specificity"),
            ):
                if name in one:
                    yield from finding.number(f"{at}/thresholds/{place}/{name}", *lines, how=how)


def _scores(finding: Finding, at: str, attribute: str, one: Mapping[str, Any]) -> Iterator[Number]:
    mine, others = {attribute: one["level"]}, {attribute: f"{ALL_BUT}{one['level']}"}
    for side, count in (("with", "positives"), ("without", "negatives")):
        if one[side] is not None:
            lines = [finding.cases(f"scores_{side}", outputs=True, groups=group) for group in (mine, others)]
            yield from finding.number(f"{at}/{side}/value", *lines, how="above")
            yield from finding.number(f"{at}/{side}/rows", finding.cases(count, outputs=True, groups=mine))


def _confounding(finding: Finding, at: str, attribute: str, table: Mapping[str, Any]) -> Iterator[Number]:
    every = []
    for place, row in enumerate(table["rows"]):
        mine = {attribute: row["level"]}
        if table["covariate"] == TRUTH:
            cells = [finding.cases(name, groups=mine) for name in ("positives", "negatives")]
        else:
            cells = [finding.cases("cases", groups={**mine, table["covariate"]: level}) for level in table["levels"]]
        whole = finding.cases("cases", groups=mine)
        yield from finding.number(f"{at}/rows/{place}/cases", whole)
        yield from finding.number(f"{at}/rows/{place}/patients", finding.cases("patients", groups=mine))
        for number, cell in enumerate(cells):
            yield from finding.number(f"{at}/rows/{place}/shares/{number}", cell, whole, how="ratio")
        every += cells
    yield from finding.number(f"{at}/association", *every, how="association", constant=len(table["levels"]))
