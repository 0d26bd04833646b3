"""Differences as they are and with the same mix put to both sides, as sections R16 and R17 show them."""

from __future__ import annotations

from validate.analyses.wording import attribute_words
from validate.report import view
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row


def adjusted_table(study: Study, adjusted: Node, name: str, *, title: str, against: bool) -> Table:
    """Title : of the first column      against : whether each row names what its level is held against"""
    columns = (
        Column(title, width=30), Column("As it is", numeric=True, width=18),
        Column("Standardised (limits)", width=30), Column("Rows covered", numeric=True, width=22),
    )  # fmt: skip
    rows: list[Row] = []
    for endpoint in dict.fromkeys(one["endpoint"].text for one in adjusted):
        mine = [one for one in adjusted if one["endpoint"].text == endpoint]
        over = joined((attribute_words(c.text) for c in mine[0]["covariates"]), " × ")
        unit = _unit(study, endpoint)
        rows.append(row(study.endpoint_words(endpoint) + f"{_points(unit)}, same mix of " + over, kind="head"))
        rows += [_row(one, unit, against=against) for one in mine]
    return Table(name, columns, tuple(rows))


def _row(one: Node, unit: str, *, against: bool) -> Row:
    raw = view.signed(one["raw"], unit) if one["raw"].value is not None else printed("–")
    if one["value"].value is None:
        covered = view.share(one["covered"], 0) if one["against"].text else printed("–")
        return row(_level(one, against=against), raw, view.words(one["reason"]), covered)
    found = view.difference(one, unit) + (" (too few for limits)" if one["low"].value is None else "")
    return row(_level(one, against=against), raw, found, view.share(one["covered"], 0))


def _level(one: Node, *, against: bool) -> Printed:
    """Of the first column; what is adjusted of no level is held against nothing."""
    level = view.words(one["level"])
    return level + (", against " + view.words(one["against"])) if against and one["against"].text else level


def _unit(study: Study, endpoint: str) -> str:
    metric = study.metric(study.endpoint(endpoint)["metric"].text)
    return metric.unit if metric is not None else "index"


def _points(unit: str) -> str:
    return " (points)" if unit == "proportion" else ""


def weighted_table(study: Study, weighted: Node, name: str, *, title: str, against: bool) -> Table:
    """The same by inverse-probability weights; the AUROC too."""
    columns = (
        Column(title, width=30), Column("As it is", numeric=True, width=18), Column("Weighted (limits)", width=30),
        Column("Worth, rows", numeric=True, width=22),
    )  # fmt: skip
    rows: list[Row] = []
    for endpoint in dict.fromkeys(one["endpoint"].text for one in weighted):
        unit = _unit(study, endpoint)
        mine = [one for one in weighted if one["endpoint"].text == endpoint]
        over = joined((attribute_words(name.text) for name in mine[0]["covariates"]), ", ")
        rows.append(row(printed(f"{study.endpoint_title(endpoint)}{_points(unit)}, weighted by ") + over, kind="head"))
        for one in mine:
            raw = view.signed(one["raw"], unit) if one["raw"].value is not None else printed("–")
            told = view.words(one["reason"], "–") if one["low"].value is None else view.difference(one, unit)
            rows.append(row(_level(one, against=against), raw, told, view.plain(one["effective"], 0)))
    return Table(name, columns, tuple(rows))
