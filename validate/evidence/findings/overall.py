"""Tables at the operating point, both curves, and where the scores lie."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from validate.evidence.findings.finding import Finding, curve
from validate.evidence.recount_number import Number

CELLS = ("true_positives", "false_negatives", "false_positives", "true_negatives", "positives", "negatives")


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    for place, table in enumerate(data["tables"]):
        for name in CELLS:
            yield from finding.number(f"tables/{place}/{name}", finding.cases(name, outputs=not table["locked"]))
    if data["roc"] is not None:
        yield from curve(
            finding, "roc/points", data["roc"]["points"], finding.cases("roc_across"), finding.cases("roc_up")
        )
        yield from finding.number("roc/corners", finding.cases("roc_corners"))
        wrong, of = finding.cases("false_positives"), finding.cases("negatives")
        yield from finding.number("roc/operating/false_positive_rate", wrong, of, how="ratio")
        yield from finding.number("roc/operating/sensitivity", finding.line("classification.sensitivity"))
    if data["precision_recall"] is not None:
        at, points = "precision_recall", data["precision_recall"]["points"]
        yield from curve(finding, f"{at}/points", points, finding.cases("recall"), finding.cases("precision"))
        yield from finding.number(f"{at}/prevalence", finding.cases("share"))
        yield from finding.number(f"{at}/operating/recall", finding.line("classification.sensitivity"))
        yield from finding.number(f"{at}/operating/precision", finding.line("classification.ppv"))
    yield from _histogram(finding)


def _histogram(finding: Finding) -> Iterator[Number]:
    drawn = finding.data["histogram"]
    if drawn is None:
        return
    yield from finding.number("histogram/outputs", finding.cases("cases", outputs=True))
    for side in ("positives", "negatives"):
        for place, (low, high) in enumerate(itertools.pairwise(drawn["edges"])):
            stretch = {"low": low, "high": high, "last": place == len(drawn[side]) - 1}
            line = finding.cases(f"{side}_within", outputs=True, condition=stretch)
            yield from finding.number(f"histogram/{side}/{place}", line)
