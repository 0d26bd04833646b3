"""A3: every word of statistics in one sentence, with a count from this very study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from validate.analyses.wording import attribute_words
from validate.report import view
from validate.report.criterion import criterion_name
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.study import Study


@dataclass(frozen=True, slots=True)
class Entry:
    """worked : the same in numbers of this study; empty where it has none."""

    term: str
    words: str
    worked: Printed


def content(study: Study) -> Mapping[str, Any]:
    return {"measures": _measures(study), "worked": _worked(study), "level": _level(study)}


def _level(study: Study) -> Printed:
    """Of 100 studies, how many limits hold the true value; empty where limits of several levels are printed."""
    levels = {e["interval"]["level"].value: e["interval"]["level"] for e in study.locked_overall if e["interval"]}
    if len(levels) != 1:
        return Printed()
    ((value, node),) = levels.items()
    return printed(f"{100 * value:.10g}", node.address)


def _measures(study: Study) -> list[Entry]:
    """One entry for each measure of the protocol, explained by the metric itself."""
    entries: dict[str, Entry] = {}
    for found in study.locked_overall:
        metric = study.metric(found["metric"].text)
        if metric is not None:
            title = study.measure(found["metric"].text)
            entries.setdefault(
                title,
                Entry(
                    title, study.standard.explained(metric.explanation), _here(found) + study.of(found["target"].value)
                ),
            )
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
    """Numbers of this study for the words whose meaning stands in the template; empty where it has none."""
    return {
        "interval": _interval(study),
        "goal": _goal(study),
        "inconclusive": _inconclusive(study),
        "noninferiority": _noninferiority(study),
        "point": _point(study.models[0]["operating_point"]) if study.models else Printed(),
        "prevalence": Printed()
        if study.protocol["task"].text
        == "segmentation"  # there a structure is nearly always there: its share says nothing
        else _prevalence(study.sealed.finding("population")["data"]["prevalence"], study.unit),
        "sampling": printed("the cases here: ") + view.words(study.protocol["cohort"]["sampling"]),
        "predictive": _predictive(study),
        "calibration": _calibration(study),
        "cluster": _cluster(study),
        "cluster_word": view.words(study.protocol["cohort"]["cluster"], "patient"),
        "alone": printed("one row each") if study.protocol["cohort"]["cluster"].text == study.unit else Printed(),
        "silent": _silent(study),
        "strata": joined((attribute_words(name.text) for name in study.protocol["strata"]), ", "),
        "compared": _compared(study),
    }


def _interval(study: Study) -> Printed:
    found = [e for e in study.locked_overall if e["value"].value is not None and e["interval"]]
    first = next((e for e in found if e["unit"].text == "proportion"), next(iter(found), None))
    return printed(study.measure(first["metric"].text)) + ": " + view.limits_only(first) if first else Printed()


def _goal(study: Study) -> Printed:
    criterion = next(iter(study.sealed.verdict["criteria"]), None)
    if criterion is None:
        return Printed()
    unit = study.sealed.estimate(criterion["estimate"])["unit"].text or "index"
    return criterion_name(study, criterion) + ": " + view.goal(criterion, unit)


def _inconclusive(study: Study) -> Printed:
    open_ = (c for c in study.sealed.verdict["criteria"] if c["outcome"].text == "INCONCLUSIVE")
    names = [criterion_name(study, criterion) for criterion in open_]
    return joined({str(name): name for name in names}.values(), "; ")


def _noninferiority(study: Study) -> Printed:
    """The first criterion of that kind with its margin; empty where there is none."""
    found = (c for c in study.sealed.verdict["criteria"] if c["hypothesis"].text == "noninferiority")
    criterion = next(found, None)
    if criterion is None:
        return Printed()
    unit = study.sealed.estimate(criterion["estimate"])["unit"].text or "index"
    return criterion_name(study, criterion) + ": " + view.goal(criterion, unit)


def _point(point: Node) -> Printed:
    if not point or view.decided(point):
        return view.decided(point)
    return printed("flagged where the score is ") + view.rule(point["rule"]) + " " + view.words(point["threshold"])


def _prevalence(found: Node, unit: str) -> Printed:
    if found["share"].value is None:
        return Printed()
    return (
        view.count(found["positives"])
        + " of "
        + view.count(found["labelled"], unit)
        + ", "
        + view.share(found["share"], 1)
    )


def _predictive(study: Study) -> Printed:
    entries = study.sealed.finding("prevalence")["data"]["prevalences"] if not study.comparator else ()
    main = next((entry for entry in entries if entry["main"].value is True), None)
    found = study.sealed.estimate(main["ppv"]) if main is not None and main["ppv"] else None
    if main is None or not found or found["value"].value is None:
        return Printed()
    return view.value_only(found) + " of flags are right at a prevalence of " + view.share(main["prevalence"])


def _calibration(study: Study) -> Printed:
    """One bin of the reliability curve: the first with cases that have and cases that have not."""
    bins = study.sealed.finding("calibration")["data"]["bins"]
    mixed = next((b for b in bins if b["positives"].value and b["observed"].value not in (None, 1)), None)
    if mixed is None:
        return Printed()
    share = view.number(mixed["stated"], "proportion")
    return (
        share
        + " stated on average: "
        + view.count(mixed["positives"])
        + " of "
        + view.count(mixed["cases"], study.unit)
    )


def _cluster(study: Study) -> Printed:
    counts = study.sealed.finding("population")["data"]["counts"]
    if not counts:
        return Printed()
    return view.count(counts["images"], study.unit) + " of " + view.count(counts["patients"], "patient")


def _silent(study: Study) -> Printed:
    failed = study.sealed.finding("missing")["data"]["failed"]
    return view.count(failed, study.unit) + " without an output" if failed.value else Printed()


def _compared(study: Study) -> Printed:
    entries = study.sealed.finding("strata")["data"]["endpoints"]
    first = next(iter(entries), None)
    return (
        view.count(first["compared"], "group") + " looked at"
        if first is not None and first["compared"].value
        else Printed()
    )


SECTION = Section(
    id="A3", title="Glossary", question="The words, with this study's counts",
    template="sections/glossary.html.j2", content=content, rank={"acceptance": 95, "comparison": 95},
)  # fmt: skip
