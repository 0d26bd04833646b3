"""A1: Checklist cross-reference, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "the map from reporting checklists to sections",
        "a later version of this report",
    )


SECTION = Section(id="A1", title="Checklist cross-reference", question="", template="", content=content)
