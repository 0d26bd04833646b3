"""Disturbed images as section R17 shows them: curves by severity, what holds and what breaks, whose answer flips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.degradation import Panel, Point, degradation
from validate.report.figures.strata_curves import MOST, GroupPanel, strata_curves
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

MOST_PANELS = 12  # of one figure: what fits on a page with its caption
PICTURES = "pictures/robustness"


def disturbed(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    """Everything of one model."""
    data, key = finding["data"], study.key(finding["model"].text)
    shown = {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "endpoints": [],
        "validity": None,
        "flips": None,
        "strata": [],
    }
    if finding["status"].text != "ok":
        return shown
    places = range(max((len(cause["endpoints"]) for cause in data["causes"]), default=0))
    return {
        **shown,
        "rationale": view.words(data["rationale"], ""),
        "endpoints": [_endpoint(study, data, place, f"{key}-{place}") for place in places],
        "validity": _validity(data["causes"], f"validity-{key}"),
        "flips": _flips(data, f"flips-{key}"),
        "strata": [table for place in places for table in _strata(study, data, place, f"{key}-{place}")],
    }


def _endpoint(study: Study, data: Node, place: int, key: str) -> Mapping[str, Any]:
    first = data["causes"][0]["endpoints"][place]
    unit = first["unit"].text
    tolerance = first["tolerance"]
    return {
        "label": printed(study.endpoint_title(first["endpoint"].text), first["label"].address),
        "tolerance": view.goal_value(tolerance, f"{unit}_difference"),
        "figures": list(_figures(study, data, place, key)),
        "table": _table(study, data, place, f"drops-{key}"),
    }


def _figures(study: Study, data: Node, place: int, key: str) -> Iterator[Figure]:
    causes = list(data["causes"])
    first = causes[0]["endpoints"][place]
    title = f"{study.endpoint_title(first['endpoint'].text)} under disturbed images"
    metric = study.metric(study.endpoint(first["endpoint"].text)["metric"].text)
    for number, start in enumerate(range(0, len(causes), MOST_PANELS), start=1):
        part = causes[start : start + MOST_PANELS]
        panels = [_panel(study, cause, cause["endpoints"][place]) for cause in part]
        spoken = "; ".join(f"{panel.title}: {panel.said}" for panel in panels)
        yield degradation(
            f"degradation-{key}-{number}", panels, percent=first["unit"].text == "proportion", tolerance=first["tolerance"].value,
            lower_is_better=metric is not None and metric.better == "lower", title=title, description=f"{title}. {spoken}.",
        )  # fmt: skip


def _panel(study: Study, cause: Node, endpoint: Node) -> Panel:
    clean = study.sealed.estimate(endpoint["clean"])
    points = [Point(0, clean["value"].value, clean["interval"]["low"].value, clean["interval"]["high"].value)]
    for one in endpoint["points"]:
        found = study.sealed.estimate(one["estimate"])
        interval = found["interval"]
        points.append(
            Point(int(one["severity"].value), found["value"].value, interval["low"].value, interval["high"].value, one["state"].text)
        )  # fmt: skip
    return Panel(view.words(cause["title"]), _told(endpoint), points, _pictures(study, cause))


def _told(endpoint: Node) -> Printed:
    """As in "holds up to 3, breaks at 5", each number with its address."""
    held, broken = endpoint["holds_up_to"], endpoint["breaks_at"]
    if held.value is None:
        return printed("no tolerance", held.address)
    told = (
        "holds up to " + printed(str(held.value), held.address)
        if held.value
        else printed("does not hold", held.address)
    )
    return told + (", breaks at " + printed(str(broken.value), broken.address) if broken.value else "")


def _pictures(study: Study, cause: Node) -> list[Any]:
    path = study.sealed.folder / PICTURES / f"{cause['cause'].text}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["pictures"]) if path.is_file() else []


def _table(study: Study, data: Node, place: int, name: str) -> Table:
    unit = data["causes"][0]["endpoints"][place]["unit"].text
    points = " (points)" if unit == "proportion" else ""
    columns = (
        Column("Severity", width=26), Column("Measure", width=18), Column(f"Drop{points}", width=26),
        Column("So", width=12), Column("Answers flipped", numeric=True, width=18),
    )  # fmt: skip
    rows: list[Row] = []
    for cause in data["causes"]:
        endpoint = cause["endpoints"][place]
        head = view.words(cause["title"]) + " · " + _told(endpoint)
        area = study.sealed.estimate(endpoint["area"])
        if area["value"].value is not None:
            head += printed(" · mean over the curve ") + view.value_only(area)
        rows.append(row(head, kind="head"))
        for one, step in zip(endpoint["points"], cause["steps"], strict=True):
            found, drop = study.sealed.estimate(one["estimate"]), study.sealed.estimate(one["drop"])
            rows.append(
                row(
                    view.words(one["severity"]) + ": " + _strength(cause, step), view.value_only(found), _drop(drop, unit),
                    view.words(one["state"], "–"), _flipped(step["flips"]),
                    kind="" if drop["interval"] else "faint",
                )
            )  # fmt: skip
    return Table(name, columns, tuple(rows))


def _strength(cause: Node, step: Node) -> Printed:
    value = step["options"][cause["strength"].text]
    said = printed(f"{value.value:.3g}", value.address) if isinstance(value.value, float) else view.words(value)
    return said + (f" {cause['unit'].text}" if cause["unit"] else "")


def _drop(drop: Node, unit: str) -> Printed:
    if drop["value"].value is None or not drop["interval"]:
        return view.words(drop["reason"], "not compared")
    return view.signed(drop["value"], unit) + " (" + view.limits_signed(drop["interval"], unit) + ")"


def _brief(drop: Node, unit: str) -> Printed:
    """As `_drop`, for a table that gives its reasons below."""
    if drop["interval"] or not drop["reason"]:
        return _drop(drop, unit)
    if drop["value"].value is None:
        return printed("not compared", drop["status"].address)
    return view.signed(drop["value"], unit) + " (" + printed("no limits", drop["status"].address) + ")"


def _flipped(flips: Node) -> Printed:
    if not flips:
        return printed("–")
    return view.count(flips["to_positive"]) + " to yes, " + view.count(flips["to_negative"]) + " to no"


def _validity(causes: Node, name: str) -> Table:
    columns = (
        Column("Cause", width=18),
        Column("Severities", width=36),
        Column("What it is, and what it leaves out", width=46),
    )
    rows = [
        row(
            view.words(cause["title"]),
            view.words(cause["anchor"]),
            view.words(cause["validity"]) + " " + view.words(cause["source"]) + ".",
        )
        for cause in causes
    ]
    return Table(name, columns, tuple(rows))


def _flips(data: Node, name: str) -> Mapping[str, Any] | None:
    if data["answered"].value is None:
        return None
    said = view.count(data["never_flipped"]) + " of " + view.count(data["answered"], "case")
    columns = (Column("Case", width=60), Column("Passes that change its answer", numeric=True, width=40))
    rows = [row(view.words(one["case"]), view.count(one["passes"])) for one in data["most_flipped"]]
    return {"said": said, "table": Table(name, columns, tuple(rows))}


def _strata(study: Study, data: Node, place: int, key: str) -> Iterator[Mapping[str, Any]]:
    """The drop in each level at each severity, where strata have curves of their own."""
    first = data["causes"][0]["endpoints"][place]
    if not first["strata"]:
        return
    unit = first["unit"].text
    severities = [view.words(point["severity"]) for point in first["points"]]
    columns = (Column("Drop in each group", width=25), *(Column("Severity " + severity) for severity in severities))
    rows: list[Row] = []
    without: dict[str, tuple[Printed, list[Printed]]] = {}  # each reason once, with the cells that it holds for
    for cause in data["causes"]:
        rows.append(row(view.words(cause["title"]), kind="head"))
        for one in cause["endpoints"][place]["strata"]:
            drops = [study.sealed.estimate(point["drop"]) for point in one["points"]]
            for point, drop in zip(one["points"], drops, strict=True):
                if drop["reason"] and not drop["interval"]:
                    where = (
                        view.words(cause["title"])
                        + ", "
                        + view.words(one["level"])
                        + ", severity "
                        + view.words(point["severity"])
                    )
                    without.setdefault(drop["reason"].text, (view.words(drop["reason"]), []))[1].append(where)
            cells = [_brief(drop, unit) for drop in drops]
            cells += [printed("–")] * (len(severities) - len(cells))
            rows.append(row(view.words(one["level"]), *cells[: len(severities)]))
    label = printed(study.endpoint_title(first["endpoint"].text), first["label"].address)
    over = joined((view.words(name) for name in data["attributes"]), ", ")
    yield {
        "label": label + printed(", by ") + over,
        "figures": list(_group_figures(study, data, place, key)),
        "table": Table(f"strata-drops-{key}", columns, tuple(rows)),
        "without": [joined(places, "; ") + ": " + why for why, places in without.values()],
    }


def _group_figures(study: Study, data: Node, place: int, key: str) -> Iterator[Figure]:
    """For each attribute, a panel a cause with a line for each of its groups; groups beyond MOST are in the table alone."""
    causes = list(data["causes"])
    first = causes[0]["endpoints"][place]
    for attribute in data["attributes"]:
        mine = [one for one in first["strata"] if one["attribute"].text == attribute.text]
        groups = {one["level"].text: view.words(one["level"]) for one in mine[:MOST]}
        title = f"{study.endpoint_title(first['endpoint'].text)} under disturbed images, by {attribute.text}"
        for number, start in enumerate(range(0, len(causes), MOST_PANELS), start=1):
            panels = [
                GroupPanel(view.words(cause["title"]), [_group_curve(study, cause["endpoints"][place], attribute.text, g) for g in groups])
                for cause in causes[start : start + MOST_PANELS]
            ]  # fmt: skip
            spoken = (
                f"{title}: {', '.join(groups)}, at each severity of {', '.join(str(panel.title) for panel in panels)}."
            )
            yield strata_curves(
                f"groups-{key}-{study.key(attribute.text)}-{number}", panels, list(groups.values()),
                percent=first["unit"].text == "proportion", title=title, description=spoken,
            )  # fmt: skip


def _group_curve(study: Study, endpoint: Node, attribute: str, level: str) -> list[tuple[int, float]]:
    found = next((o for o in endpoint["strata"] if o["attribute"].text == attribute and o["level"].text == level), None)
    if found is None:
        return []
    shown = [(0, found["clean"]), *((int(point["severity"].value), point["estimate"]) for point in found["points"])]
    values = [(severity, study.sealed.estimate(one)["value"].value) for severity, one in shown if one]
    return [(severity, value) for severity, value in values if value is not None]
