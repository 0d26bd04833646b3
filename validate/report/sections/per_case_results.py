"""A5: the results case by case, which stay electronic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, view
from validate.report.section import Missing, Section
from validate.report.study import Study


def content(study: Study) -> Mapping[str, Any] | Missing:
    found = next((f for f in study.sealed.manifest["files"] if f["path"].text == "results/units.parquet"), None)
    if found is None:
        return Missing("the per-case table (results/units.parquet)", "whoever runs the study")
    return {
        "path": view.words(found["path"]),
        "size": view.count(found["bytes"]),
        "digest": digests.fingerprint(found["sha256"], 64),
    }


SECTION = Section(
    id="A5", title="Per-case results", question="Case by case",
    template="sections/per_case_results.html.j2", content=content,
)  # fmt: skip
