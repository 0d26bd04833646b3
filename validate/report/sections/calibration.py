"""R15: whether a stated probability can be taken at its word, and what a flag means at this site's prevalence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.analysis import ANSWERED
from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.decision_curve import Curve, decision_curve
from validate.report.figures.reliability import Bin, Outputs, reliability
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.predictive_values import predictive_values
from validate.report.study import Study
from validate.report.table import Column, Kind, Table, row


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings, predicted = study.sealed.all_findings("calibration"), predictive_values(study)
    if not findings and not predicted and not study.comparator:
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
        "smooth": _smooth_words(data["curve"]),
        "groups": _groups(study, data["groups"], f"calibration-groups-{key}") if available else None,
        "tests": _tests(data["tests"], f"calibration-tests-{key}") if available else None,
        "shifted": _shifted(data["shifted"], f"calibration-shifted-{key}") if available else None,
        "decision": _decision(study, name),
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
    smooth = data["curve"]["points"].value or ()
    return reliability(
        name, bins, outputs, smooth=smooth, description=f"Observed share of positives by stated probability. {spoken}."
    )


def _measures(study: Study, measures: Node, name: str) -> Table:
    columns = (Column("Measure", width=38), Column("Found (limits)", width=50), Column("Ideal", numeric=True, width=12))
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


def _smooth_words(curve: Node) -> Printed:
    if not curve:
        return Printed()
    return view.words(curve["method"]) + "; " + view.count(curve["replicates"], "resample")


def _groups(study: Study, groups: Node, name: str) -> Table | None:
    columns = (
        Column("Group", width=17), Column(study.units.capitalize(), numeric=True, width=9),
        Column("Positive", numeric=True, width=10), Column("Intercept (limits)", width=24), Column("Slope (limits)", width=20),
        Column("Observed over expected", width=20),
    )  # fmt: skip
    rows = []
    for group in groups:
        rows.append(row(view.words(group["label"]), kind="head"))
        for one in group["levels"]:
            found = {m["id"].text: _short(m) for m in one["measures"]}
            cells = [found[key] for key in ("intercept", "slope", "observed_over_expected")]
            kind: Kind = "faint" if all(m["value"].value is None for m in one["measures"]) else ""
            counts = view.count(one["cases"]), view.count(one["positives"])
            rows.append(row(view.words(one["level"]), *counts, *cells, kind=kind))
    return Table(name, columns, tuple(rows)) if rows else None


def _short(measure: Node) -> Printed:
    """In a narrow cell: the reason stands there only where there is no number."""
    if measure["value"].value is None:
        return printed("too few", measure["reason"].address)
    between = view.limits(measure, "index")
    return view.number(measure["value"]) + ((" (" + between + ")") if between else printed(" (no limits)"))


def _tests(tests: Node, name: str) -> Table | None:
    columns = (Column("Test", width=40), Column("Statistic", numeric=True, width=20), Column("Two-sided p", width=40))
    rows = [
        row(
            view.words(t["label"]), view.plain(t["statistic"], 2),
            view.p_value(t["p"]) if t["p"].value is not None else printed("not made: ") + view.words(t["reason"]),
        )
        for t in tests
    ]  # fmt: skip
    return Table(name, columns, tuple(rows)) if rows else None


def _shifted(shifted: Node, name: str) -> Table | None:
    columns = (
        Column("Made for a prevalence of", width=30), Column("Intercept (limits)", width=34),
        Column("Observed over expected", width=36),
    )  # fmt: skip
    rows = [
        row(view.share(one["prevalence"]), _short(one["intercept"]), _short(one["observed_over_expected"]))
        for one in shifted
    ]
    return Table(name, columns, tuple(rows)) if rows else None


def _decision(study: Study, model: str) -> Mapping[str, Any] | None:
    finding = next((f for f in study.sealed.all_findings("decision_curve") if f["model"].text == model), None)
    if finding is None:
        return None
    curves = list(finding["data"]["curves"]) if finding["status"].text == "ok" else []
    key = study.key(model)
    main = [one for one in curves if one["main"].value is True]
    shown = [*curves[:1], *main[:1]] if main and main[0].path != curves[0].path else curves[:1]
    return {
        "statement": view.words(finding["statement"]),
        "figures": [_curve(finding["data"], one, f"decision-{key}-{n}") for n, one in enumerate(shown)],
        "labels": [view.words(one["label"]) for one in shown],
        "table": _benefits(finding["data"], curves, f"net-benefit-{key}") if curves else None,
    }


def _curve(data: Node, curve: Node, name: str) -> Figure:
    found = Curve(
        data["thresholds"].value, curve["net_benefit"].value, curve["treat_all"].value,
        curve["low"].value or (), curve["high"].value or (),
    )  # fmt: skip
    label = curve["label"].text
    pairs = list(zip(found.thresholds, found.net_benefit, strict=True))[:: max(1, len(found.thresholds) // 5)]
    spoken = "; ".join(f"at {t:.0%}, {v:.3f}" for t, v in pairs)
    return decision_curve(name, found, title="Decision curve", description=f"Net benefit at {label}: {spoken}.")


def _benefits(data: Node, curves: list[Node], name: str) -> Table:
    """A few thresholds in numbers; the whole curve is in the evidence."""
    curve = next((one for one in curves if one["main"].value is True), curves[0])
    columns = (
        Column("Acting from a risk of", width=20), Column("Net benefit (limits)", width=30),
        Column("Acting on everybody", numeric=True, width=20), Column("Spared per 100, at no loss", numeric=True, width=26),
    )  # fmt: skip
    count = len(data["thresholds"])
    rows = []
    for place in sorted({round(k * (count - 1) / 5) for k in range(6)}):
        value = view.number(curve["net_benefit"][place])
        if curve["low"]:
            value = value + " (" + view.number(curve["low"][place]) + " to " + view.number(curve["high"][place]) + ")"
        everybody, spared = view.number(curve["treat_all"][place]), view.plain(curve["avoided"][place], 0)
        rows.append(row(view.share(data["thresholds"][place]), value, everybody, spared))
    return Table(name, columns, tuple(rows))


SECTION = Section(
    id="R15", title="Calibration and predictive values", tasks=ANSWERED,
    elsewhere="not asked of this kind of study: it takes one score for each case",
    question="Can a stated probability be taken at its word?",
    template="sections/calibration.html.j2", content=content, rank={"acceptance": 40, "comparison": 40},
)  # fmt: skip
