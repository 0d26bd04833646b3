"""Outputs that need no truth as section R17 shows them: what must not move, and what foreign images are answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

WORDS = {"held": "held", "broken": "moves", "not run": "not run"}


def metamorphic(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    """Checks of one model."""
    columns = (
        Column("What was done", width=30), Column("Moved", numeric=True, width=16), Column("Share (limits)", width=22),
        Column("Largest change", numeric=True, width=14), Column("Allowed", numeric=True, width=10), Column("So", width=8),
    )  # fmt: skip
    rows = []
    for check in finding["data"]["checks"]:
        share = study.sealed.estimate(check["estimate"])
        so = view.choice(check["conclusion"], WORDS)
        moved = view.count(check["moved"]) + " / " + view.count(check["compared"])
        largest = view.plain(check["largest"], 6) if check["largest"].value else view.plain(check["largest"], 0)
        rows.append(
            row(
                view.words(check["title"]), moved, view.estimate(share), largest, view.words(check["tolerance"], "0"), so,
                kind="faint" if check["conclusion"].text == "not run" else "",
            )
        )  # fmt: skip
    return _shown(study, finding, Table(f"checks-{study.key(finding['model'].text)}", columns, tuple(rows)), several)


def input_guard(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    """Foreign images of one model."""
    columns = (
        Column("Given instead", width=26), Column("No answer", width=26), Column("Flagged", numeric=True, width=12),
        Column("With confidence", numeric=True, width=16), Column("Middle score", numeric=True, width=20),
    )  # fmt: skip
    rows, group = [], ""
    for kind in finding["data"]["kinds"]:
        if kind["group"].text != group:
            group = kind["group"].text
            rows.append(row(printed(group[0].upper() + group[1:], kind["group"].address), kind="head"))
        share = study.sealed.estimate(kind["estimate"])
        rows.append(
            row(
                view.words(kind["title"]), view.estimate(share), view.count(kind["flagged"], absent="–"),
                view.count(kind["confident"], absent="–"),
                view.plain(kind["middle"], 3) + printed(", clean ") + view.plain(kind["clean"], 3),
            )
        )  # fmt: skip
    shown = _shown(study, finding, Table(f"guard-{study.key(finding['model'].text)}", columns, tuple(rows)), several)
    return {**shown, "confident": view.share(finding["data"]["confident"])}


def _shown(study: Study, finding: Node, table: Table, several: bool) -> Mapping[str, Any]:  # noqa: FBT001
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "table": table,
    }
