"""A2: clauses of regulation and guidance, and the evidence that supports each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.section import Missing, Section
from validate.report.sections.checklist import item_cells
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

COLUMNS = (
    Column("Clause", width=12), Column("What it asks for", width=34), Column("Sections", width=12),
    Column("State", width=14), Column("Missing, and who supplies it", width=28),
)  # fmt: skip
WORDS = {"answered": "supported"}


def content(study: Study) -> Mapping[str, Any] | Missing:
    clauses = study.sealed.checklists["clauses"]
    if not clauses:
        return Missing("the map from clauses of regulation to sections", "a run by this version of the program")
    rows: list[Row] = []
    before = ""
    for clause in clauses:
        if clause["document"].text != before:
            before = clause["document"].text
            title = view.words(clause["document"]) + " · " + view.words(clause["state"])
            rows.append(row(title, kind="head"))
        subject, sections, _status, missing = item_cells(clause)
        status = view.choice(clause["status"], WORDS)
        rows.append(row(view.words(clause["clause"], "whole"), subject, sections, status, missing))
    return {"clauses": Table("clauses", COLUMNS, tuple(rows))}


SECTION = Section(
    id="A2", title="Regulatory matrix", question="Which clauses this evidence supports",
    template="sections/regulatory_matrix.html.j2", content=content,
)  # fmt: skip
