"""The square frame of ROC and reliability plots: hairline grid, labels at both axes."""

from __future__ import annotations

from validate.report.figures.canvas import Canvas, Scale

GRID = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def square_frame(canvas: Canvas, x: Scale, y: Scale, *, x_title: str, y_title: str, x_labels: bool = True) -> None:
    """Axes from 0 to 1 in both directions, in percent."""
    for value in GRID:
        canvas.line((x(value), y(0)), (x(value), y(1)))
        canvas.line((x(0), y(value)), (x(1), y(value)))
        if x_labels:
            canvas.tick((x(value), y(0) + 11), value, f"{value:.0%}")
        canvas.tick((x(0) - 4, y(value) + 2.5), value, f"{value:.0%}", anchor="end")
    if x_labels:
        canvas.text(((x(0) + x(1)) / 2, y(0) + 24), x_title, size=7.5, tone="grey", anchor="middle")
    canvas.text((7, (y(0) + y(1)) / 2), y_title, size=7.5, tone="grey", anchor="middle", turned=True)
