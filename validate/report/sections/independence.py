"""R09: whether the test cases were new to the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import moments, view
from validate.report.printed import printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.stated import INDEPENDENCE, REPRESENTATIVE
from validate.report.stated import stated as statements
from validate.report.study import Study
from validate.report.table import Column, Table, row

# Whether test cases were used to develop the model, as the protocol's code says it.
OVERLAP = {
    "none": "no overlap with the development data",
    "possible": "overlap with the development data is possible",
    "known": "overlap with the development data is known",
    "unknown": "overlap with the development data is not known",
}


def content(study: Study) -> Mapping[str, Any] | Missing:
    stated, ledger = study.protocol["cohort"]["independence"], study.sealed.ledger
    said = statements(study, "stated-independence", INDEPENDENCE)
    representative = statements(study, "stated-representative", REPRESENTATIVE)
    if not (stated or ledger or said.facts.rows or representative.facts.rows):
        return Missing(
            "whether test cases were used to develop the model (cohort.independence)", "the manufacturer, in writing"
        )
    overlap = stated["overlap"]
    return {
        "stated": stated,
        "said": said,
        "representative": representative,
        "overlap": printed(OVERLAP.get(overlap.text, overlap.text), overlap.address),
        "method": view.words(stated["method"]),
        "ledger": ledger,
        "since": moments.day(ledger["since"]),
        "looks": view.count(ledger["earlier_looks"], "earlier look"),
        "same_model": view.words(ledger["of_the_same_model"]),
        "other_threshold": view.words(ledger["at_another_threshold"]),
        "unreported": view.words(ledger["never_reported"]),
        "table": _looks(ledger["looks"]) if ledger["looks"] else None,
        "cut": min(len(list(ledger["looks"] or ())), MOST_LOOKS) < int(ledger["earlier_looks"].value or 0),
    }


MOST_LOOKS = 12


def _looks(looks: Node) -> Table:
    """The latest ones, oldest first."""
    columns = (
        Column("When", width=20), Column("Who", width=22), Column("Study", width=24),
        Column("Shared cases", numeric=True, width=10), Column("Same model", width=10), Column("Outcome", width=14),
    )  # fmt: skip
    rows = (
        row(
            moments.second(look["time"]), view.words(look["actor"]), view.words(look["protocol"], "a notebook"),
            view.count(look["shared_cases"]), view.choice(look["same_model"], {"True": "yes", "False": "no"}),
            view.words(look["outcome"], "none") + ("" if look["reported"].value else " (not reported)"),
        )
        for look in list(looks)[-MOST_LOOKS:]
    )  # fmt: skip
    return Table("earlier-looks", columns, tuple(rows))


SECTION = Section(
    id="R09", title="Representativeness and independence", question="Were the cases new to the model?",
    template="sections/independence.html.j2", content=content, rank={"acceptance": 162, "comparison": 162},
)  # fmt: skip
