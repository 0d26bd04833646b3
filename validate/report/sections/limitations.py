"""R21: what this result does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import moments, view
from validate.report.printed import Printed, joined, printed
from validate.report.profile_words import LIMITS, reader
from validate.report.section import Section
from validate.report.stated import MEANING, stated
from validate.report.study import Study


def content(study: Study) -> Mapping[str, Any]:
    levels = _levels(study)
    return {
        "lead": LIMITS[reader(study)],
        "synthetic": study.synthetic,
        "exploratory": study.exploratory,
        "unwitnessed": bool(study.unwitnessed),
        "comparator": study.comparator,
        "enriched": study.enriched,
        "sampling": view.words(study.protocol["cohort"]["sampling"]),
        "makers": levels.get("manufacturer", Printed()),
        "sites": levels.get("site", Printed()),
        "period": study.protocol["cohort"]["period"],
        "days": _days(study),
        "unclear": _unclear(study),
        "stated": stated(study, "stated-meaning", MEANING),
    }


def _levels(study: Study) -> dict[str, Printed]:
    found = study.sealed.finding("population")["data"]["attributes"]
    return {
        a["attribute"].text: joined((view.words(x["level"]) for x in a["levels"] if x["level"].text != "missing"), ", ")
        for a in found
    }


def _days(study: Study) -> Printed:
    period = study.protocol["cohort"]["period"]
    return moments.day(period["from"]) + " to " + moments.day(period["to"]) if period else Printed()


def _unclear(study: Study) -> list[Printed]:
    """What was left undecided, in the verdict's own words."""
    return [
        printed(criterion["sentence"].text, criterion["sentence"].address)
        for criterion in study.sealed.verdict["criteria"]
        if criterion["outcome"].text == "INCONCLUSIVE"
    ]


SECTION = Section(
    id="R21", title="Limitations, conditions, monitoring", question="What this result does not say",
    template="sections/limitations.html.j2", content=content, rank={"acceptance": 90, "comparison": 90},
)  # fmt: skip
