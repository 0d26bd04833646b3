"""R07: what counts as the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.stated import REFERENCE, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row

KINDS = {
    "reference_standard": "a reference standard",
    "comparator": "a comparator, not a reference standard: agreement is reported, not accuracy",
}
LABELS = {"present": "With a label", "missing": "Without a label", "indeterminate": "Indeterminate"}


def content(study: Study) -> Mapping[str, Any]:
    reference = study.protocol["reference"]
    labels = study.sealed.finding("missing")["data"]["labels"]
    kind = reference["kind"]
    rows = [
        row("Standard", view.words(reference["standard"])),
        row("It is", printed(KINDS.get(kind.text, kind.text), kind.address)),
        row("Label", _label(reference) + "; one label per " + view.words(reference["level"])),
        row("No label, or an indeterminate one", "left out of every number, and counted"),
    ]  # fmt: skip
    for entry in labels:
        counts = view.count(entry["rows"], study.unit) + ", " + view.count(entry["patients"], "patient")
        rows.append(row(LABELS.get(entry["status"].text, entry["status"].text), counts))
    return {
        "facts": Table("reference", (Column(""), Column("")), tuple(rows)),
        "comparator": study.comparator,
        "stated": stated(study, "stated-reference", REFERENCE),
    }


def _label(reference: Node) -> Printed:
    """What is asked of each case, in the words of the protocol."""
    if reference["findings"]:
        return joined((printed(name.replace("_", " ")) + " (" + view.words(one["label"]) + ", positive where "
                       + view.words(one["positive"]) + ")" for name, one in reference["findings"].items()), ", ")  # fmt: skip
    for block, what in (("classes", ", one of "), ("grades", ", a grade of ")):
        if reference[block]:
            return _classes(reference, block, what)
    return view.words(reference["label"]) + ", positive where " + view.words(reference["positive"])


def _classes(reference: Node, block: str, what: str) -> Printed:
    """As in "diagnosis, one of no stroke, haemorrhage"; of masks, which have no column, the value of each structure."""
    found, column = reference[block], reference["label"]
    if isinstance(found.value, dict):
        named = joined(
            (printed(name.replace("_", " ")) + " (" + view.words(one) + ")" for name, one in found.items()), ", "
        )
    else:
        named = joined((printed(one.text.replace("_", " "), one.address) for one in found), ", ")
    if column:
        return view.words(column) + what + named
    return named + ", marked one by one" if reference["marks"] else named + ", drawn voxel by voxel"


SECTION = Section(
    id="R07", title="Reference standard", question="What the answers are held against",
    template="sections/reference_standard.html.j2", content=content, rank={"acceptance": 161, "comparison": 161},
)  # fmt: skip
