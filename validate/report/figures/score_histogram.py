"""How the model's scores lie in cases with and without the finding: a histogram back to back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.analyses.wording import sentence_case
from validate.report.figures.canvas import HALF, Anchor, Canvas, Figure, Scale, text_width, ticks
from validate.report.printed import Printed


@dataclass(frozen=True, slots=True)
class Scores:
    """edges : bin borders, one more than counts    sides : what cases above and below the line are called."""

    edges: Sequence[float]
    positives: Sequence[int]
    negatives: Sequence[int]
    threshold: float | None
    threshold_words: Printed | str = ""
    sides: tuple[str, str] = ("with the finding", "without it")


def score_histogram(name: str, scores: Scores, *, description: str) -> Figure:
    """Positives upward, negatives downward, so that overlap is seen without colours laid over each other."""
    canvas = Canvas(HALF, 258)
    x = Scale(scores.edges[0], scores.edges[-1], 12, HALF - 8)
    up, down = (max(counts, default=0) for counts in (scores.positives, scores.negatives))
    reach = 178.0 / (up + down or 1)  # both classes on one scale, the line between them where they leave it
    middle = 20.0 + reach * up if up + down else 109.0
    for counts, direction, tone in ((scores.positives, -1, "accent"), (scores.negatives, 1, "faint")):
        boxes = []
        for left, right, number in zip(scores.edges, scores.edges[1:], counts, strict=False):
            tall = reach * number
            boxes.append((x(left) + 0.5, middle - tall if direction < 0 else middle, x(right) - x(left) - 1, tall))
        canvas.bars(boxes, tone)  # type: ignore[arg-type]
    canvas.line((x(x.low), middle), (x(x.high), middle), "grey", width=0.8)
    canvas.text((x(x.low), 12), sentence_case(scores.sides[0]), size=7.8, tone="accent", weight=600)
    canvas.text((x(x.low), 214), sentence_case(scores.sides[1]), size=7.8, tone="grey", weight=600)
    for tick in ticks(x.low, x.high):
        canvas.line((x(tick), 220), (x(tick), 223), "grey")
        canvas.tick((x(tick), 232), tick, f"{tick:.10g}".replace("-", "−"))
    canvas.text(((x(x.low) + x(x.high)) / 2, 247), "Score that the model gives", size=7.5, tone="grey", anchor="middle")
    if scores.threshold is not None and x.low <= scores.threshold <= x.high:
        at = x(scores.threshold)
        canvas.line((at, 16), (at, 220), "ink", width=0.9, dash="3 2")
        anchor: Anchor = "end" if at > HALF * 0.6 else "start"
        word_ends = x(x.low) + text_width(sentence_case(scores.sides[1]), 7.8) + 8
        # below all bars, beside the word that stands there
        place = at - 4 if anchor == "end" else max(at + 4, word_ends)
        canvas.text((place, 214), scores.threshold_words, size=7.2, anchor=anchor)
    return canvas.figure(name, f"Scores of cases {scores.sides[0]} and {scores.sides[1]}", description)
