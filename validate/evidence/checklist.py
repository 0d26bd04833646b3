"""Reporting checklists and clauses of regulation against this evidence: what answers each item, and who must supply the rest.

An item is answered only where every element it asks for is there and not empty; that a section exists answers nothing.
What the study's task can't have, such as a two-by-two table of detected lesions, is not asked of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from validate.evidence.element import DATA, Element, Elements

ANSWERED, PERSON, UNANSWERED, DEVELOPMENT = "answered", "needs a person", "not answered", "concerns development"
NOT_APPLICABLE = "not applicable"
BY_PROGRAM = "program"
CHECKLISTS = "evidence/checklists.json"
COLUMNS = ("item", "subject", "status", "sections", "evidence", "missing")


def checklists_document(folder: Path) -> dict[str, Any]:
    """Every checklist and every clause, item by item, for evidence/checklists.json.

    A clause, or an item, is "answered" by addresses in this folder; it is for the reader to judge whether that suffices.
    """
    elements = Elements(folder)
    lists = yaml.safe_load((DATA / "checklists.yaml").read_text("utf-8"))["checklists"]
    clauses = yaml.safe_load((DATA / "clauses.yaml").read_text("utf-8"))["clauses"]
    return {
        "schema_version": "1",
        "checklists": [_list(one, [_item(item, elements) for item in one["items"]]) for one in lists],
        "clauses": [
            {**{k: str(clause[k]) for k in ("document", "state", "clause")}, **_item(clause, elements)}
            for clause in clauses
        ],
    }


def _list(one: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many are answered, of those that this study can be asked."""
    asked = [item for item in items if item["status"] != NOT_APPLICABLE]
    counted = {"items_answered": sum(item["status"] == ANSWERED for item in asked), "items_in_all": len(asked)}
    return {**{k: one[k] for k in ("id", "title", "doi")}, **counted, "items": list(items)}


def _item(item: Mapping[str, Any], elements: Elements) -> dict[str, Any]:
    asked = [element for name in item["elements"] if (element := elements[name]).applies]
    missing = [element for element in asked if element.at is None]
    return {
        "id": item["id"],
        "subject": item["subject"],
        "sections": list(item["sections"]),
        "status": _status(missing, development=item.get("of") == "development") if asked else NOT_APPLICABLE,
        "evidence": [element.at for element in asked if element.at is not None],
        "missing": [{"what": element.words, "who": element.by} for element in missing],
    }


def _status(missing: Sequence[Element], *, development: bool) -> str:
    if not missing:
        return ANSWERED
    if development:
        return DEVELOPMENT
    return UNANSWERED if any(element.by == BY_PROGRAM for element in missing) else PERSON


def checklist_tables(document: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """File name and content: one CSV for each checklist, one for the clauses."""
    for one in document["checklists"]:
        yield f"{one['id']}.csv", _table(one["items"], ())
    yield "clauses.csv", _table(document["clauses"], ("document", "state", "clause"))


def _table(items: Sequence[Mapping[str, Any]], more: tuple[str, ...]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*more, *COLUMNS))
    for item in items:
        missing = "; ".join(f"{one['what']} ({one['who']})" for one in item["missing"])
        cells = (item["id"], item["subject"], item["status"], " ".join(item["sections"]), " ".join(item["evidence"]))
        writer.writerow((*(item[name] for name in more), *cells, missing))
    return text.getvalue().encode()
