"""The gallery of errors: the surest missed findings and false alarms, grouped by cause, with images where they are allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.casewise.pictures import FOLDER
from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.outline import outline
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row

FAR, NEAR, UNSAID = "By a score far from the threshold", "By a score near the threshold", "The surest first"


def galleries(study: Study) -> list[Mapping[str, Any]]:
    """One for each model whose errors are in the evidence."""
    findings = study.sealed.all_findings("errors")
    return [_gallery(study, finding, several=len(findings) > 1) for finding in findings]


def _gallery(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    key = study.key(finding["model"].text)
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "cause": attribute_words(finding["data"]["cause"].text) if finding["data"]["cause"] else "",
        "sides": [_side(study, finding, side, key) for side in finding["data"]["sides"] if side["worst"]],
    }


def _side(study: Study, finding: Node, side: Node, key: str) -> Mapping[str, Any]:
    name = side["side"].text
    groups: dict[str, list[Node]] = {}
    for one in side["worst"]:
        groups.setdefault(_cause(one), []).append(one)
    return {
        "title": {"missed": study.standard.missed, "false_alarm": study.standard.false_alarms}.get(name, name),
        "causes": _causes(study, side, f"causes-{name}-{key}") if side["causes"] else None,
        "table": _table(side, groups, f"{name}-{key}"),
        "groups": [
            {"cause": cause, "pictures": shown}
            for cause, cases in groups.items()
            if (shown := [p for one in cases if (p := _picture(study, finding, one, f"{name}-{key}")) is not None])
        ],
    }


def _cause(one: Node) -> str:
    if one["cause"]:
        return sentence_case(one["cause"].text)
    return {True: FAR, False: NEAR}.get(one["confident"].value, UNSAID)


def _causes(study: Study, side: Node, name: str) -> Table:
    columns = (
        Column("Cause", width=60), Column(study.units.capitalize(), numeric=True), Column("Patients", numeric=True),
    )  # fmt: skip
    rows = tuple(
        row(view.words(one["cause"]), view.count(one["rows"]), view.count(one["patients"])) for one in side["causes"]
    )
    return Table(name, columns, rows)


def _table(side: Node, groups: Mapping[str, list[Node]], name: str) -> Table:
    attributes = [key for key, _ in next(iter(side["worst"]))["levels"].items()]
    columns = (
        Column("Case", width=24), Column("Score", numeric=True, width=12),
        *(Column(sentence_case(attribute_words(one))) for one in attributes),
    )  # fmt: skip
    rows: list[Row] = []
    for cause, cases in groups.items():
        rows.append(row(cause, kind="head"))
        rows += [
            row(
                view.words(one["case"]), view.number(one["score"]),
                *(view.words(one["levels"][attribute], "missing") for attribute in attributes),
            )
            for one in cases
        ]  # fmt: skip
    return Table(f"worst-{name}", columns, tuple(rows))


def _picture(study: Study, finding: Node, one: Node, key: str) -> Mapping[str, Any] | None:
    """As a display would show it, where the run folder holds it."""
    path = study.sealed.folder / FOLDER / finding["model"].text / f"{one['case'].text}.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    levels = joined((view.words(level) for _, level in one["levels"].items() if level), ", ")
    figure: Figure = outline(
        f"error-{key}-{one.path[-1]}", found,
        description=f"Image of case {one['case'].text}, scored {view.number(one['score'])}.",
    )  # fmt: skip
    return {
        "figure": figure,
        "case": view.words(one["case"]),
        "said": printed("score ") + view.number(one["score"]) + ("; " + levels if levels else ""),
        "window": printed("window: ")
        + printed(found["window"], f"{path.relative_to(study.sealed.folder).as_posix()}#/window")
        if isinstance(found["window"], str)
        else "",
    }
