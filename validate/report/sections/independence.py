"""R09: whether the test cases were new to the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import printed
from validate.report.section import Missing, Section
from validate.report.study import Study

WORDS = {
    "none": "no overlap with the development data",
    "possible": "overlap with the development data is possible",
    "known": "overlap with the development data is known",
    "unknown": "overlap with the development data is not known",
}


def content(study: Study) -> Mapping[str, Any] | Missing:
    stated = study.protocol["cohort"]["independence"]
    if not stated:
        return Missing(
            "whether test cases were used to develop the model (cohort.independence)", "the manufacturer, in writing"
        )
    overlap = stated["overlap"]
    return {
        "overlap": printed(WORDS.get(overlap.text, overlap.text), overlap.address),
        "method": view.words(stated["method"]),
    }


SECTION = Section(
    id="R09", title="Representativeness and independence", question="Were the cases new to the model?",
    template="sections/independence.html.j2", content=content, rank={"acceptance": 168, "comparison": 168},
)  # fmt: skip
