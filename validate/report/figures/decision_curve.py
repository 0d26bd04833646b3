"""The decision curve: net benefit of acting on the model, on everybody, on nobody, over the risks from which one might act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, Tone, text_width, ticks

Point = tuple[float, float]
SIZE = 7.0
HALO = 6.0  # around words, where another line makes them doubtful


@dataclass(frozen=True, slots=True)
class Curve:
    """thresholds, net_benefit, treat_all : as long as each other; low, high : the band, empty where there is none."""

    thresholds: Sequence[float]
    net_benefit: Sequence[float]
    treat_all: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def decision_curve(name: str, curve: Curve, *, title: str, description: str) -> Figure:
    """The model's line with its band; acting on everybody dashed, on nobody along zero."""
    canvas = Canvas(HALF, 214)
    top = max([*curve.net_benefit, *curve.high, *curve.treat_all, 0.02])
    bottom = min(-0.25 * top, 1.1 * min(curve.net_benefit))
    x, y = Scale(curve.thresholds[0], curve.thresholds[-1], 36, HALF - 10), Scale(bottom, top * 1.05, 178, 10)
    for mark in ticks(bottom, top, most=5):
        canvas.line((x.start, y(mark)), (x.end, y(mark)))
        canvas.tick((x.start - 4, y(mark) + 2.4), mark, f"{mark:.10g}".replace("-", "−"), anchor="end")
    for mark in ticks(x.low, x.high, most=6):
        canvas.tick((x(mark), 189), mark, f"{100 * mark:.10g}%")
    if curve.low:
        upper = [(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.high, strict=True)]
        lower = [(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.low, strict=True)]
        canvas.area([*upper, *reversed(lower)])
    canvas.line((x.start, y(0)), (x.end, y(0)), "grey", width=0.9)
    kept = [(x(t), y(v)) for t, v in zip(curve.thresholds, curve.treat_all, strict=True) if v >= bottom]
    if len(kept) > 1:
        canvas.curve(kept, "grey", width=1.1, dash="3 2")
    canvas.curve([(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.net_benefit, strict=True)], "accent")
    own = [(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.net_benefit, strict=True)]
    nobody = [(x(t), y(0)) for t in curve.thresholds]
    taken = [*_dense(own), *_dense(kept), *_dense(nobody)]
    named: tuple[tuple[str, list[Point], Tone, int], ...] = (
        ("the model", own, "accent", 600), ("everybody", kept, "grey", 400), ("nobody", nobody, "grey", 400)
    )  # fmt: skip
    for words, line, tone, weight in named:
        if line:
            at = _free(words, line, taken, (x.start, x.end, y.end, y.start))
            canvas.text(at, words, size=SIZE, tone=tone, weight=weight)
            taken += _box(at, words)
    middle = (x.start + x.end) / 2
    canvas.text((middle, 203), "Risk from which one would act", size=7.5, tone="grey", anchor="middle")
    canvas.text((9, (y.start + y.end) / 2), "Net benefit", size=7.5, tone="grey", anchor="middle", turned=True)
    return canvas.figure(name, title, description)


def _dense(line: Sequence[Point]) -> list[Point]:
    """Points of a line no further than a few units apart."""
    found: list[Point] = list(line[:1])
    for (x0, y0), (x1, y1) in pairwise(line):
        steps = max(1, int(max(abs(x1 - x0), abs(y1 - y0)) / 2))
        found += [(x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps) for k in range(1, steps + 1)]
    return found


def _free(words: str, line: Sequence[Point], taken: Sequence[Point], frame: tuple[float, float, float, float]) -> Point:
    """Beside its line, where the words lie on the least; the furthest to the right of equals."""
    left, right, top, floor = frame
    wide = text_width(words, SIZE)
    best, fewest = (left, top), len(taken) + 1
    for at, level in reversed(line):
        start = min(max(at - wide, left + 2), right - wide - 1)
        for base in (level - 4, level + SIZE + 2):
            if top + SIZE <= base <= floor - 2:
                near = [(px, py) for px, py in taken if start - HALO <= px <= start + wide + HALO]
                hits = sum(base - SIZE - HALO <= py <= base + HALO for _, py in near)
                hits += 10 * sum(
                    start - 1 <= px <= start + wide + 1 and base - SIZE <= py <= base + 2 for px, py in near
                )
                if hits < fewest:
                    best, fewest = (start, base), hits
    return best


def _box(at: Point, words: str) -> list[Point]:
    """Points of what words cover."""
    wide = int(text_width(words, SIZE))
    return [(at[0] + dx, at[1] - dy) for dx in range(0, wide + 1, 2) for dy in (0, 3, 6)]
