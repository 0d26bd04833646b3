"""R18: where the model gave no answer or a wrong one, by cause, with a gallery; what the evidence does not hold is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.gallery import galleries
from validate.report.printed import Printed, printed
from validate.report.reasons import reason_words
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.traceability import open_hazards
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("missing")
    if not findings:
        return Missing("the count of failures by cause", "whoever runs the study: run it again with this version")
    several = len(findings) > 1
    shown = galleries(study)
    return {
        "hazards": open_hazards(study),
        "galleries": shown,
        "pixels": any(side["groups"] for one in shown for side in one["sides"]),
        "review": view.words(study.protocol["statements"]["failure_review"], ""),
        "models": [
            {
                "name": study.model_name(finding["model"].text) if several else Printed(),
                "failures": _failures(study, finding),
                "outputs": view.count(finding["data"]["outputs"], study.unit),
                "rows": view.count(finding["data"]["rows"]),
            }
            for finding in findings
        ],
    }


def _failures(study: Study, finding: Node) -> Table:
    columns = (
        Column("Cause", width=40), *(Column(side, numeric=True) for side in study.sides),
        Column("No label", numeric=True), Column(study.units.capitalize(), numeric=True),
    )  # fmt: skip
    rows = [
        row(
            printed(reason_words(entry["reason"].text), entry["reason"].address),
            *(view.count(entry[level]) for level in ("positives", "negatives", "no_label", "total")),
        )
        for entry in finding["data"]["failures"]
    ]
    return Table(f"failures-{study.key(finding['model'].text)}", columns, tuple(rows))


SECTION = Section(
    id="R18", title="Failure analysis", question="Where does it go wrong, or say nothing?",
    template="sections/failures.html.j2", content=content, rank={"acceptance": 81, "comparison": 81},
)  # fmt: skip
