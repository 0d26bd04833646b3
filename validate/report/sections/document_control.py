"""R01: who answers for this report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

ROLES = ("Author of the protocol", "Test operator", "Clinical lead", "Quality assurance")


def content(_study: Study) -> Mapping[str, Any]:
    columns = (
        Column("Role", width=25), Column("Name", width=25), Column("Meaning (authored, reviewed, approved)", width=22),
        Column("Date and time", width=14), Column("Signature", width=14),
    )  # fmt: skip
    return {"signatures": Table("signatures", columns, tuple(row(role, "", "", "", "") for role in ROLES))}


SECTION = Section(
    id="R01", title="Document control", question="Who answers for it",
    template="sections/document_control.html.j2", content=content, rank={"acceptance": 245, "comparison": 245},
)  # fmt: skip
