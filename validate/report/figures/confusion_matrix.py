"""Reference against answer: a square of counts, each row shaded by its share, what is right on the diagonal."""

from __future__ import annotations

from collections.abc import Sequence

from validate.report.figures.canvas import HALF, Canvas, Figure, Words, fitted, text_width
from validate.report.printed import Printed

STEPS = ("#ffffff", "#eef4f5", "#dbe9eb", "#b7d3d8", "#8fbac2", "#5f9aa6")  # paper to accent, by share of the row
SHARES = (0.0, 0.05, 0.2, 0.4, 0.7)


def confusion_matrix(
    name: str, classes: Sequence[Words], answers: Sequence[Words], cells: Sequence[Sequence[tuple[int, Printed]]], *,
    down: str, across: str, description: str,
) -> Figure:  # fmt: skip
    """Cells : (count, as printed) by class and answer; answers may have one column more, for no answer."""
    left = min(max(text_width(one, 7.2) for one in classes) + 24, 92.0)
    side = min((HALF - left - 4) / len(answers), 58.0)
    top, height = 34.0, min(side, 30.0)
    canvas = Canvas(HALF, top + height * len(classes) + 8)
    canvas.text((left, 9), across, size=7.5, tone="grey")
    canvas.text((7, top + height * len(classes) / 2), down, size=7.5, tone="grey", anchor="middle", turned=True)
    for place, answer in enumerate(answers):
        centre = left + side * (place + 0.5)
        canvas.text((centre, top - 6), fitted(answer, 7, side - 2), size=7, tone="grey", anchor="middle")
    for row, (label, counts) in enumerate(zip(classes, cells, strict=True)):
        y = top + height * row
        canvas.text((left - 5, y + height / 2 + 2.5), fitted(label, 7.2, left - 20), size=7.2, anchor="end")
        total = sum(count for count, _ in counts)
        for place, (count, words) in enumerate(counts):
            share = count / total if total else 0.0
            canvas.shade((left + side * place, y), (side, height), STEPS[sum(share > edge for edge in SHARES)])
            right = place == row
            canvas.text(
                (left + side * (place + 0.5), y + height / 2 + 2.8), words, size=7.8, anchor="middle",
                tone="ink" if count else "faint", weight=600 if right else 400, shaded=True,
            )  # fmt: skip
            if right:
                canvas.outline((left + side * place, y), (side, height))
    return canvas.figure(name, "Reference against answer", description)
