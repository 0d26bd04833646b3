"""Missed findings and false alarms among the outputs, by cause, and the scores of the surest."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding, grouped_by_case
from validate.evidence.recount_number import Number

# side → wrong, of, those by a score far from the threshold, patients, the surest
SIDES = {
    "missed": ("false_negatives", "positives", "surely_missed", "patients_missed", "missed_score"),
    "false_alarm": ("false_positives", "negatives", "surely_false", "patients_falsely_flagged", "alarm_score"),
}


def numbers(finding: Finding) -> Iterator[Number]:
    cause, at = finding.data["cause"], {"threshold": finding.data["threshold"]}
    if cause is not None:
        grouped_by_case(finding.table, cause)
    for place, side in enumerate(finding.data["sides"]):
        wrong, of, sure, patients, surest = SIDES[side["side"]]
        for name, line in (("wrong", wrong), ("of", of), ("confident", sure)):
            yield from finding.number(f"sides/{place}/{name}", finding.cases(line, outputs=True, condition=at))
        for number, one in enumerate(side["causes"]):
            groups = {cause: one["cause"]}
            for name, line in (("rows", wrong), ("patients", patients)):
                counted = finding.cases(line, outputs=True, groups=groups)
                yield from finding.number(f"sides/{place}/causes/{number}/{name}", counted)
        for number in range(len(side["worst"])):
            line_of = finding.cases(surest, outputs=True, condition={"place": number})
            yield from finding.number(f"sides/{place}/worst/{number}/score", line_of)
