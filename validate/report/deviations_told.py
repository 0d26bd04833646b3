"""How often it went another way than was locked, for page one: by lock and trail, and what people state besides."""

from __future__ import annotations

from validate.analyses.wording import plural
from validate.report import view
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study

LONGEST_STATED = 160  # letters of what is stated that page one has room for


def deviations_told(study: Study) -> Printed:
    """In a sentence or two; empty where nothing was locked and nothing is stated."""
    stated = study.protocol["statements"]["other_deviations"]
    return joined((_recorded(study), _stated_besides(stated) if stated else Printed()), " ")


def _stated_besides(stated: Node) -> Printed:
    """In the words of the test operator where page one has room for them."""
    if len(stated.text) > LONGEST_STATED:
        return printed("What the test operator states of others stands in appendix A7.")
    return (
        printed("The test operator states of others: ")
        + view.words(stated)
        + ("" if stated.text.endswith(".") else ".")
    )


def _recorded(study: Study) -> Printed:
    """What lock and trail know; empty where nothing was locked."""
    found, amendments = study.sealed.deviations, study.sealed.lock["amendments"]
    if study.exploratory:
        return Printed()
    if not found:  # evidence of an earlier version: the lock alone tells
        if not amendments:
            return printed("Whether anything deviated from what was locked was not counted (appendix A7).")
        counted = (
            printed(f"{len(amendments):,}", amendments.length_address()) + " " + plural(len(amendments), "amendment")
        )
        return printed("Deviations from what was locked: ") + counted + "; others were not counted (appendix A7)."
    if not found["total"].value:
        return printed("No deviation", found["total"].address) + " from what was locked is recorded."
    counts = (
        (found["amendments"]["major"], "major amendment"), (found["amendments"]["minor"], "minor amendment"),
        (found["interruptions"], "interruption"), (found["refusals"], "refused start"),
    )  # fmt: skip
    told = joined((view.count(number, noun) for number, noun in counts if number.value), ", ")
    return printed("Deviations from what was locked: ") + view.count(found["total"]) + " (" + told + "; appendix A7)."
