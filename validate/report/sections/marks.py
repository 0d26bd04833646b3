"""R13 of a study of marks: the free-response curve, false marks, lesion sizes, and the cases that went worst."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validate.casewise.pictures import FOLDER
from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.froc import froc
from validate.report.figures.outline import outline
from validate.report.figures.roc import Curve
from validate.report.figures.size_curve import size_curve
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.outlines import place_and_window, stored_picture
from validate.report.study import Study
from validate.report.table import Column, Table, row

CRITERIA = {
    "iou": "the overlap of mark and lesion (IoU) reaches ",
    "centre_in_object": "its centre lies in the lesion",
    "distance": "the two centres lie at most so far apart: ",
    "diameter_fraction": "the two centres lie apart by at most this share of the lesion's diameter: ",
}
REPEATED = {
    "ignore": "counts neither as a hit nor as false",
    "false_mark": "is a false mark",
}
UNLISTED = {
    "no_lesion": "a case that the reference does not name has no lesion",
    "missing": "a case that the reference does not name has no reference, and is not analysed",
}
NEAR = 4.0  # false marks per case, up to which a curve is drawn, unless an operating point lies beyond
STEP = 2.0  # then up to the next of these
SPACES = {"mm": "patient coordinates, mm", "pixels": "pixels of the image"}
FAILED = {
    "worst_case": "every lesion of it missed, and one false mark above all others",
    "best_case": "every lesion of it found, and nothing marked besides",
    "exclude_and_report": "left out, and counted",
}


def content(study: Study) -> Mapping[str, Any] | Missing:
    findings = study.sealed.all_findings("marks")
    if not findings:
        return Missing("the analysis of marks", "whoever runs the study: run it again with this version")
    several = len(findings) > 1
    targets = len(findings[0]["data"]["targets"])
    return {
        "rules": _rules(findings[0]["data"]["rules"]),
        "models": [
            _model(study, finding, target, several=several, targets=targets)
            for finding in findings
            for target in finding["data"]["targets"]
        ],
        "together": [_together(study, findings, place) for place in range(targets)] if several else [],
    }


def _rules(rules: Node) -> Table:
    value = view.words(rules["value"]) if rules["value"].value is not None else Printed()
    criterion = printed(CRITERIA.get(rules["criterion"].text, rules["criterion"].text), rules["criterion"].address)
    rows = [
        row("A mark hits a lesion where", criterion + value),
        row("Judged in", view.choice(rules["space"], SPACES)),
        row("Of several lesions", "a mark takes the one it fits best; the mark with the highest score chooses first"),
        row("A second mark on one lesion", view.choice(rules["repeated_hits"], REPEATED)),
        row("A series or image without an answer", view.choice(rules["rule"], FAILED)),
    ]
    if rules["unlisted"].value is not None:
        rows.append(row("Cases that are not listed", view.choice(rules["unlisted"], UNLISTED)))
    return Table("mark-rules", (Column("Rule", width=34), Column("As locked")), tuple(rows))


def _model(study: Study, finding: Node, target: Node, *, several: bool, targets: int) -> Mapping[str, Any]:
    key = f"{study.key(finding['model'].text)}-{target['name'].text}"
    name = study.model_name(finding["model"].text) if several else Printed()
    if targets > 1:
        name = (name + ", " if several else printed("")) + view.words(target["words"])
    reach = _reach([target])
    return {
        "name": name,
        "statement": view.words(finding["statement"]),
        "froc": _froc(key, [_curve(study, finding, target, reach, named=False)], reach) if target["froc"] else None,
        "band": _band(target),
        "operating": view.words(target["froc"]["operating"]["threshold"])
        if target["froc"] and target["froc"]["operating"]
        else None,
        "sizes": _sizes(key, target) if target["sizes"] else None,
        "rates": _rates(key, target["rates"]),
        "counts": _counts(key, target["counts"]),
        "worst": _worst(key, target["worst"]),
        "pictures": list(_pictures(study, finding, target, key)),
    }


def _reach(targets: Sequence[Node]) -> float:
    """False marks per case up to which curves are drawn: every operating point lies within."""
    points = [one["froc"].value["operating"] for one in targets if one["froc"]]
    most = max((point["false_per_case"] for point in points if point), default=0.0)
    return NEAR if most <= NEAR else STEP * math.ceil(most / STEP + 1e-9)


def _curve(study: Study, finding: Node, target: Node, reach: float, *, named: bool) -> Curve:
    found = target["froc"].value
    operating = found["operating"]
    label = study.model_name(finding["model"].text) if named else printed("ring: operating point")
    band = [one for one in (found["band"] or {}).get("points", []) if one[0] <= reach]
    points = [(x, y) for x, y in found["points"] if x <= reach]
    return Curve(
        label=label,
        points=[*points, (reach, points[-1][1])],  # from the last step on nothing more is found
        lower=[(at, low) for at, low, _ in band],
        upper=[(at, high) for at, _, high in band],
        operating=(operating["false_per_case"], operating["sensitivity"]) if operating else None,
    )


def _froc(key: str, curves: list[Curve], reach: float) -> Figure:
    spoken = "; ".join(
        f"{curve.label}: {100 * curve.points[-1][1]:.0f}% of lesions found with at most {reach:g} false marks per case"
        for curve in curves
    )
    return froc(
        f"froc-{key}", curves, x_title="False marks per case", y_title="Lesions found",
        description=f"Lesion sensitivity against false marks per case. {spoken}.",
    )  # fmt: skip


def _band(target: Node) -> Printed:
    band = target["froc"]["band"] if target["froc"] else target["froc"]
    return view.share(band["level"], 0) if band else Printed()


def _together(study: Study, findings: Sequence[Node], place: int) -> Mapping[str, Any]:
    targets = [(finding, finding["data"]["targets"][place]) for finding in findings]
    reach = _reach([target for _, target in targets])
    curves = [_curve(study, finding, target, reach, named=True) for finding, target in targets if target["froc"]]
    return {"title": view.words(targets[0][1]["words"]), "figure": _froc(f"all-{place}", curves, reach)}


def _sizes(key: str, target: Node) -> Figure:
    found, unit = target["sizes"].value, target["size_unit"].text
    lesions = [(size, bool(hit)) for size, hit in found["sizes"]]
    hits = sum(hit for _, hit in lesions)
    return size_curve(
        f"sizes-{key}", [(at, share) for at, share in found["points"]], [(a, b, c) for a, b, c in found["band"]], lesions,
        unit=unit,
        description=f"The share of lesions found at the operating point against their size: {hits} of {len(lesions)} lesions found.",
    )  # fmt: skip


def _rates(key: str, rates: Node) -> Table:
    columns = (
        Column("False marks per case, at most", width=34),
        Column("Lesions found", numeric=True),
        Column("95% limits", numeric=True),
    )
    rows = tuple(
        row(view.words(one["rate"]), view.number(one["value"], "proportion"), view.limits(one, "proportion"))
        for one in rates
        if one["low"].value is not None
    )
    return Table(f"rates-{key}", columns, rows)


def _counts(key: str, counts: Node) -> Table:
    columns = (Column("What there is", width=76), Column("Number", numeric=True))
    names = (
        ("cases", "Cases with a reference"), ("abnormal", "with a lesion"), ("normal", "without one"),
        ("failed", "without an answer of the model"), ("without_reference", "Cases without a reference, not analysed"),
        ("lesions", "Lesions to be found"), ("ignored_lesions", "Places where marks count neither way"),
        ("marks", "Marks of any score"), ("hits", "that hit a lesion"), ("false", "that hit none"),
        ("repeated", "on a lesion that a higher mark has hit"), ("ignored", "on a place that counts neither way"),
    )  # fmt: skip
    return Table(f"mark-counts-{key}", columns, tuple(row(words, view.count(counts[name])) for name, words in names))


ABOUT = {"missed": "the largest lesion that was missed", "false": "a false mark"}


def _pictures(study: Study, finding: Node, target: Node, key: str) -> Iterator[Mapping[str, Any]]:
    """Of the worst cases, those that the run folder holds a picture of."""
    folder = study.sealed.folder / FOLDER / finding["model"].text / target["name"].text
    for number, one in enumerate(target["worst"], start=1):
        path = folder / f"{one['case'].text}.json"
        found = stored_picture(path)
        if found is None:
            continue
        place, told = place_and_window(found, path.relative_to(study.sealed.folder).as_posix())
        about = ABOUT[found["about"]]
        yield {
            "case": view.words(one["case"]),
            "where": printed(f"{about}; ") + place + ", " + told,
            "figure": outline(
                f"worst-{number}-{key}", found,
                description=f"Case {one['case'].text}, {place}, around {about}: lesions and marks are outlined.",
            ),
        }  # fmt: skip


def _worst(key: str, worst: Node) -> Table:
    columns = (
        Column("Case", width=27), Column("Where"), Column("Lesions", numeric=True, width=12), Column("Found", numeric=True, width=12),
        Column("False marks", numeric=True, width=14),
    )  # fmt: skip
    rows = []
    for one in worst:
        levels = joined((view.words(level) for _, level in one["levels"].items()), ", ")
        said = levels + ("; no output" if one["failed"].value is True else "")
        cells = (view.count(one[name]) for name in ("lesions", "found", "false_marks"))
        rows.append(row(view.words(one["case"]), said, *cells))
    return Table(f"worst-{key}", columns, tuple(rows))


SECTION = Section(
    id="R13", title="Full performance", question="What does it find, and what does it mark besides?",
    template="sections/marks.html.j2", content=content, rank={"acceptance": 15, "comparison": 15},
    tasks=frozenset({"detection"}),
)  # fmt: skip
