"""Curves by severity: a panel a cause, its state seen without colour, its pictures beside it."""

from __future__ import annotations

import base64

from validate.report.figures.degradation import Panel, Point, degradation

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
