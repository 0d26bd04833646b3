"""R20: the models side by side on the same cases; a paired comparison only where one was planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.printed import Printed
from validate.report.sealed import Node
from validate.report.section import Missing, Section
from validate.report.sections.primary_endpoints import flag_mark, locked_overall
from validate.report.study import Study
from validate.report.table import Column, Table, row


def content(study: Study) -> Mapping[str, Any] | Missing:
    if len(study.models) < 2:
        return Missing(
            "a comparison on the same cases: the protocol names one model",
            "whoever writes the protocol, before the lock",
        )
    return {"table": _table(study)}


def _table(study: Study) -> Table:
    columns = (Column("Endpoint", width=24), *(Column(str(study.model_name(model))) for model in study.models))
    found: dict[str, dict[str, Node]] = {}
    for estimate in locked_overall(study):
        found.setdefault(estimate["endpoint"].text, {})[estimate["model"].text] = estimate
    rows = (
        row(study.endpoint_title(endpoint), *(_cell(by_model.get(model["id"].text)) for model in study.models))
        for endpoint, by_model in found.items()
    )
    return Table("side-by-side", columns, tuple(rows))


def _cell(estimate: Node | None) -> Printed | str:
    return view.estimate(estimate) + flag_mark(estimate) if estimate is not None else "–"


SECTION = Section(
    id="R20", title="Comparison", question="How do the models compare on the same cases?",
    template="sections/comparison.html.j2", content=content, rank={"acceptance": 25, "comparison": 12},
)  # fmt: skip
