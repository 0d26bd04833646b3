"""R01: who answers for this report, what became of its versions, and who may have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import moments, view
from validate.report.printed import printed
from validate.report.section import Section
from validate.report.stated import CONTROL, stated
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

ROLES = ("Author of the protocol", "Test operator", "Statistician", "Clinical lead", "Quality assurance")
ACTS = {
    "locked": "protocol locked", "lock_held": "lock held", "amended": "protocol amended", "inference_started": "models run",
    "unblinded": "labels joined", "computed": "numbers computed",
}  # fmt: skip


def content(study: Study) -> Mapping[str, Any]:
    return {
        "signatures": _signatures(study),
        "versions": _versions(study),
        "stated": stated(study, "stated-control", CONTROL),
    }


def _signatures(study: Study) -> Table:
    columns = (
        Column("Role", width=22), Column("Name", width=22), Column("Meaning (authored, reviewed, approved)", width=18),
        Column("Independent of the developer?", width=14), Column("Date and time", width=12), Column("Signature", width=12),
    )  # fmt: skip
    signers = study.house.sheet.signers if study.house is not None else ()
    people = [(one.role, one.name) for one in signers] or [(role, "") for role in ROLES]
    return Table("signatures", columns, tuple(row(role, name, "", "", "", "") for role, name in people))


def _versions(study: Study) -> Table:
    """What the trail and the lock say of who did what, when; amendments with their reasons stand in section R05."""
    rows: list[Row] = [
        row(view.choice(event["type"], ACTS), moments.minute(event["time"]), view.words(event["actor"]))
        for event in study.sealed.audit
        if event["type"].text in ACTS
    ]
    rows.append(row("evidence sealed", moments.minute(study.sealed.manifest["created"]), printed("the program")))
    columns = (Column("Act", width=34), Column("When", width=33), Column("Who", width=33))
    return Table("versions", columns, tuple(rows))


SECTION = Section(
    id="R01", title="Document control", question="Who answers for it",
    template="sections/document_control.html.j2", content=content, rank={"acceptance": 245, "comparison": 245},
)  # fmt: skip
