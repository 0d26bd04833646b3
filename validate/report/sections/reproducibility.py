"""R23: how anybody gets the same numbers again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.section import Section
from validate.report.study import Study


def content(study: Study) -> Mapping[str, Any]:
    return {
        "seed": view.words(study.protocol["seed"]),
        "replicates": view.count(study.protocol["resampling"]["replicates"], "resample"),
        "version": view.words(study.sealed.environment["validate"]["version"]),
    }


SECTION = Section(
    id="R23", title="Reproducibility", question="How to get the same numbers again",
    template="sections/reproducibility.html.j2", content=content, rank={"acceptance": 175, "comparison": 175},
)  # fmt: skip
