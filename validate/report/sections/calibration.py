"""R15: whether a stated probability can be taken at its word, and what a flag means at this site's prevalence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.reliability import Bin, Outputs, reliability
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.predictive_values import predictive_values
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings, predicted = study.sealed.all_findings("calibration"), predictive_values(study)
    if not findings and not predicted:
        return Missing(
            "calibration (analyses: calibration) and predictive values (cohort.prevalence)",
            "whoever writes the protocol, before the lock",
        )
    return {
        "calibrations": [_calibration(study, finding, several=len(findings) > 1) for finding in findings],
        "predicted": predicted,
        "prevalence_source": view.words(study.protocol["cohort"]["prevalence"]["source"]),
    }


def _calibration(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    name, data = finding["model"].text, finding["data"]
    available = finding["status"].text == "ok"
    key = study.key(name)
    return {
        "name": study.model_name(name) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "available": available,
        "figure": _figure(data, f"reliability-{key}") if available else None,
        "measures": _measures(study, data["measures"], f"calibration-{key}") if available else None,
        "bins": _bins(study, data["bins"], f"bins-{key}") if available else None,
        "binning": view.words(data["binning"]["words"]),
        "bin_limits": view.share(data["level"]) + " " + view.words(data["bin_limits"]) if available else Printed(),
        "without_output": view.count(data["without_output"], study.unit) if data["without_output"].value else Printed(),
    }


def _figure(data: Node, name: str) -> Figure | None:
    bins = [
        Bin(b["stated"].value, b["observed"].value, b["low"].value, b["high"].value)
        for b in data["bins"]
        if b["stated"].value is not None and b["observed"].value is not None
    ]
    histogram = data["histogram"].value or {"edges": [0.0, 1.0], "counts": [0]}
    spoken = "; ".join(f"stated {b.stated:.0%}, observed {b.observed:.0%}" for b in bins)
    outputs = Outputs(histogram["edges"], histogram["counts"])
    return reliability(name, bins, outputs, description=f"Observed share of positives by stated probability. {spoken}.")


def _measures(study: Study, measures: Node, name: str) -> Table:
    columns = (Column("Measure", width=42), Column("Found (limits)", width=40), Column("Ideal", numeric=True, width=18))
    rows = tuple(row(view.words(m["label"]), _found(study, m), view.words(m["ideal"])) for m in measures)
    return Table(name, columns, rows)


def _found(study: Study, measure: Node) -> Printed:
    if measure["estimate"]:
        return view.estimate(study.sealed.estimate(measure["estimate"]))
    if measure["value"].value is None:
        return view.not_defined(measure)
    value, between = view.number(measure["value"]), view.limits(measure, "index")
    if between:
        return value + " (" + between + ")"
    return value + " (" + view.words(measure["reason"], "no limits") + ")"


def _bins(study: Study, bins: Node, name: str) -> Table:
    columns = (
        Column("Stated", width=26), Column("Mean stated", numeric=True), Column(study.units.capitalize(), numeric=True),
        Column("Positive", numeric=True), Column("Observed (limits)", width=30),
    )  # fmt: skip
    rows = []
    for b in bins:
        between = view.share(b["start"], 1) + " to " + view.share(b["end"], 1)
        if b["observed"].value is None:
            rows.append(row(between, "–", view.count(b["cases"]), "–", printed("no case"), kind="faint"))
            continue
        limits = view.limits(b, "proportion")
        observed = view.number(b["observed"], "proportion") + (
            " (" + limits + ")" if limits else " (too few for limits)"
        )
        rows.append(
            row(
                between,
                view.number(b["stated"], "proportion"),
                view.count(b["cases"]),
                view.count(b["positives"]),
                observed,
            )
        )
    return Table(name, columns, tuple(rows))


SECTION = Section(
    id="R15", title="Calibration and predictive values", question="Can a stated probability be taken at its word?",
    template="sections/calibration.html.j2", content=content, rank={"acceptance": 40, "comparison": 40},
)  # fmt: skip
