"""R25: Ethics, privacy, governance and interests, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "ethics approval or waiver, data-protection assessment, funding, interests",
        "the study's sponsor and the site",
    )


SECTION = Section(
    id="R25", title="Ethics, privacy, governance and interests", question="", template="", content=content
)
