"""A4: the model card: what this evidence shows of each model, and what only others can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report.model_card import GROUPS, card
from validate.report.printed import Printed
from validate.report.section import Section
from validate.report.study import Study
from validate.report.table import Column, Row, Table, row


def content(study: Study) -> Mapping[str, Any]:
    several = len(study.models) > 1
    return {
        "cards": [
            {"name": study.model_name(model) if several else Printed(), "table": _table(study, position)}
            for position, model in enumerate(study.models)
        ]
    }


def _table(study: Study, position: int) -> Table:
    model = study.models[position]
    rows: list[Row] = []
    before = ""
    for entry in card(study, model):
        group = GROUPS.get(entry.path.partition("/")[0], "Evidence")
        if group != before:
            rows.append(row(group, kind="head"))
            before = group
        rows.append(row(entry.label, entry.text))
    columns = (Column("Entry", width=27), Column("What is known", width=73))
    return Table(f"card-{study.key(model['id'].text)}", columns, tuple(rows))


SECTION = Section(
    id="A4", title="Model card", question="The model on one card", template="sections/model_card.html.j2", content=content,
)  # fmt: skip
