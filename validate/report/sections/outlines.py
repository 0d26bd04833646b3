"""R13 of a study of masks: every case of each structure, the worst of them, and how volumes agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from validate.analyses.wording import SIGNS
from validate.casewise.pictures import FOLDER
from validate.report import view
from validate.report.figures.bland_altman import Line, bland_altman
from validate.report.figures.outline import outline
from validate.report.figures.strip import Strip, strips
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.study import Study
from validate.report.table import Column, Table, row

BOUNDARIES = {
    "surfel": "a surface is made of elements between voxels, each weighted by its area (surfel, as in surface-distance)",
    "voxel": "a surface is made of the border voxels of a mask, each counted once (voxel)",
}
EMPTY_REFERENCE = {
    "exclude_and_report": "left out of overlap and distances, and counted apart",
    "agreement_if_both_empty": "counted as agreement where the prediction is empty too, and as the worst where it is not",
}
EMPTY_PREDICTION = {
    "worst_case": "the worst there is: 0, or for a distance the diagonal of the image",
    "exclude_and_report": "left out of what then has no value",
}
GRIDS = {
    "refuse": "a failure",
    "nearest": "brought to the reference's grid, each voxel centre with the value of the voxel it lies in",
}
UNITS = {"mm": "mm", "ml": "ml", "count": "number", "proportion": "%", "proportion_difference": "points"}


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("masks")
    if not findings:
        return Missing("the analysis of masks", "whoever runs the study: run it again with this version")
    return {
        "rules": _rules(study, findings[0]["data"]),
        "models": [_model(study, finding, several=len(findings) > 1) for finding in findings],
    }


def _rules(study: Study, data: Node) -> Table:
    rules = data["rules"]
    tolerances = joined(
        (view.words(one["words"]) + " " + view.words(one["tolerance"]) + " mm" for one in data["structures"]), ", "
    )
    block = study.protocol["segmentation"]["lesions"]
    rows = [
        row("Boundary", _said(BOUNDARIES, rules["boundary"])),
        row("Tolerance of the normalised surface Dice", tolerances),
        row("A reference without the structure", _said(EMPTY_REFERENCE, rules["empty_reference"])),
        row("An empty prediction", _said(EMPTY_PREDICTION, rules["empty_prediction"])),
        row("A prediction on another grid", _said(GRIDS, rules["grid"])),
    ]  # fmt: skip
    if block:
        side = "reaches" if block["inclusive"].value is True else "exceeds"
        words = printed(f"matched where {block['overlap'].text.upper()} {side} ") + view.words(block["threshold"])
        rows.append(row("Lesions", words + ", best overlap first; connectivity " + view.words(block["connectivity"])))
    return Table("mask-rules", (Column("Rule", width=34), Column("As locked")), tuple(rows))


def _said(words: Mapping[str, str], node: Node) -> Printed:
    return printed(words.get(node.text, node.text), node.address)


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    data, key = finding["data"], study.key(finding["model"].text)
    names = list(
        dict.fromkeys(one["measure"].text for structure in data["structures"] for one in structure["measures"])
    )
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "strips": [found for name in names if (found := _strips(data["structures"], name, key)) is not None],
        "counts": _counts(study, data["structures"], key),
        "sizes": [_sizes(study, one, key) for one in data["lesion_sizes"]] if data["lesion_sizes"] else [],
        "worst": _worst(data["worst"], key),
        "pictures": list(_pictures(study, finding, key)),
        "agreement": [_agreement(study, one, key) for one in data["agreement"]],
    }


def _strips(structures: Node, name: str, key: str) -> Mapping[str, Any] | None:
    """The drawing of one measure and the measure's name."""
    rows, title, unit = [], "", ""
    for structure in structures:
        found = next((one for one in structure["measures"] if one["measure"].text == name), None)
        if found is None or not found["axis"]:
            continue
        title, unit = found["title"].text, found["unit"].text
        axis = found["axis"].value
        rows.append(
            Strip(
                label=structure["words"].text,
                values=found["values"].value,
                counts=axis["counts"],
                low=axis["low"],
                high=axis["high"],
                below=axis["below"],
                above=axis["above"],
                quartiles=(found["lower_quartile"].value, found["median"].value, found["upper_quartile"].value),
                words=printed("median ") + view.number(found["median"], unit),
                more=view.count(found["cases"], "case") + _further_off(found["axis"]),
            )
        )
    if not rows:
        return None
    spoken = "; ".join(f"{one.label}: {one.words} of {one.more}" for one in rows)
    drawn = strips(
        f"cases-{name}-{key}", rows, title=f"{title} of every case", axis=_with_unit(title, unit), percent=unit == "proportion",
        description=f"{title}, a point for each case. {spoken}.",
    )  # fmt: skip
    return {"figure": drawn, "title": f"{title[:1].upper()}{title[1:]}"}


def _with_unit(title: str, unit: str) -> str:
    named = f"{title[:1].upper()}{title[1:]}"
    return f"{named} ({UNITS[unit]})" if unit in UNITS else named


def _counts(study: Study, structures: Node, key: str) -> Table:
    columns = (
        Column("Structure", width=28), Column(study.units.capitalize(), numeric=True), Column("Without an output", numeric=True),
        Column("Not in the reference", numeric=True), Column("In neither", numeric=True), Column("Not predicted", numeric=True),
    )  # fmt: skip
    rows = tuple(
        row(
            view.words(one["words"]), view.count(one["cases"]), view.count(one["failed"]),
            view.count(one["empty"]["reference"]), view.count(one["empty"]["both"]), view.count(one["empty"]["prediction"]),
        )
        for one in structures
    )  # fmt: skip
    return Table(f"mask-counts-{key}", columns, rows)


def _sizes(study: Study, structure: Node, key: str) -> Table:
    columns = (
        Column(f"Lesions of {structure['words'].text}, by size", width=34), Column("Lesions", numeric=True),
        Column("Found", numeric=True), Column(study.units.capitalize(), numeric=True), Column("Sensitivity (limits)", numeric=True),
    )  # fmt: skip
    rows = []
    for band in structure["bands"]:
        estimate = study.sealed.estimate(band["estimate"]) if band["estimate"] else None
        told = printed("not an endpoint") if estimate is None else view.estimate(estimate)
        counts = (view.count(band[name]) for name in ("lesions", "found", "cases"))
        rows.append(row(view.words(band["words"]), *counts, told))
    return Table(f"lesion-sizes-{structure['structure'].text}-{key}", columns, tuple(rows))


def _worst(worst: Node, key: str) -> Table:
    first = next(iter(worst), None)
    if first is None:
        return Table(f"worst-{key}", (Column("Case"),), ())
    shown = (first, *first["also"])
    width = min(14, 60 // len(shown))  # of a hundred; the rest is for whose case it is, and where
    columns = (
        Column("Case", width=24),
        Column("Where"),
        *(Column(_with_unit(one["title"].text, one["unit"].text), numeric=True, width=width) for one in shown),
    )
    rows = []
    for one in worst:
        levels = joined((view.words(level) for _, level in one["levels"].items()), ", ")
        said = levels + ("; no output" if one["failed"].value is True else "")
        cells = (_bare(other["value"], other["unit"].text) for other in one["also"])
        rows.append(row(view.words(one["case"]), said, _bare(one["value"], one["unit"].text), *cells))
    return Table(f"worst-{key}", columns, tuple(rows))


def _pictures(study: Study, finding: Node, key: str) -> Iterator[Mapping[str, Any]]:
    """Of the worst cases, those that the run folder holds a picture of."""
    for number, one in enumerate(finding["data"]["worst"], start=1):
        path = study.sealed.folder / FOLDER / finding["model"].text / f"{one['case'].text}.json"
        found = stored_picture(path)
        if found is None:
            continue
        place, told = place_and_window(found, path.relative_to(study.sealed.folder).as_posix())
        yield {
            "case": view.words(one["case"]),
            "where": place + ", " + told,
            "value": printed(one["title"].text + " ") + view.number(one["value"], one["unit"].text),
            "figure": outline(
                f"worst-{number}-{key}", found,
                description=f"Case {one['case'].text}, {place}: outlines of the reference and of the prediction.",
            ),
        }  # fmt: skip


def _further_off(axis: Node) -> Printed:
    """How many lie beyond either end of the axis."""
    sides = [view.count(axis[side]) for side in ("below", "above") if axis[side].value]
    return ", " + joined(sides, " and ") + " further off" if sides else Printed()


def stored_picture(path: Path) -> Mapping[str, Any] | None:
    """A picture of the run folder; None where there is none."""
    if not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def place_and_window(found: Mapping[str, Any], file: str) -> tuple[Printed, Printed]:
    """In words.    file : of the run folder, in which the picture lies"""
    picture = Node(file, (), found)
    low, high = (view.plain(end, 0) for end in picture["window"])
    return "slice " + view.words(picture["slice"]) + " of " + view.words(
        picture["slices"]
    ), "window " + low + " to " + high


def _bare(node: Node, unit: str) -> Printed:
    """Without the unit, which stands in the column's head."""
    text = str(view.number(node, unit, absent="–"))
    return printed(next((text.removesuffix(sign) for sign in SIGNS if text.endswith(sign)), text), node.address)


def _agreement(study: Study, found: Node, key: str) -> Mapping[str, Any]:
    unit, name = found["unit"].text, f"{found['measure'].text}-{found['structure'].text}-{key}"
    lines = []
    for which, label in (("bias", "mean"), ("low", ""), ("high", "")):
        estimate = study.sealed.estimate(found[which]) if found[which] else None
        interval = estimate["interval"] if estimate is not None else found[which]
        at = found["limits"][which]
        words = printed(f"{label} " if label else "") + view.number(at, unit)
        lines.append(Line(float(at.value), words, interval["low"].value, interval["high"].value))
    share = unit == "proportion_difference"
    measured = "Ejection fraction" if share else "Volume"
    axis = UNITS.get(unit, "")
    spoken = ", ".join(str(line.words) for line in lines)
    return {
        "title": view.words(found["words"]) + ": " + view.words(found["title"]),
        "figure": bland_altman(
            f"agreement-{name}", [(across, up) for across, up in found["points"].value], lines,
            x_title=f"{measured}, mean of reference and prediction ({'%' if share else axis})",
            y_title=f"Prediction less reference ({axis})", scale=100.0 if share else 1.0,
            description=f"{found['title'].text} against the mean of both, {found['words'].text}: {spoken}.",
        ),
        "cases": printed(f"{len(found['points']):,}", found["points"].length_address()),
    }  # fmt: skip


SECTION = Section(
    id="R13", title="Full performance", question="How close do its outlines come?",
    template="sections/outlines.html.j2", content=content, rank={"acceptance": 15, "comparison": 15},
    tasks=frozenset({"segmentation"}),
)  # fmt: skip
