"""The decision curve: net benefit of acting on the model, on everybody, on nobody, over the risks from which one might act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import HALF, Canvas, Figure, Scale, ticks


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
        canvas.text((x.start - 4, y(mark) + 2.4), f"{mark:.10g}".replace("-", "−"), size=7, tone="grey", anchor="end")
    for mark in ticks(x.low, x.high, most=6):
        canvas.text((x(mark), 189), f"{100 * mark:.10g}%", size=7, tone="grey", anchor="middle")
    if curve.low:
        upper = [(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.high, strict=True)]
        lower = [(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.low, strict=True)]
        canvas.area([*upper, *reversed(lower)])
    canvas.line((x.start, y(0)), (x.end, y(0)), "grey", width=0.9)
    kept = [(x(t), y(v)) for t, v in zip(curve.thresholds, curve.treat_all, strict=True) if v >= bottom]
    if len(kept) > 1:
        canvas.curve(kept, "grey", width=1.1, dash="3 2")
    canvas.curve([(x(t), y.clipped(v)) for t, v in zip(curve.thresholds, curve.net_benefit, strict=True)], "accent")
    canvas.text((x.end - 2, y(0) + 9), "nobody", size=7, tone="grey", anchor="end")
    if kept:
        early = kept[-1][0] < 180
        at, level = kept[-1] if early else kept[2 * len(kept) // 3]  # under a line that falls all the way
        place = (at + 3, max(level - 3, 16)) if early else (at - 5, level + 6)
        canvas.text(place, "everybody", size=7, tone="grey", anchor="start" if early else "end")
    end = y.clipped(curve.net_benefit[-1])
    canvas.text((x.end - 2, end - 4), "the model", size=7, tone="accent", anchor="end", weight=600)
    middle = (x.start + x.end) / 2
    canvas.text((middle, 203), "Risk from which one would act", size=7.5, tone="grey", anchor="middle")
    canvas.text((9, (y.start + y.end) / 2), "Net benefit", size=7.5, tone="grey", anchor="middle", turned=True)
    return canvas.figure(name, title, description)
