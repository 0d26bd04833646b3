"""R10: how the model was run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from validate.analyses.wording import attribute_words, sentence_case
from validate.report import digests, view
from validate.report.costs import cost_table, machine_table, slowest_stage
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node
from validate.report.section import Section
from validate.report.stated import ROUTE, stated
from validate.report.study import Study
from validate.report.table import Column, Table, row

LABELS = {
    "sha256": "SHA-256 as locked", "digest": "SHA-256 as opened", "provider": "Provider used", "runtime": "Runtime",
    "witnessed": "Inference run here", "inputs": "Inputs", "outputs": "Outputs", "parameters": "Trained numbers",
    "format": "Format", "opset": "Operator set", "preprocessed": "Preprocessing", "notes": "Notes",
}  # fmt: skip

CODE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def content(study: Study) -> Mapping[str, Any]:
    return {
        "stated": stated(study, "stated-route", ROUTE),
        "asked": _asked(study),
        "models": [{"name": study.model_name(model), "facts": _identity(study, model)} for model in study.models],
        "cost": cost_table(study),
        "machine": machine_table(study),
        "slowest": slowest_stage(study),
        "witnessed": len(study.unwitnessed) < len(study.models),
        "unwitnessed": joined((study.model_name(model) for model in study.unwitnessed), ", "),
    }


def _asked(study: Study) -> Table:
    inference = study.protocol["inference"]
    labels = (
        ("device", "Device asked for"), ("batch_size", "Batch size"), ("precision", "Precision"),
        ("on_failure", "A case without output"),
    )  # fmt: skip
    rows = [
        row(label, printed(attribute_words(str(view.words(inference[key]))), inference[key].address))
        for key, label in labels
    ]
    passes = study.sealed.lock["passes"]
    rows.append(row("Passes", _passes(passes) or printed("no lock names them")))
    return Table("execution", (Column(""), Column("")), tuple(rows))


def _passes(passes: Node) -> Printed:
    """Each by its name in words, such as "quantum noise 3" and "metamorphic: batch size"."""
    said = (
        (one["id"].text.replace(".", ": ").replace("_", " ").replace("-", " "), one["id"].address) for one in passes
    )
    return joined((printed(words, address) for words, address in said), ", ")


def _identity(study: Study, model: Node) -> Table:
    """What the lock and evidence/models.json hold about a model as it was opened."""
    name = model["id"].text
    found: dict[str, Node] = dict(study.sealed.lock["models"][name].items())
    found |= dict(study.sealed.models["models"][name].items())
    rows = [
        row(LABELS.get(key, sentence_case(attribute_words(key))), _value(key, node))
        for key, node in found.items()
        if node and key != "id"
    ]
    return Table(f"identity-{study.key(name)}", (Column(""), Column("")), tuple(rows))


def _value(key: str, node: Node) -> Printed:
    if key in {"sha256", "digest"}:
        return digests.fingerprint(node, 64)
    if key == "notes":
        return _notes(node)
    return view.count(node) if key == "parameters" else view.words(node)


def _notes(node: Node) -> Printed:
    """Codes in words."""
    return (
        joined((printed(_spelt(one.text), one.address) for one in node), "; ")
        if isinstance(node.value, list)
        else view.words(node)
    )


def _spelt(text: str) -> str:
    return CODE.sub(lambda found: found.group().replace("_", " "), text)


SECTION = Section(
    id="R10", title="Execution of the index test", question="How the model was run",
    template="sections/execution.html.j2", content=content, rank={"acceptance": 172, "comparison": 172},
)  # fmt: skip
