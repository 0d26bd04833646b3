"""For R08: the strata that the images themselves propose, and which groups of patients were imaged where (cohort/strata.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.heat_map import Cell, heat_map
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.table import Column, Row, Table, row

MOST_ROWS = 30
MOST_LEVELS = 8
NBSP = "\u00a0"


def acquisition_strata(notes: Node) -> Mapping[str, Any] | None:
    """{"proposed": Table, "where": Table, "bound": Figure | None, "single": [Printed]}, or None where no headers were read.

    notes : `strata` of flow.json
    """
    if not notes:
        return None
    confounding = notes["confounding"]
    return {
        "proposed": _proposed(notes["proposed"]),
        "where": _where(confounding),
        "bound": _bound(confounding["pairs"]),
        "single": [
            view.share(single["share"], 0)
            + f" of the images of {_name(pair['group'])} "
            + view.words(single["level"])
            + f" come from {_name(pair['by'])} "
            + view.words(single["on"])
            for pair in confounding["pairs"]
            for single in pair["single"]
        ],
        "left": len(confounding["rows"]) > MOST_ROWS,
    }


NAMES = {"kvp_band": "tube voltage", "model_raw": "model, as in the header"}


def _name(node: Node) -> str:
    return NAMES.get(node.text, attribute_words(node.text))


def _proposed(proposals: Node) -> Table:
    columns = (
        Column("Attribute", width=20), Column("Levels, with their number of images", width=46),
        Column("Missing", numeric=True, width=10), Column("As a stratum", width=24),
    )  # fmt: skip
    rows: list[Row] = []
    for one in proposals:
        levels = list(one["levels"].items())
        told = joined(
            (printed(name, count.name_address) + NBSP + view.count(count) for name, count in levels[:MOST_LEVELS]),
            " · ",
        )
        more = ", and " + view.more(one["levels"], MOST_LEVELS) + " more" if len(levels) > MOST_LEVELS else ""
        use = printed("proposed", one["use"].address) if one["use"].value else printed("no: ") + view.words(one["why"])
        name = printed(sentence_case(_name(one["attribute"])), one["attribute"].address)
        rows.append(row(name, told + more, view.count(one["missing"]), use, kind="" if one["use"].value else "faint"))
    return Table("strata-proposed", columns, tuple(rows))


def _where(confounding: Node) -> Table:
    names = list(confounding["columns"])
    columns = (*(Column(sentence_case(_name(name))) for name in names), Column("Images", numeric=True, width=10))
    rows = [
        row(*(view.words(cell) for cell in list(line)[:-1]), view.count(line[len(line) - 1]))
        for line in list(confounding["rows"])[:MOST_ROWS]
    ]
    return Table("imaged-where", columns, tuple(rows))


def _bound(pairs: Node) -> Figure | None:
    """How closely each group goes with maker, model and site; where both have one level, nothing is told."""
    table = {(pair["group"].text, pair["by"].text): pair["cramers_v"] for pair in pairs}
    groups, places = (list(dict.fromkeys(key[at] for key in table)) for at in (0, 1))
    if not any(isinstance(node.value, int | float) for node in table.values()):
        return None
    cells = [[_cell(table.get((group, place))) for place in places] for group in groups]
    down, across = ([sentence_case(attribute_words(name)) for name in names] for names in (groups, places))
    spoken = "; ".join(
        f"{group} and {place}: {cell.words}"
        for group, line in zip(down, cells, strict=True)
        for place, cell in zip(across, line, strict=True)
    )
    title = "How closely groups of patients go with scanners and sites"
    return heat_map(
        "imaged-where-bound", down, across, cells, down="Group", across="Cramér's V with", title=title,
        description=f"{title}, by Cramér's V. {spoken}.",
    )  # fmt: skip


def _cell(strength: Node | None) -> Cell:
    if strength is None or not isinstance(strength.value, int | float):
        return Cell(None, Printed() + "one level")
    return Cell(float(strength.value), view.plain(strength, 2))
