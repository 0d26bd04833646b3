"""R11: how the numbers were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import listed
from validate.report import view
from validate.report.criterion import criterion_name, entry_of
from validate.report.methods import METHODS
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.stated import PLANNED, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row

RULES = {
    "worst_case": "failures counted as wrong", "best_case": "failures counted as right",
    "exclude_and_report": "failures left out", "excluded": "failures left out", "outputs_only": "outputs only",
}  # fmt: skip


def content(study: Study) -> Mapping[str, Any]:
    return {
        "methods": _methods(study),
        "alone": study.protocol["cohort"]["cluster"].text == study.unit,
        "cluster": view.words(study.protocol["cohort"]["cluster"]),
        "replicates": view.count(study.protocol["resampling"]["replicates"], "resample"),
        "seed": view.words(study.protocol["seed"]),
        "sources": _sources(study),
        "planned": _planned(study),
        "stated": stated(study, "stated-size", PLANNED),
        "survival": bool(study.sealed.all_findings("survival")),
    }


def _methods(study: Study) -> Table:
    columns = (
        Column("Measure", width=24), Column("Limits", width=30), Column("Rows", numeric=True, width=9),
        Column("Patients", numeric=True, width=10), Column("Design effect", numeric=True, width=11),
        Column("Failures", width=16),
    )  # fmt: skip
    seen: dict[str, Node] = {}
    for found in study.locked_overall:
        seen.setdefault(found["endpoint"].text, found)
    rows = (
        row(
            study.endpoint_words(e["endpoint"].text), _limits(e["interval"]),
            view.count(e["n_cases"]), view.count(e["n_patients"]),
            view.plain(e["interval"]["design_effect"], 2), printed(RULES.get(e["missing_rule"].text, "–"), e["missing_rule"].address),
        )
        for e in seen.values()
    )  # fmt: skip
    return Table("methods", columns, tuple(rows))


def _planned(study: Study) -> Table:
    """What was assumed of each criterion when the study was planned, and the events that this asks of a new study."""
    columns = (
        Column("Criterion", width=38), Column("Goal", width=18), Column("Assumed", numeric=True, width=16),
        Column("Events of a new study", numeric=True, width=28),
    )  # fmt: skip
    rows = []
    for criterion in study.sealed.verdict["criteria"]:
        assumed = entry_of(study, criterion)["assumed"]
        if assumed.value is None:
            continue
        unit = study.sealed.estimate(criterion["estimate"])["unit"].text or "index"
        model = printed("") if len(study.models) == 1 else study.model_name(criterion["model"].text) + ": "
        rows.append(
            row(
                model + criterion_name(study, criterion), view.goal(criterion, unit), view.goal_value(assumed, unit),
                view.count(criterion["new_study_n"], absent="–") if criterion["new_study_n"] else "–",
            )
        )  # fmt: skip
    return Table("planned", columns, tuple(rows))


def _limits(interval: Node) -> Printed:
    if not interval:
        return printed("none")
    method = interval["method"]
    said = (
        view.level(interval) + ", " + printed(METHODS.get(method.text, method.text.replace("_", " ")), method.address)
    )
    replicates = interval["replicates"]
    return said + " (" + view.count(replicates, "resample") + ")" if replicates else said


def _sources(study: Study) -> Printed:
    """Where each measure's definition stands, from the metric itself."""
    titles: dict[str, list[str]] = {}
    for name in dict.fromkeys(e["metric"].text for e in study.protocol["endpoints"]):
        metric = study.metric(name)
        if metric is not None:
            titles.setdefault(metric.source, []).append(study.measure(name))
    return joined((f"{listed(found)}: {source}" for source, found in titles.items()), "; ")


SECTION = Section(
    id="R11", title="Statistical methods", question="How the numbers were made",
    template="sections/statistical_methods.html.j2", content=content, rank={"acceptance": 171, "comparison": 171},
)  # fmt: skip
