"""A1: reporting checklists, item by item: what answers it, or who must."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

COLUMNS = (
    Column("Item", width=7), Column("Subject", width=38), Column("Sections", width=12), Column("State", width=15),
    Column("Missing, and who supplies it", width=28),
)  # fmt: skip


def content(study: Study) -> Mapping[str, Any] | Missing:
    lists = study.sealed.checklists["checklists"]
    if not lists:
        return Missing("the map from reporting checklists to sections", "a run by this version of the program")
    return {"lists": [_list(one) for one in lists]}


def _list(one: Node) -> Mapping[str, Any]:
    items = list(one["items"])
    return {
        "title": view.words(one["title"]),
        "doi": view.words(one["doi"]),
        "answered": view.count(one["items_answered"]) + " of " + view.count(one["items_in_all"]),
        "table": Table(one["id"].text, COLUMNS, tuple(item_row(item) for item in items)),
    }


def item_row(item: Node) -> Row:
    """Number, subject, sections, state, and what is missing."""
    return row(view.words(item["id"]), *item_cells(item))


def item_cells(item: Node) -> tuple[Printed, ...]:
    """Subject, sections, state, and what is missing with who supplies it."""
    missing = joined((view.words(one["what"]) + ": " + view.words(one["who"]) for one in item["missing"]), "; ")
    sections = joined((view.words(section) for section in item["sections"]), " ")
    return view.words(item["subject"]), sections, view.words(item["status"]), missing or printed("–")


SECTION = Section(
    id="A1", title="Checklist cross-reference", question="Which items of the reporting checklists are answered",
    template="sections/checklist.html.j2", content=content, opens_page=True,
)  # fmt: skip
