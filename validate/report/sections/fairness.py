"""R16: whether every group of patients is served alike, by gaps against a reference group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import view
from validate.report.adjusted import adjusted_table, weighted_table
from validate.report.figures.canvas import Figure
from validate.report.figures.heat_map import Cell, heat_map
from validate.report.gap_forest import CONCLUSIONS, Gap, gap_forest
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row
from validate.report.table import Row as TableRow

MOST_DOWN, MOST_ACROSS = 12, 7  # rows and columns of a heat map
NAMES = (
    ("demographic_parity_difference", "Demographic parity (share flagged)"),
    ("equal_opportunity_difference", "Equal opportunity ({sensitivity})"),
    ("equalized_odds_difference", "Equalised odds"),
)


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("fairness")
    if not findings:
        return Missing(
            "an analysis of gaps between groups of patients (analyses: fairness)"
            + ("; the estimates by group stand in R14" if study.protocol["strata"] else ""),
            "whoever writes the protocol, before the lock",
        )
    return {"models": [_model(study, finding, several=len(findings) > 1) for finding in findings]}


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    data, key = finding["data"], study.key(finding["model"].text)
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "rationale": view.words(data["rationale"], ""),
        "endpoints": [_endpoint(study, entry, f"{key}-{place}") for place, entry in enumerate(data["endpoints"])],
        "missing": _missing(data, f"missing-groups-{key}"),
        "names": _names(study, data["names"], f"names-{key}") if data["names"] else None,
        "under": _under(study, data["under_diagnosis"], f"under-{key}") if data["under_diagnosis"] else None,
        "adjusted": adjusted_table(study, data["adjusted"], f"adjusted-{key}", title="Group", against=True)
        if data["adjusted"]
        else None,
        "weighted": weighted_table(study, data["weighted"], f"weighted-{key}", title="Group", against=True)
        if data["weighted"]
        else None,
        "crossings": [
            _crossing(study, one, f"crossing-{key}-{place}") for place, one in enumerate(data["intersections"])
        ],
    }


def _endpoint(study: Study, entry: Node, key: str) -> Mapping[str, Any]:
    return {
        "label": printed(study.endpoint_title(entry["endpoint"].text), entry["label"].address),
        "margin": "± " + view.goal_value(entry["margin"], f"{entry['unit'].text}_difference")
        if entry["margin"].value is not None
        else Printed(),
        "figures": _figure(study, entry, f"gaps-{key}"),
        "table": _table(study, entry, f"gap-table-{key}"),
        "bounds": _bounds(entry, f"bounds-{key}") if entry["missing"] else None,
        "sharp": bool(entry["missing"]) and entry["missing"][0]["sharp"].value is True,
    }


def _figure(study: Study, entry: Node, name: str) -> list[Figure]:
    blocks = []
    for attribute in dict.fromkeys(group["attribute"].text for group in entry["groups"]):
        mine = [group for group in entry["groups"] if group["attribute"].text == attribute]
        head = printed(f"{attribute_words(attribute).capitalize()}, against ") + view.words(mine[0]["against"])
        gaps = [Gap(view.words(g["level"]), study.sealed.estimate(g["difference"]), g["conclusion"].text) for g in mine]
        blocks.append((head, gaps))
    title = f"{study.endpoint_title(entry['endpoint'].text)}: groups against their reference"
    return gap_forest(name, blocks, unit=entry["unit"].text, margin=entry["margin"].value, title=title)


def _table(study: Study, entry: Node, name: str) -> Table:
    points = " (points)" if entry["unit"].text == "proportion" else ""
    columns = (
        Column("Group", width=13), Column("Estimate", width=11), Column("Reference", width=12),
        Column(f"Difference{points}", width=25), Column("Ratio", width=20), Column("So", width=19),
    )  # fmt: skip
    rows: list[TableRow] = []
    unit = entry["unit"].text
    gaps = {gap["attribute"].text: gap for gap in entry["gaps"]}
    for attribute in dict.fromkeys(group["attribute"].text for group in entry["groups"]):
        mine = [group for group in entry["groups"] if group["attribute"].text == attribute]
        head = printed(f"{attribute_words(attribute).capitalize()}, against ") + view.words(mine[0]["against"])
        if attribute in gaps:
            head += printed(" · largest less smallest ") + view.signed(gaps[attribute]["value"], unit)
        rows.append(row(head, kind="head"))
        for group in mine:
            estimate, reference = (study.sealed.estimate(group[one]) for one in ("estimate", "reference_estimate"))
            difference, ratio = (study.sealed.estimate(group[one]) for one in ("difference", "ratio"))
            said = printed(CONCLUSIONS[group["conclusion"].text], group["conclusion"].address)
            rows.append(
                row(
                    view.words(group["level"]), view.value_only(estimate), view.value_only(reference),
                    _difference(difference, unit), view.estimate(ratio), said, kind="" if difference["interval"] else "faint",
                )
            )  # fmt: skip
    return Table(name, columns, tuple(rows))


def _difference(found: Node, unit: str) -> Printed:
    if found["value"].value is None or not found["interval"]:
        return view.words(found["reason"], "not compared")
    interval = found["interval"]
    return view.signed(found["value"], unit) + " (" + view.limits_signed(interval, unit) + ")"


def _bounds(entry: Node, name: str) -> Table:
    points = " (points)" if entry["unit"].text == "proportion" else ""
    columns = (
        Column("Group", width=30), Column(f"Difference as it is{points}", width=30), Column("At least", numeric=True, width=20),
        Column("At most", numeric=True, width=20),
    )  # fmt: skip
    unit = entry["unit"].text
    rows = tuple(
        row(
            printed(attribute_words(one["attribute"].text) + " ", one["attribute"].address) + view.words(one["level"]),
            *(view.signed(one[key], unit) for key in ("difference", "low", "high")),
        )
        for one in entry["missing"]
    )
    return Table(name, columns, rows)


def _missing(data: Node, name: str) -> Table:
    columns = (Column("Attribute", width=34), Column("Reference group", width=33), Column("Not known", width=33))
    rows = tuple(
        row(
            view.words(one["label"]), view.words(one["reference"], "none"),
            view.count(one["missing"], "row") + ", " + view.count(one["missing_patients"], "patient")
            + " (" + view.share(one["missing_share"], 1) + ")",
        )
        for one in data["attributes"]
    )  # fmt: skip
    return Table(name, columns, rows)


def _names(study: Study, names: Node, name: str) -> Table:
    columns = (
        Column("By the names people know", width=40),
        *(Column(attribute_words(one["attribute"].text)) for one in names),
    )
    rows = tuple(
        row(
            words.format(sensitivity=study.standard.sensitivity),
            *(view.number(one[key], "proportion", absent="a group has no such case") for one in names),
        )
        for key, words in NAMES
    )
    return Table(name, columns, rows)


def _under(study: Study, under: Node, name: str) -> Table:
    columns = (Column("Group", width=40), Column(study.standard.missed_of, width=60))
    rows: list[TableRow] = []
    for one in under:
        rows.append(
            row(printed(attribute_words(one["attribute"].text).capitalize(), one["attribute"].address), kind="head")
        )
        for level in one["levels"]:
            counted = view.count(level["missed"]) + " of " + view.count(level["positives"])
            share = " (" + view.share(level["share"], 1) + ")" if level["share"].value is not None else ""
            rows.append(row(view.words(level["level"]), counted + share))
    return Table(name, columns, tuple(rows))


def _crossing(study: Study, crossing: Node, name: str) -> Mapping[str, Any]:
    title = joined((attribute_words(one.text) for one in crossing["attributes"]), " × ")
    columns = (
        Column("Group", width=34), Column("Patients", numeric=True, width=14), Column("Share (limits)", width=30),
        Column("Drawn towards the mean", numeric=True, width=22),
    )  # fmt: skip
    rows = []
    for cell in crossing["cells"]:
        levels = joined((view.words(level) for level in cell["levels"]), ", ")
        if cell["value"].value is None:
            rows.append(row(levels, view.count(cell["patients"]), view.words(cell["why_greyed"]), "–", kind="faint"))
            continue
        found = view.number(cell["value"], "proportion") + " (" + view.limits(cell, "proportion") + ")"
        drawn = view.number(cell["shrunken"], "proportion", absent="–")
        rows.append(row(levels, view.count(cell["patients"]), found, drawn, kind="faint" if cell["why_greyed"] else ""))
    return {
        "title": study.endpoint_words(crossing["endpoint"].text) + ", " + title,
        "table": Table(name, columns, tuple(rows)),
        "map": _map(study, crossing, name),
    }


def _map(study: Study, crossing: Node, name: str) -> Figure | None:
    """The shares of a crossing, darker the higher; None where they would not fit a page."""
    found = {tuple(level.text for level in cell["levels"]): cell for cell in crossing["cells"]}
    names = [
        {cell["levels"][side].text: view.words(cell["levels"][side]) for cell in crossing["cells"]} for side in (0, 1)
    ]
    down, across = (list(one) for one in names)
    if not found or len(down) > MOST_DOWN or len(across) > MOST_ACROSS:
        return None
    cells = [[_cell(found.get((one, two))) for two in across] for one in down]
    words = [attribute_words(one.text) for one in crossing["attributes"]]
    title = f"{study.endpoint_title(crossing['endpoint'].text)} by {words[0]} and {words[1]}"
    spoken = "; ".join(f"{', '.join(levels)}: {_cell(cell).words}" for levels, cell in found.items())
    return heat_map(
        f"map-{name}", list(names[0].values()), list(names[1].values()), cells, down=sentence_case(words[0]),
        across=sentence_case(words[1]), title=title, description=f"{title}. {spoken}.",
    )  # fmt: skip


def _cell(cell: Node | None) -> Cell:
    if cell is None or cell["value"].value is None or cell["why_greyed"]:
        return Cell(None, "too few" if cell is not None else "nobody")
    return Cell(float(cell["value"].value), view.number(cell["value"], "proportion"), view.limits(cell, "proportion"))


SECTION = Section(
    id="R16", title="Fairness", question="Does it serve every group of patients alike?",
    template="sections/fairness.html.j2", content=content, rank={"acceptance": 40, "comparison": 50},
)  # fmt: skip
