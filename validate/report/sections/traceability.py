"""R04: Claims-to-evidence and risk traceability, which this evidence does not hold."""

from __future__ import annotations

from validate.report.section import Missing, Section
from validate.report.study import Study


def content(_study: Study) -> Missing:
    return Missing(
        "the manufacturer's claims and the hazards of the risk file (claims: in the protocol)",
        "the manufacturer; hazards of use at this site: its risk manager",
    )


SECTION = Section(id="R04", title="Claims-to-evidence and risk traceability", question="", template="", content=content)
