"""A CUSUM chart: both sums by time, and the limit beyond which it is an alarm."""

from __future__ import annotations

from collections.abc import Sequence

from validate.report.figures.canvas import WIDTH, Canvas, Figure, Scale, fitted

HIGH, TOP, FOOT, LEFT = 96.0, 16.0, 22.0, 30.0
MOST_LABELS = 12


def cusum_chart(
    name: str, points: Sequence[tuple[str, float, float]], *, decision: float, alarm: str, description: str
) -> Figure:
    """Points : (when, upper sum, lower sum); the lower one is drawn downwards."""
    canvas = Canvas(WIDTH, TOP + HIGH + FOOT)
    reach = max([decision * 1.25, *(up for _, up, _ in points), *(down for _, _, down in points)])
    x = Scale(0, max(len(points) - 1, 1), LEFT, WIDTH - 8)
    y = Scale(-reach, reach, TOP + HIGH, TOP)
    canvas.line((LEFT, y(0)), (WIDTH - 8, y(0)), "grey", width=0.8)
    for edge in (decision, -decision):
        canvas.line((LEFT, y(edge)), (WIDTH - 8, y(edge)), "fail", width=1.0, dash="3 2")
        canvas.tick((LEFT - 4, y(edge) + 2.5), edge, f"{edge:g}".replace("-", "−"), anchor="end")
    canvas.text((LEFT, 9), "Sum above (up) and below (down) the reference, in standard errors", size=7.2, tone="grey")
    for sign, place in ((1.0, 1), (-1.0, 2)):
        canvas.curve([(x(at), y(sign * float(point[place]))) for at, point in enumerate(points)], "accent", width=1.3)
    for at, (when, up, down) in enumerate(points):
        beyond = max(up, down) > decision
        value = up if up >= down else -down
        canvas.disc((x(at), y(value)), 2.4, "fail" if beyond else "accent", hollow=not beyond)
        if at % max(len(points) // MOST_LABELS, 1) == 0:
            canvas.text((x(at), TOP + HIGH + 10), fitted(when, 6.6, 60), size=6.6, tone="grey", anchor="middle")
        if when == alarm:
            canvas.text((x(at), y(value) - 5), "alarm", size=7, tone="fail", anchor="middle", weight=600)
    return canvas.figure(name, "CUSUM chart", description)
