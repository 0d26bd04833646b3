"""R19: what is missing, and what it could change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import Printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("missing")
    if not findings:
        return Missing("the analysis of missing outputs", "whoever runs the study: run it again with this version")
    several = len(findings) > 1
    return {
        "models": [
            {
                "name": study.model_name(finding["model"].text) if several else Printed(),
                "statement": view.words(finding["statement"]),
                "silent": bool(finding["data"]["failed"].value),
                "rules": _rules(study, finding),
                "without": view.reasons(
                    (entry["label"].text, study.sealed.estimate(rule["estimate"]))
                    for entry in finding["data"]["endpoints"]
                    for rule in entry["rules"]
                ),
            }
            for finding in findings
        ],
        "unclear": _unclear(study, findings[0]),
    }


def _unclear(study: Study, finding: Node) -> Printed:
    """How many labels are indeterminate; empty where none is."""
    found = next((one for one in finding["data"]["labels"] if one["status"].text == "indeterminate"), None)
    return view.count(found["rows"], study.unit) if found is not None and found["rows"].value else Printed()


def _rules(study: Study, finding: Node) -> Table:
    """Each endpoint as locked and under the other rules, side by side."""
    entries = list(finding["data"]["endpoints"])
    names: dict[str, Node] = {}
    for entry in entries:
        for rule in entry["rules"]:
            names.setdefault(rule["label"].text, rule["label"])
    locked = {rule["label"].text for entry in entries for rule in entry["rules"] if rule["locked"].value is True}
    columns = (
        Column("Endpoint", width=24),
        *(Column(name + (", as locked" if name in locked else "")) for name in names),
    )
    rows = []
    for entry in entries:
        found = {rule["label"].text: rule for rule in entry["rules"]}
        cells = [_cell(study, found[name]) if name in found else "–" for name in names]
        rows.append(row(view.words(entry["label"]), *cells))
    return Table(f"rules-{study.key(finding['model'].text)}", columns, tuple(rows))


def _cell(study: Study, rule: Node) -> Printed:
    return view.brief(study.sealed.estimate(rule["estimate"]))


SECTION = Section(
    id="R19", title="Missing, indeterminate and excluded", question="What is missing, and what could it change?",
    template="sections/missing_cases.html.j2", content=content, rank={"acceptance": 80, "comparison": 80},
)  # fmt: skip
