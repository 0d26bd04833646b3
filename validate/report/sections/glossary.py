"""A3: every word of statistics in one sentence, with a count from this very study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from validate.report import view
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.sections.primary_endpoints import locked_overall
from validate.report.study import Study


@dataclass(frozen=True, slots=True)
class Entry:
    """worked : the same in numbers of this study; empty where it has none."""

    term: str
    words: str
    worked: Printed


def content(study: Study) -> Mapping[str, Any]:
    return {"measures": _measures(study), "worked": _worked(study), "comparator": study.comparator}


def _measures(study: Study) -> list[Entry]:
    """One entry for each measure of the protocol, explained by the metric itself."""
    entries: dict[str, Entry] = {}
    for found in locked_overall(study):
        metric = study.metric(found["metric"].text)
        if metric is not None:
            title = study.measure(found["metric"].text)
            entries.setdefault(title, Entry(title, metric.explanation, _here(found)))
    return list(entries.values())


def _here(found: Node) -> Printed:
    if found["value"].value is None:
        return view.not_defined(found)
    if found["numerator"].value is not None and found["denominator"].value is not None:
        return (
            view.count(found["numerator"]) + " of " + view.count(found["denominator"]) + ", " + view.value_only(found)
        )
    return view.value_only(found) + ", from " + view.count(found["n_cases"], "row")


def _worked(study: Study) -> Mapping[str, Printed]:
    """Numbers for the entries whose words stand in the template."""
    overall = [e for e in locked_overall(study) if e["value"].value is not None and e["interval"]]
    first = next((e for e in overall if e["unit"].text == "proportion"), next(iter(overall), None))
    counts = study.sealed.finding("population")["data"]
    point = study.models[0]["operating_point"]
    criterion = next(iter(study.sealed.verdict["criteria"]), None)
    return {
        "interval": _interval(study, first) if first is not None else Printed(),
        "cluster": view.count(counts["counts"]["images"], study.unit) + " of " + view.count(counts["counts"]["patients"], "patient")
        if counts["counts"] else Printed(),
        "prevalence": view.count(counts["prevalence"]["positives"]) + " of " + view.count(counts["prevalence"]["labelled"], study.unit)
        + ", " + view.share(counts["prevalence"]["share"], 1) if counts["prevalence"]["share"].value is not None else Printed(),
        "point": view.rule(point["rule"]) + " " + view.words(point["threshold"]) if point else Printed(),
        "goal": printed("the goal here: ") + view.goal(criterion, study.sealed.estimate(criterion["estimate"])["unit"].text or "index")
        if criterion is not None else Printed(),
    }  # fmt: skip


def _interval(study: Study, found: Node) -> Printed:
    return printed(study.measure(found["metric"].text)) + ": " + view.limits_only(found)


SECTION = Section(
    id="A3", title="Glossary", question="The words, with this study's counts",
    template="sections/glossary.html.j2", content=content, rank={"acceptance": 95, "comparison": 95},
)  # fmt: skip
