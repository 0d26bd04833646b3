"""A7: what did not go as planned: amendments of the lock, and what the audit trail holds of stops and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import moments, view
from validate.report.printed import joined, printed
from validate.report.section import Missing, Section
from validate.report.stated import DEVIATED, stated
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

EVENTS = {
    "amended": "protocol amended", "refused": "run refused: not what was locked", "stopped": "run stopped",
    "resumed": "run resumed",
}  # fmt: skip
WHEN = {"before_unblinding": "before the labels were seen", "after_unblinding": "after the labels were seen"}
COLUMNS = (Column("What", width=34), Column("When", width=22), Column("Weight", width=16), Column("Why", width=28))


def content(study: Study) -> Mapping[str, Any] | Missing:
    rows = [*_amendments(study), *_events(study)]
    said = stated(study, "stated-deviations", DEVIATED)
    if not rows and not said.facts.rows:
        return Missing(
            "a log of deviations from the protocol; neither the lock nor the audit trail holds any",
            "the test operator, who states that there were none",
        )
    return {"deviations": Table("deviations", COLUMNS, tuple(rows)), "stated": said}


def _amendments(study: Study) -> list[Row]:
    return [
        row(
            joined((view.words(one["path"] if one["path"] else one) for one in record["what"]), ", ") or printed("amended"),
            view.choice(record["when"], WHEN), view.words(record["severity"]), view.words(record["why"], "no reason recorded"),
        )
        for record in study.sealed.lock["amendments"]
    ]  # fmt: skip


def _events(study: Study) -> list[Row]:
    """Each stop and refusal of the run itself; whether it mattered only people can say."""
    return [
        row(
            view.choice(event["type"], EVENTS), moments.minute(event["time"]), "not graded",
            view.words(event["data"]["error"], "no reason recorded"),
        )
        for event in study.sealed.audit
        if event["type"].text in EVENTS and event["type"].text != "amended"
    ]  # fmt: skip


SECTION = Section(
    id="A7", title="Deviations", question="What did not go as planned", template="sections/deviations.html.j2", content=content,
)  # fmt: skip
