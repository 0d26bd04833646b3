"""R03: what was tested, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import digests, view
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.stated import USE, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row

MOST_BESIDE, LABEL = 3, 19  # models in one table, and the width of its first column in percent
# Blocks of a model that few have: printed word for word where they are.
ASKED = {
    "inputs": "Named inputs", "test_time_augmentation": "Test-time augmentation", "options": "Options of the format",
}  # fmt: skip


def content(study: Study) -> Mapping[str, Any]:
    facts = [_facts(model, study) for model in study.models]
    return {
        "intended_use": view.words(study.protocol["intended_use"]),
        "models": [
            {"name": study.model_name(model), "facts": one} for model, one in zip(study.models, facts, strict=True)
        ],
        "beside": _beside(study, facts) if 1 < len(study.models) <= MOST_BESIDE else None,
        "stated": stated(study, "stated-use", USE),
    }


def _facts(model: Node, study: Study) -> Table:
    identity = study.sealed.lock["models"][model["id"].text]
    rows = (
        row("Name and version", view.words(model["name"]) + " " + view.words(model["version"])),
        row("Format", view.words(model["format"])),
        row("SHA-256", digests.fingerprint(identity["sha256"] or model["sha256"], 64)),
        row("One call sees", _input(model["input"])),
        row("Preprocessing", joined((_step(step) for step in model["preprocess"]), " → ") or printed("none stated")),
        row("Output", _output(model["output"])),
        row("Operating point", _operating_point(model["operating_point"])),
        *(row(label, _told(model[key])) for key, label in ASKED.items() if model[key]),
    )
    return Table(f"device-{study.key(model['id'].text)}", (Column(""), Column("")), rows)


def _beside(study: Study, facts: list[Table]) -> Table:
    """The same of a few models in one table, each in a column of its own."""
    by_label = [{str(one.cells[0]): one.cells for one in of_model.rows} for of_model in facts]
    labels = list(dict.fromkeys(label for of_model in by_label for label in of_model))
    width = (100 - LABEL) // len(facts)
    columns = (
        Column("Fact", width=LABEL),
        *(Column(study.short_name(model["id"].text), width=width) for model in study.models),
    )
    return Table(
        "devices", columns,
        tuple(row(label, *(found[label][1] if label in found else "–" for found in by_label)) for label in labels),
    )  # fmt: skip


def _told(node: Node) -> Printed:
    """Whatever a protocol says in a block, in one line: what is not there is left out."""
    if isinstance(node.value, dict):
        said = [(name, value) for name, value in node.items() if value]
        return joined(
            (printed(name.replace("_", " "), value.name_address) + " " + _nested(value) for name, value in said), ", "
        )
    return view.words(node)


def _nested(node: Node) -> Printed:
    return printed("(") + _told(node) + printed(")") if isinstance(node.value, dict) else _told(node)


def _input(node: Node) -> Printed:
    """As in "one image", or how the scores of several become one."""
    if not node["aggregate"]:
        return printed("one ") + view.words(node)
    rule = node["aggregate"]
    return (
        printed("one image; the ")
        + view.words(rule["score"])
        + " of its images is the score of a "
        + view.words(rule["to"])
    )


def _step(step: Node) -> Printed:
    return joined(
        (printed(f"{name} ") + _options(options) if options else printed(name) for name, options in step.items()), ", "
    )


def _options(options: Node) -> Printed:
    return printed("(") + joined((printed(f"{key} ") + view.words(value) for key, value in options.items()), ", ") + ")"


def _output(output: Node) -> Printed:
    activation = output["activation"]
    after = printed(" as it comes") if activation.text == "none" else printed(", after ") + view.words(activation)
    name = printed("'") + view.words(output["name"]) + "', " if output["name"] else Printed()
    article = "" if output["kind"].text in {"balls", "boxes", "marks"} else "a "
    return name + printed(article) + view.words(output["kind"]) + after


def _operating_point(point: Node) -> Printed:
    if not point:
        return printed("none stated: only measures that need no threshold can be computed")
    if other := view.decided(point):
        return printed("answer: ") + other + " (" + view.words(point["source"]) + ")"
    return (
        printed("flagged where the score ") + view.rule(point["rule"]) + " " + view.words(point["threshold"])
        + " (" + view.words(point["source"]) + ")"
    )  # fmt: skip


SECTION = Section(
    id="R03", title="Device under test and intended use", question="What was tested, and for what",
    template="sections/device.html.j2", content=content, rank={"acceptance": 160, "comparison": 160},
)  # fmt: skip
