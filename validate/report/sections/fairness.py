"""R16: Fairness, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "an analysis of gaps between groups of patients (analyses: fairness); the estimates by group stand in R14",
        "whoever writes the protocol; this version has no fairness analysis yet",
    )


SECTION = Section(id="R16", title="Fairness", question="", template="", content=content)
