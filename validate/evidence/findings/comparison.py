"""Two models on the same cases: who is right where, predictive values of both, and inside the inputs that each claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number
from validate.evidence.recount_pairs import KINDS
from validate.evidence.recount_people import case_of
from validate.evidence.recount_table import Entry

TRUTH = {"classification.sensitivity": "with", "classification.specificity": "without"}
EVERYBODY = "worst_case"  # the rule by which nobody is left out


def numbers(finding: Finding) -> Iterator[Number]:
    data = finding.data
    test, reference = data["test"], data["reference"]
    for place, table in enumerate(data["tables"]):
        asked = {"against": reference, "truth": TRUTH[table["metric"]]}
        for kind in KINDS:
            yield from finding.number(f"tables/{place}/{kind}", finding.line(f"pairs.{kind}", model=test, asked=asked))
    for place, one in enumerate(data["predictive"]):
        for name, model in (("first", test), ("second", reference)):
            if name in one:
                yield from finding.number(f"predictive/{place}/{name}", finding.line(one["metric"], model=model))
    if data["scope"] is not None:
        yield from _scope(finding, test, reference)


def _scope(finding: Finding, test: str, reference: str) -> Iterator[Number]:
    places = _claimed(finding, test, reference)
    for place, one in enumerate(finding.data["scope"]["counts"]):
        for name, count in (("rows", "cases"), ("patients", "patients")):
            line = finding.cases(
                count, model=test, groups={places[one["where"]]: "yes"}, missing_rule=EVERYBODY, id="/missing="
            )
            yield from finding.number(f"scope/counts/{place}/{name}", line)
    for e, endpoint in enumerate(finding.data["scope"]["endpoints"]):
        overall = finding.overall(endpoint["endpoint"], test)
        for place, one in enumerate(endpoint["where"] if overall is not None else ()):
            at, groups = f"scope/endpoints/{e}/where/{place}", {places[one["where"]]: "yes"}
            line = finding.cases("cases", model=test, groups=groups, missing_rule=EVERYBODY, id="/missing=")
            yield from finding.number(f"{at}/rows", line)
            first = {**(overall or {}), "stratum": groups, "missing_rule": finding.table.locked_rule}
            second = {**first, "model": reference}
            yield from finding.number(f"{at}/first", first)
            yield from finding.number(f"{at}/second", second)
            yield from finding.number(f"{at}/value", (1.0, first), (-1.0, second))


def _claimed(finding: Finding, test: str, reference: str) -> Mapping[str, str]:
    """What rows are grouped by for each part: whether a case meets every rule of the inputs that its maker claims."""
    rules = [finding.table.models[model].get("claimed_input") or () for model in (test, reference)]
    claims = {
        unit: [all(_meets(rule, case.get(rule["attribute"])) for rule in of) for of in rules]
        for unit, case in case_of(finding.table).items()
    }
    parts: dict[str, Callable[[bool, bool], bool]] = {
        "test": lambda a, _b: a,
        "reference": lambda _a, b: b,
        "both": lambda a, b: a and b,
        "either": lambda a, b: a or b,
        "neither": lambda a, b: not (a or b),
    }
    for name, part in parts.items():
        finding.table.group(
            f"{name} of {test} and {reference}",
            {unit: "yes" if part(*one) else "no" for unit, one in claims.items()},
        )
    return {name: f"{name} of {test} and {reference}" for name in parts}


def _meets(rule: Entry, value: Any) -> bool:
    """What a header does not say is not claimed. Text is the same in capitals; a number is never text, and text has no limit."""
    if value is None:
        return False
    if rule.get("one_of") is not None:
        return _alike(value) in [_alike(one) for one in rule["one_of"]]
    if rule.get("none_of") is not None:
        return _alike(value) not in [_alike(one) for one in rule["none_of"]]
    if not isinstance(value, int | float):
        return False
    least, most = rule.get("at_least"), rule.get("at_most")
    return (least is None or value >= least) and (most is None or value <= most)


def _alike(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip().casefold()
    return float(value) if isinstance(value, int | float) else value
