"""A7: Deviations, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "a log of deviations from the protocol; the audit trail (R24) records none by itself",
        "the test operator",
    )


SECTION = Section(id="A7", title="Deviations", question="", template="", content=content)
