"""Curves by severity: a panel a cause, its state seen without colour, its pictures beside it."""

from __future__ import annotations

import base64

from validate.report.disturbed import _flipped, _flips
from validate.report.figures.degradation import Panel, Point, degradation
from validate.report.printed import Printed
from validate.report.sealed import Node

GREY = {"rows": 2, "columns": 3, "colour": False, "pixels": base64.b64encode(bytes(range(6))).decode()}


def test_each_cause_has_its_panel_with_points_tolerance_and_pictures() -> None:
    points = [
        Point(0, 0.9, 0.85, 0.95),
        Point(1, 0.88, 0.83, 0.93, "holds"),
        Point(3, 0.6, 0.5, 0.7, "breaks"),
        Point(5, None),
    ]
    panels = [
        Panel("Scatter", "holds up to 1, breaks at 3", points, [GREY, GREY, None, GREY]),
        Panel("Noise", "open", points),
    ]
    figure = degradation(
        "d",
        panels,
        percent=False,
        tolerance=0.1,
        lower_is_better=False,
        title="AUROC",
        description="AUROC by severity.",
    )
    drawn = str(figure.svg)
    assert drawn.count("<image") == 3
    assert drawn.count("<circle") == 2 * 3  # a severity without a value has no mark
    assert drawn.count('stroke-dasharray="3 2"') == 2
    assert "holds up to 1, breaks at 3" in drawn and "AUROC by severity." in drawn
    assert "nan" not in drawn.lower()


def test_a_panel_without_any_value_is_drawn_empty() -> None:
    figure = degradation(
        "e", [Panel("Blur", "", [Point(0, None), Point(1, None)])], percent=True, tolerance=None, lower_is_better=True,
        title="t", description="d",
    )  # fmt: skip
    assert "<circle" not in str(figure.svg)


def test_flips_are_shown_by_severity_and_by_case_with_their_addresses() -> None:
    data = Node("findings.json", (), {
        "never_flipped": 5, "answered": 8,
        "most_flipped": [{"case": "c3", "passes": 2}, {"case": "c5", "passes": 1}],
        "flips": {"to_positive": 1, "to_negative": 2, "rows": 8},
    })  # fmt: skip
    shown = _flips(data, "flips-0")
    assert shown is not None
    assert str(shown["said"]) == "5 of 8 cases"
    assert [column.title for column in shown["table"].columns] == ["Case", "Passes that change its answer"]
    cells = [[str(cell) for cell in one.cells] for one in shown["table"].rows]
    assert cells == [["c3", "2"], ["c5", "1"]]
    times = shown["table"].rows[0].cells[1]
    assert isinstance(times, Printed) and times.pieces[0].address == "findings.json#/most_flipped/0/passes"
    assert str(_flipped(data["flips"])) == "1 to yes, 2 to no"


def test_without_answers_no_flips_are_shown() -> None:
    nothing = Node("findings.json", (), {"never_flipped": None, "answered": None, "most_flipped": []})
    assert _flips(nothing, "flips-0") is None
    assert str(_flipped(nothing["flips"])) == "–"
