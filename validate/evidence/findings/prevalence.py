"""What a flag means for 1,000, from sensitivity and specificity at a prevalence."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number

COUNTS = (
    "positive", "negative", "flagged", "found/expected", "missed/expected", "false_alarms/expected", "left_alone/expected",
    "alarms_per_found", "number_needed_to_predict",
)  # fmt: skip


def numbers(finding: Finding) -> Iterator[Number]:
    if not finding.data:
        return
    both = finding.people("rows", "positives"), finding.people("rows", "label_present")
    yield from finding.number("study_prevalence", *both, how="ratio")
    rates = [finding.estimate(finding.data[name]) for name in ("sensitivity", "specificity")]
    if None in rates:
        return
    parts = [one for one in rates if one is not None]
    for place, one in enumerate(finding.data["prevalences"]):
        at, share = f"prevalences/{place}", one["prevalence"]
        for name in COUNTS:
            how = f"thousand.{name.partition('/')[0]}"
            yield from finding.number(f"{at}/per_thousand/{name}", *parts, how=how, constant=share)
        if one["alert_load"] is not None:
            day = one["alert_load"]["per_day"]
            found, spared, healthy = (day * share, parts[0]), (-day * (1 - share), parts[1]), day * (1 - share)
            yield from finding.number(f"{at}/alert_load/flags", found, spared, constant=healthy)
            yield from finding.number(f"{at}/alert_load/false_flags", spared, constant=healthy)
            yield from finding.number(f"{at}/alert_load/missed", (-day * share, parts[0]), constant=day * share)
