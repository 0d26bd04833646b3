"""R23: how anybody gets the same numbers again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.stated import RERUN, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any]:
    return {
        "seed": view.words(study.protocol["seed"]),
        "replicates": view.count(study.protocol["resampling"]["replicates"], "resample"),
        "checks": [
            _checks(study, finding) for finding in study.sealed.all_findings("determinism") if finding["data"]["checks"]
        ],
        "stated": stated(study, "stated-rerun", RERUN),
        "version": view.words(study.sealed.environment["validate"]["version"]),
    }


def _checks(study: Study, finding: Node) -> Mapping[str, Any]:
    """What moved when the same cases went through the model again, beside the width of the intervals."""
    model = finding["model"].text
    columns = (
        Column("Check", width=30), Column("Cases", numeric=True, width=12), Column("Equal to the bit", numeric=True, width=18),
        Column("Largest difference", numeric=True, width=20), Column("Answers changed", numeric=True, width=20),
    )  # fmt: skip
    rows = tuple(
        row(view.words(check["title"]), view.count(check["compared"]), view.count(check["identical"]),
            view.plain(check["largest"], 9), view.count(check["answers_changed"], absent="no threshold"))
        for check in finding["data"]["checks"]
    )  # fmt: skip
    moved = (
        Column("Check", width=30), Column("Measure", width=30), Column("Change", numeric=True, width=20),
        Column("Width of its interval", numeric=True, width=20),
    )  # fmt: skip
    changes = tuple(
        row(
            view.words(check["title"]),
            view.words(entry["label"]),
            view.plain(entry["change"], 6),
            view.plain(entry["width"], 4),
        )
        for check in finding["data"]["checks"]
        for entry in check["endpoints"]
    )
    key = study.key(model)
    return {
        "name": study.model_name(model),
        "statement": view.words(finding["statement"]),
        "outputs": Table(f"determinism-{key}", columns, rows),
        "measures": Table(f"determinism-measures-{key}", moved, changes),
    }


SECTION = Section(
    id="R23", title="Reproducibility", question="How to get the same numbers again",
    template="sections/reproducibility.html.j2", content=content, rank={"acceptance": 175, "comparison": 175},
)  # fmt: skip
