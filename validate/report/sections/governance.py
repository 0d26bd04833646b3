"""R25: what only people can state about the study, word for word as the protocol has it, and what nobody stated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import joined, printed
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

TITLES = {
    "ethics": "Ethics approval or waiver", "deidentification": "De-identification", "registration": "Registration",
    "funding": "Funding and the funder's role", "interests": "Commercial interests",
    "patient_involvement": "Involvement of patients", "adverse_events": "Adverse events", "record_keeping": "Keeping of records",
    "data_availability": "Availability of the data", "code_availability": "Availability of model and code",
}  # fmt: skip
BESIDES = {"recalibration": "Recalibration", "failure_review": "Clinical review of the failures"}


def content(study: Study) -> Mapping[str, Any] | Missing:
    said = study.protocol["statements"]
    rows = [row(title, view.words(said[name])) for name, title in (TITLES | BESIDES).items() if said[name]]
    if not rows:
        return Missing(
            "ethics approval or waiver, data-protection assessment, funding, interests (statements: in the protocol)",
            "the study's sponsor and the site",
        )
    silent = joined((printed(title.lower()) for name, title in TITLES.items() if not said[name]), ", ")
    return {"statements": Table("statements", (Column(""), Column("")), tuple(rows)), "silent": silent}


SECTION = Section(
    id="R25", title="Ethics, privacy, governance and interests", question="What the people behind the study state",
    template="sections/governance.html.j2", content=content,
)  # fmt: skip
