"""Differences at the same mix of cases, as tables: each in the unit of its measure, and what has none with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from validate.analyses.standardised import EVERY, Adjusted
from validate.analyses.weighted import Weighted
from validate.canonical import canonical_json
from validate.report.adjusted import adjusted_table, weighted_table
from validate.report.render import _profile
from validate.report.sealed import Node, read_sealed
from validate.report.study import Study
from validate.report.table import Table


def node(*found: Adjusted | Weighted) -> Node:
    return Node("findings.json", ("adjusted",), [json.loads(canonical_json(asdict(one))) for one in found])


def texts(table: Table) -> list[list[str]]:
    return [[str(getattr(cell, "text", cell)) for cell in row.cells] for row in table.rows]


def test_a_measure_that_can_not_be_adjusted_stands_there_with_its_reason(build: Callable[..., Path]) -> None:
    sealed = read_sealed(build())
    study = Study(sealed, _profile(sealed.protocol["profile"].text))
    reason = "Area under the ROC curve is no mean over cases"
    covariates = ("sex",)
    rate = Adjusted("sensitivity", "site", "A", "all others", covariates, -0.1, 0.02, -0.01, 0.05, 0.95, 0.9, 2, None)
    none = Adjusted("auroc", "site", EVERY, "", covariates, None, None, None, None, 0.95, 0.0, 0, reason)
    for against in (True, False):
        rows = texts(adjusted_table(study, node(rate, none), "x", title="Group", against=against))
        assert rows[0][0].startswith("Sensitivity") and "(points)" in rows[0][0]
        assert rows[1][0] == ("A, against all others" if against else "A") and rows[1][3] == "90%"
        assert "(points)" not in rows[2][0]
        assert rows[3][0] == "every one" and rows[3][2].startswith(reason) and rows[3][1] == rows[3][3] == "–"
        weighted = Weighted("auroc", "site", EVERY, "", covariates, reason=reason)
        rows = texts(weighted_table(study, node(weighted), "x", title="Group", against=against))
        assert rows[1][0] == "every one" and rows[1][2].startswith(reason)
