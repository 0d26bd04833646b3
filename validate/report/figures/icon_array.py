"""A thousand cases, drawn: which are found, missed, falsely flagged and rightly left alone."""

from __future__ import annotations

from validate.report.figures.canvas import Canvas, Figure

TOTAL, COLUMNS, PITCH = 1000, 50, 6.2


def icon_array(name: str, *, found: int, missed: int, false_alarms: int, things: str) -> Figure:
    """Filled green discs are found, red crosses missed, amber rings false alarms, small dots the rest."""
    rows = -(-TOTAL // COLUMNS)
    canvas = Canvas(COLUMNS * PITCH, rows * PITCH)
    places = [((i % COLUMNS + 0.5) * PITCH, (i // COLUMNS + 0.5) * PITCH) for i in range(TOTAL)]
    first, second, third = found, found + missed, found + missed + false_alarms
    canvas.marks(places[third:], "h.01", "hair", width=2.9)
    canvas.marks(places[:first], "h.01", "pass", width=4.7)
    canvas.marks(places[first:second], "m-1.5-1.5l3 3m0-3l-3 3", "fail", width=1.3)
    canvas.marks(places[second:third], "m-1.7 0a1.7 1.7 0 1 0 3.4 0a1.7 1.7 0 1 0-3.4 0", "inconclusive", width=1.1)
    return canvas.figure(
        name,
        f"Of 1,000 {things}",
        f"Of 1,000 {things}: {found:,} are found, {missed:,} are missed, {false_alarms:,} are flagged without the "
        f"finding, {TOTAL - third:,} are rightly not flagged.",
    )


def key_mark(kind: str) -> Figure:
    """The mark of one kind alone, for the legend beside the array."""
    canvas = Canvas(8, 8)
    shape, tone, width = {
        "found": ("h.01", "pass", 6.2),
        "missed": ("m-2-2l4 4m0-4l-4 4", "fail", 1.6),
        "false_alarm": ("m-2.4 0a2.4 2.4 0 1 0 4.8 0a2.4 2.4 0 1 0-4.8 0", "inconclusive", 1.5),
        "rest": ("h.01", "hair", 4.4),
    }[kind]
    canvas.marks([(4, 4)], shape, tone, width=width)  # type: ignore[arg-type]
    words = kind.replace("_", " ")
    return canvas.figure(f"key-{kind}", words, f"Mark of the {words}")
