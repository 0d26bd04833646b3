"""A4: Model card, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "training data, development and known limits of the model",
        "the manufacturer",
    )


SECTION = Section(id="A4", title="Model card", question="", template="", content=content)
