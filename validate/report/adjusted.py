"""Differences as they are and with the same mix put to both sides, as sections R16 and R17 show them."""

from __future__ import annotations

from validate.analyses.wording import attribute_words
from validate.report import view
from validate.report.printed import joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row


def adjusted_table(study: Study, adjusted: Node, name: str, *, title: str, against: bool) -> Table:
    """Title : of the first column      against : whether each row names what its level is held against"""
    columns = (
        Column(title, width=30), Column("As it is (points)", numeric=True, width=18),
        Column("Standardised (limits)", width=30), Column("Rows covered", numeric=True, width=22),
    )  # fmt: skip
    rows: list[Row] = []
    for endpoint in dict.fromkeys(one["endpoint"].text for one in adjusted):
        mine = [one for one in adjusted if one["endpoint"].text == endpoint]
        over = joined((attribute_words(c.text) for c in mine[0]["covariates"]), " × ")
        rows.append(row(printed(study.endpoint_title(endpoint) + ", same mix of ") + over, kind="head"))
        rows += [_row(one, against=against) for one in mine]
    return Table(name, columns, tuple(rows))


def _row(one: Node, *, against: bool) -> Row:
    level = view.words(one["level"]) + (", against " + view.words(one["against"]) if against else "")
    raw = view.signed(one["raw"], "proportion") if one["raw"].value is not None else printed("–")
    if one["value"].value is None:
        return row(level, raw, view.words(one["reason"]), view.share(one["covered"], 0))
    found = view.difference(one, "proportion") + (" (too few for limits)" if one["low"].value is None else "")
    return row(level, raw, found, view.share(one["covered"], 0))


def weighted_table(study: Study, weighted: Node, name: str, *, title: str, against: bool) -> Table:
    """The same by inverse-probability weights; the AUROC too."""
    columns = (
        Column(title, width=30), Column("As it is", numeric=True, width=18), Column("Weighted (limits)", width=30),
        Column("Worth, rows", numeric=True, width=22),
    )  # fmt: skip
    rows: list[Row] = []
    for endpoint in dict.fromkeys(one["endpoint"].text for one in weighted):
        metric = study.metric(study.endpoint(endpoint)["metric"].text)
        unit = metric.unit if metric is not None else "index"
        mine = [one for one in weighted if one["endpoint"].text == endpoint]
        over = joined((attribute_words(name.text) for name in mine[0]["covariates"]), ", ")
        points = " (points)" if unit == "proportion" else ""
        rows.append(row(printed(f"{study.endpoint_title(endpoint)}{points}, weighted by ") + over, kind="head"))
        for one in mine:
            raw = view.signed(one["raw"], unit) if one["raw"].value is not None else printed("–")
            told = view.words(one["reason"], "–") if one["low"].value is None else view.difference(one, unit)
            level = view.words(one["level"]) + (", against " + view.words(one["against"]) if against else "")
            rows.append(row(level, raw, told, view.plain(one["effective"], 0)))
    return Table(name, columns, tuple(rows))
