"""A2: Regulatory matrix, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "the map from clauses of regulation to sections",
        "a later version of this report",
    )


SECTION = Section(id="A2", title="Regulatory matrix", question="", template="", content=content)
