"""Shift against a reference cohort as section R17 shows it: features, the two cohorts told apart, the chart, and what was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, view
from validate.report.figures.canvas import Figure
from validate.report.figures.cusum import cusum_chart
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

GROUPS = {"metadata": "Patients and acquisition", "images": "Images", "outputs": "Outputs", "embedding": "Embedding"}
SO = {"stands": "stands", "fallen": "has fallen", "open": "not shown"}


def shifted(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    """Everything of one model."""
    data, key = finding["data"], study.key(finding["model"].text)
    shown: dict[str, Any] = {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
    }
    if finding["status"].text != "ok":
        return {**shown, "reference": None, "features": None}
    return {
        **shown,
        "reference": view.words(data["reference"]["kind"]) + ", " + view.count(data["reference"]["cases"], "case") + ", "
        + digests.fingerprint(data["reference"]["sha256"]),
        "features": _features(data, f"shift-{key}") if data["features"] else None,
        "left_out": _left_out(data["left_out"]),
        "together": view.p_value(data["together"]["p"]) if data["together"] else None,
        "apart": _apart(data["together"]["groups"]) if data["together"] and len(data["together"]["groups"]) > 1 else None,
        "classifier": view.estimate(study.sealed.estimate(data["classifier"])),
        "chart": _chart(data["chart"], f"cusum-{key}") if data["chart"] else None,
        "inputs": _inputs(data["further_charts"], f"input-charts-{key}") if data["further_charts"] else None,
        "run_length": view.plain(data["further_charts"][0]["run_length"], 0) if data["further_charts"] else None,
        "since": _since(study, data["since"], f"since-{key}") if data["since"] else None,
        "alpha": view.words(data["alpha"]),
    }  # fmt: skip


def _features(data: Node, name: str) -> Table:
    columns = (
        Column("Feature", width=20), Column("Here", width=26), Column("Reference", width=26), Column("Distance", numeric=True, width=10),
        Column("p, adjusted", numeric=True, width=18),
    )  # fmt: skip
    rows, group = [], ""
    for one in data["features"]:
        if one["group"].text != group:
            group = one["group"].text
            rows.append(row(printed(GROUPS[group], one["group"].address), kind="head"))
        mark = " ●" if one["shifted"].value is True else ""
        rows.append(
            row(
                view.words(one["label"]), view.words(one["here"]), view.words(one["reference"]), view.plain(one["statistic"], 2),
                view.p_value(one["adjusted"]) + mark,
            )
        )  # fmt: skip
    return Table(name, columns, tuple(rows))


def _left_out(left_out: Node) -> Printed:
    """What was not compared, by the reason."""
    by: dict[str, list[Node]] = {}
    for one in left_out:
        by.setdefault(one["reason"].text, []).append(one)
    return joined(
        (
            joined((view.words(one["label"]) for one in alike), ", ") + ": " + view.words(alike[0]["reason"])
            for alike in by.values()
        ),
        "; ",
    )


def _apart(groups: Node) -> Printed:
    told = (
        printed(GROUPS[one["group"].text].lower() + " ", one["group"].address) + view.p_value(one["adjusted"])
        for one in groups
    )
    return joined(told, ", ")


def _chart(chart: Node, name: str) -> Figure:
    points = [(p["when"].text, p["upper"].value, p["lower"].value) for p in chart["points"]]
    alarm = chart["alarm"].text
    said = f"CUSUM of the output by {chart['order_by'].text}: " + (f"alarm at {alarm}." if alarm else "no alarm.")
    return cusum_chart(name, points, decision=float(chart["decision"].value), alarm=alarm, description=said)


def _inputs(charts: Node, name: str) -> Table:
    columns = (
        Column("Over time", width=34), Column("Last step", width=14), Column("Last sum above", numeric=True, width=18),
        Column("Last sum below", numeric=True, width=18), Column("Alarm", width=18),
    )  # fmt: skip
    rows = []
    for chart in charts:
        points = list(chart["points"])
        alarm = view.words(chart["alarm"], "none")
        rows.append(
            row(
                view.words(chart["label"]), view.words(points[-1]["when"]), view.plain(points[-1]["upper"], 1),
                view.plain(points[-1]["lower"], 1), alarm,
            )
        )  # fmt: skip
    return Table(name, columns, tuple(rows))


def _since(study: Study, since: Node, name: str) -> Table:
    columns = (Column("Endpoint", width=40), Column("Now less accepted", width=40), Column("So", width=20))
    rows = []
    for one in since:
        found = study.sealed.estimate(one["estimate"])
        unit = found["unit"].text.removesuffix("_difference")
        told = view.words(found["reason"], "not compared")
        if found["interval"]:
            told = view.signed(found["value"], unit) + " (" + view.limits_signed(found["interval"], unit) + ")"
        rows.append(
            row(
                printed(study.endpoint_title(one["endpoint"].text), one["label"].address),
                told,
                view.choice(one["conclusion"], SO),
            )
        )
    return Table(name, columns, tuple(rows))
