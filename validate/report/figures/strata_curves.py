"""A measure against severity in each group, one small panel a cause: a line for each group, told apart by dash and tone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Scale, Tone, Words, fitted, ticks

COLUMNS, GAP = 3, 14.0
FEW = 4  # panels that stand two in a line
HIGH, HEAD, FOOT = 74.0, 16.0, 15.0
LEFT = 26.0
LOOKS: tuple[tuple[Tone, str], ...] = tuple(
    (tone, dash) for dash in ("", "4 2", "1 2") for tone in ("ink", "accent", "faint")
)  # no tone that says pass or fail
MOST = len(LOOKS)  # groups that can be told apart


@dataclass(frozen=True, slots=True)
class GroupPanel:
    """curves : of each group in one order, (severity, value), clean first; a value that is not known is left out"""

    title: Words
    curves: Sequence[Sequence[tuple[int, float]]]


def strata_curves(
    name: str, panels: Sequence[GroupPanel], groups: Sequence[Words], *, percent: bool, title: str, description: str
) -> Figure:
    """All panels on one scale, with a key above them. groups : at most MOST names, in the order of the curves."""
    columns = 2 if len(panels) <= FEW else COLUMNS
    wide = (WIDTH - GAP * (columns - 1)) / columns
    tall, key = HEAD + HIGH + FOOT + GAP, 12.0 * -(-len(groups) // 4) + 6
    canvas = Canvas(WIDTH, key + tall * -(-len(panels) // columns))
    for place, group in enumerate(groups):
        x, y = place % 4 * WIDTH / 4, place // 4 * 12.0 + 8
        tone, dash = LOOKS[place]
        canvas.line((x, y - 2.5), (x + 18, y - 2.5), tone, width=1.4, dash=dash)
        canvas.text((x + 22, y), fitted(group, 7, WIDTH / 4 - 26), size=7)
    known = [value for panel in panels for curve in panel.curves for _, value in curve]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = max((high - low) * 0.06, 1e-3)
    for place, panel in enumerate(panels):
        corner = place % columns * (wide + GAP), key + place // columns * tall
        _panel(canvas, panel, corner, wide, (low - room, high + room), percent=percent)
    return canvas.figure(name, title, description)


def _panel(
    canvas: Canvas, panel: GroupPanel, corner: tuple[float, float], wide: float, span: tuple[float, float], *, percent: bool
) -> None:  # fmt: skip
    x0, y0 = corner
    severities = sorted({severity for curve in panel.curves for severity, _ in curve})
    x = Scale(0, max([*severities, 1]), x0 + LEFT, x0 + wide - 4)
    y = Scale(span[0], span[1], y0 + HEAD + HIGH, y0 + HEAD)
    canvas.text((x0, y0 + 8), fitted(panel.title, 8, wide), size=8, weight=600)
    for tick in ticks(span[0], span[1], most=4):
        canvas.line((x.start, y(tick)), (x.end, y(tick)))
        label = f"{tick:.0%}" if percent else f"{tick:.2f}"
        canvas.tick((x.start - 3, y(tick) + 2.2), tick, label.replace("-", "−"), size=6.6, anchor="end")
    for (tone, dash), curve in zip(LOOKS, panel.curves, strict=False):
        if len(curve) > 1:
            canvas.curve([(x(severity), y(value)) for severity, value in curve], tone, width=1.2, dash=dash)
        for severity, value in curve:
            canvas.disc((x(severity), y(value)), 1.5, tone)
    for severity in severities:
        canvas.tick((x(severity), y0 + HEAD + HIGH + 9), severity, str(severity), size=6.6)
