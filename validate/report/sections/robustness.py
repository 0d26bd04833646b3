"""R17: Robustness, scanner shift and repeatability, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "passes over disturbed or repeated images (analyses: robustness)",
        "whoever writes the protocol; this version has no robustness analysis yet",
    )


SECTION = Section(
    id="R17", title="Robustness, scanner shift and repeatability", question="", template="", content=content
)
