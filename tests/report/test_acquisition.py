"""R08 tells which strata the images propose and which groups were imaged where, each number with its address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from validate.report.acquisition import acquisition_strata
from validate.report.sealed import Node, read_sealed


@pytest.fixture(scope="module")
def notes(build: Callable[..., Path]) -> Node:
    return read_sealed(build()).flow["notes"]["strata"]


def test_proposals_say_their_levels_and_why_not(notes: Node) -> None:
    found = acquisition_strata(notes)
    assert found is not None
    rows = {str(one.cells[0]): [str(cell) for cell in one.cells[1:]] for one in found["proposed"].rows}
    assert rows["Manufacturer"] == ["Siemens\u00a0400 · Fujifilm\u00a0200", "0", "proposed"]
    kvp = next(cells for name, cells in rows.items() if "oltage" in name or "kvp" in name.lower())
    assert kvp[-1] == "no: one level only"


def test_groups_are_crossed_with_scanners_and_sites(notes: Node) -> None:
    found = acquisition_strata(notes)
    assert found is not None
    first = found["where"].rows[0]
    assert [str(cell) for cell in first.cells[2:5]] in (["Siemens", "A", "north"], ["Fujifilm", "B", "south"])
    assert sum(int(str(one.cells[-1]).replace(",", "")) for one in found["where"].rows) == 600
    pieces = [piece for one in found["where"].rows for cell in one.cells for piece in cell.pieces]
    assert all(piece.address for piece in pieces if piece.text.strip())
    assert found["bound"] is not None
    assert "Sex and Manufacturer: 0.0" in found["bound"].description
    assert found["single"] == []


def test_a_group_of_one_scanner_is_told(notes: Node) -> None:
    pair = {
        "group": "sex", "by": "site", "cramers_v": 1.0, "images": 4,
        "single": [{"level": "F", "on": "north", "share": 0.96}],
    }  # fmt: skip
    value = {**notes.value, "confounding": {**notes.value["confounding"], "pairs": [pair]}}
    found = acquisition_strata(Node("cohort/flow.json", ("notes", "strata"), value))
    assert found is not None
    assert [str(one) for one in found["single"]] == ["96% of the images of sex F come from site north"]


def test_without_headers_nothing_is_told() -> None:
    assert acquisition_strata(Node("cohort/flow.json", ("notes", "strata"), None)) is None
