"""R20: Comparison, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "a comparison on the same cases (comparisons: in the protocol)",
        "whoever writes the protocol; this version has no paired comparison yet",
    )


SECTION = Section(id="R20", title="Comparison", question="", template="", content=content)
