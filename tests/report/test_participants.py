"""R06 counts who is in at every level that the cohort's source knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from validate.report.sealed import read_sealed
from validate.report.sections.participants import SECTION
from validate.report.study import Study


def counts(folder: Path) -> Any:
    return SECTION.content(Study(read_sealed(folder), "acceptance"))["table"]  # type: ignore[index]


def test_series_have_a_column_where_they_are_known_and_none_where_they_are_not(build: Callable[..., Path]) -> None:
    folder = build()
    assert [column.title for column in counts(folder).columns] == ["Step", "Files", "Images", "Studies", "Patients"]
    path = folder / "findings.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    finding = next(one for one in document["findings"] if one["analysis"] == "participants")
    for step in finding["data"]["steps"]:
        step["series"] = None if step["id"] == "analysed" else 1234
    path.write_text(json.dumps(document), encoding="utf-8")
    table = counts(folder)
    assert [column.title for column in table.columns] == ["Step", "Files", "Images", "Series", "Studies", "Patients"]
    first, *_, last = (str(row.cells[3]) for row in table.rows)
    assert (first, last) == ("1,234", "–")


def test_lesions_are_counted_where_the_reference_names_some(build: Callable[..., Path]) -> None:
    folder = build()
    assert not SECTION.content(Study(read_sealed(folder), "acceptance"))["lesions"]  # type: ignore[index]
    path = folder / "findings.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    model = document["findings"][0]["model"]
    targets = [
        {"words": word, "counts": {"lesions": lesions, "abnormal": abnormal, "cases": 75}}
        for word, lesions, abnormal in (("nodule", 100, 43), ("mass", 1, 1))
    ]
    document["findings"].append(
        {"id": f"marks/{model}", "analysis": "marks", "model": model, "status": "ok", "statement": "", "data": {"targets": targets}}
    )  # fmt: skip
    path.write_text(json.dumps(document), encoding="utf-8")
    told = SECTION.content(Study(read_sealed(folder), "acceptance"))["lesions"]  # type: ignore[index]
    assert str(told) == "nodule: 100 lesions in 43 of 75 images; mass: 1 lesion in 1 of 75 images"
