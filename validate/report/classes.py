"""Every class, finding or step by itself, and the table of reference against answer, as section R13 shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import sentence_case
from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.confusion_matrix import confusion_matrix
from validate.report.figures.roc import Curve, roc
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

MOST_CURVES = 5
MOST_MEASURES = 4  # columns of the table by target that fit a page
EACH = {"multiclass": "Each class against the rest", "ordinal": "Each step of the scale", "multilabel": "Each finding"}


def by_target(study: Study) -> list[Mapping[str, Any]]:
    """One entry for each model; none in a study of one question."""
    findings = study.sealed.all_findings("targets")
    return [_model(study, finding, several=len(findings) > 1) for finding in findings]


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    data, key = finding["data"], study.key(finding["model"].text)
    drawn = [target for target in data["targets"] if target["roc"]]
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "task": data["task"].text,
        "heading": EACH.get(data["task"].text, "Each by itself"),
        "table": _table(study, data["targets"], key),
        "roc": _roc(study, drawn[:MOST_CURVES], f"roc-each-{key}") if drawn else None,
        "more_curves": len(drawn) > MOST_CURVES,
        "matrix": _matrix(study, data["table"], key) if data["table"] else None,
        "unanswered": _unanswered(data["table"]) if data["table"] else False,
        "steps": _steps(study, data["steps"], key) if data["steps"] else None,
    }


def _table(study: Study, targets: Node, key: str) -> Table:
    """A row for each target, a column for each measure that several of them have."""
    measures = list(dict.fromkeys(e["metric"].text for target in targets for e in target["endpoints"]))[:MOST_MEASURES]
    width = (100 - 20 - 20) // max(len(measures), 1)
    columns = (
        Column("Finding or class", width=20), Column("With it", numeric=True, width=8), Column("Labelled", numeric=True, width=12),
        *(Column(study.measure(name), width=width) for name in measures),
    )  # fmt: skip
    rows = []
    for target in targets:
        found = {e["metric"].text: e["estimate"] for e in target["endpoints"]}
        cells = [
            view.estimate(study.sealed.estimate(found[name])) if name in found else printed("–") for name in measures
        ]
        name = view.words(target["words"]) + (" (headline)" if target["headline"].value is True else "")
        rows.append(row(name, view.count(target["positives"]), view.count(target["labelled"]), *cells))
    return Table(f"targets-{key}", columns, tuple(rows))


def _roc(study: Study, targets: list[Node], name: str) -> Figure:
    curves = []
    for target in targets:
        auroc = study.sealed.estimate(target["roc"]["auroc"]) if target["roc"]["auroc"] else None
        label = view.words(target["words"])
        if auroc:
            label = label + ": area " + view.value_only(auroc)
        curves.append(Curve(label=label, points=[(x, y) for x, y in target["roc"]["points"].value]))
    spoken, words = "; ".join(str(curve.label) for curve in curves), study.standard
    return roc(
        name,
        curves,
        x_title=f"1 − {words.specificity}",
        y_title=sentence_case(words.sensitivity),
        description=f"ROC curve of each. {spoken}.",
    )


def _unanswered(table: Node) -> bool:
    return any(line[len(line) - 1].value for line in table["cells"])


def _matrix(study: Study, table: Node, key: str) -> Figure:
    names = [printed(one.text.replace("_", " "), one.address) for one in table["classes"]]
    silent = _unanswered(table)
    cells = [
        [(int(cell.value), view.count(cell)) for cell in (list(line) if silent else list(line)[:-1])]
        for line in table["cells"]
    ]
    lines = "; ".join(
        f"{name}: "
        + ", ".join(f"{count} as {other}" for (count, _), other in zip(line, [*names, "no answer"], strict=False))
        for name, line in zip(names, cells, strict=True)
    )
    standard = "Comparator" if study.comparator else "Reference"
    return confusion_matrix(
        f"matrix-{key}", names, [*names, *(["none"] if silent else [])], cells,
        down=standard, across="Answer of the model", description=f"{standard} down, answer across. {lines}.",
    )  # fmt: skip


def _steps(study: Study, steps: Node, key: str) -> Table:
    columns = (
        Column("Answer against reference", width=60),
        Column(f"{study.units.capitalize()}", numeric=True, width=40),
    )
    rows = tuple(
        row(_off(step["off"]), view.count(step["cases"]))
        for step in steps
        if step["cases"].value or not step["off"].value
    )
    return Table(f"steps-{key}", columns, rows)


def _off(node: Node) -> Printed:
    off = int(node.value)
    if off == 0:
        return printed("the same grade", node.address)
    return printed(
        f"{abs(off)} {'grade' if abs(off) == 1 else 'grades'} too {'high' if off > 0 else 'low'}", node.address
    )
