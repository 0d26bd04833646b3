"""R04: from each claim and hazard to what tested it, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words
from validate.report import view
from validate.report.criterion import outcome_of
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

COLUMNS = (
    Column("Claim", width=30), Column("Requirement, hazard", width=14), Column("Endpoint", width=18),
    Column("Result", width=22), Column("State", width=16),
)  # fmt: skip
STATES = {"decided": "decided by a criterion", "measured": "measured, no criterion", "untested": "not tested"}


def content(study: Study) -> Mapping[str, Any] | Missing:
    rows = study.sealed.traceability["rows"]
    if not rows:
        return Missing(
            "the manufacturer's claims and the hazards of the risk file (claims: in the protocol)",
            "the manufacturer; hazards of use at this site: its risk manager",
        )
    table = Table("claims", COLUMNS, tuple(row(*_cells(study, one)) for one in rows))
    untested = study.sealed.traceability["untested"]
    return {"claims": table, "untested": joined((view.words(one) for one in untested), ", ")}


def open_hazards(study: Study) -> Table | None:
    """Claims that answer for a hazard and that no criterion of this study has shown; None where there is none.

    Without a lock nothing is shown, whatever would have been met.
    """
    claims = study.sealed.traceability["rows"]
    rows = [one for one in claims if one["hazard"] and (study.exploratory or one["outcome"].text != "PASS")]
    return Table("open-hazards", COLUMNS, tuple(row(*_cells(study, one)) for one in rows)) if rows else None


def _cells(study: Study, one: Node) -> tuple[Printed | str, ...]:
    risk = joined((view.words(one[name]) for name in ("requirement", "hazard") if one[name]), ", ")
    endpoint = one["endpoint"]
    tested = printed(study.endpoint_title(endpoint.text), endpoint.address) if endpoint else printed("none")
    if level := _criterion(study, one)["worst_of"]:
        tested += printed(f", every {attribute_words(level.text)}", level.address)
    state = outcome_of(study, one["outcome"]).word if one["outcome"] else view.choice(one["state"], STATES)
    return view.words(one["claim"]) + ": " + view.words(one["text"]), risk or "–", tested, _result(study, one), state


def _criterion(study: Study, one: Node) -> Node:
    address = one["criterion"].text
    return study.sealed.verdict["criteria"][int(address.rsplit("/", 1)[1]) if address else "none"]


def _result(study: Study, one: Node) -> Printed:
    """The estimate where it lies, not the copy beside the claim."""
    address = one["estimate"].text
    if not address:
        return printed("–")
    return view.estimate(study.sealed.estimates[int(address.rsplit("/", 1)[1])])


SECTION = Section(
    id="R04", title="Claims-to-evidence and risk traceability", question="What was claimed, and what tested it",
    template="sections/traceability.html.j2", content=content,
)  # fmt: skip
