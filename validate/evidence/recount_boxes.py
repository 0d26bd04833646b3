"""COCO's average precision and recall from what became of each box: precision at 101 recalls, never lower than further right."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from validate.evidence.recount_marks import Box, Cases
from validate.evidence.recount_yes_no import Found

OVERLAPS = range(10)  # 0.50, 0.55, …, 0.95
RECALLS = [*(step * 0.01 for step in range(100)), 1.0]  # as pycocotools has them to the last bit
ALL, SMALL, MEDIUM, LARGE = range(4)


def _curve(cases: Cases, area: int, overlap: int, most: int) -> tuple[list[tuple[float, float]], int]:
    """(recall, precision) after each box that counts, and how many lesions there are to find."""
    lesions = sum(lesion.counted[area] for case in cases for lesion in case.lesions)
    boxes: list[Box] = [box for case in cases for box in case.boxes if box.rank < most]
    points, right, wrong = [], 0, 0
    for box in sorted(boxes, key=lambda box: (-box.score, box.place)):
        if box.passed_over[area] >> overlap & 1:
            continue
        hit = box.matched[area] >> overlap & 1
        right, wrong = right + hit, wrong + 1 - hit
        points.append((right / lesions if lesions else math.nan, right / (right + wrong)))
    return points, lesions


def average_precision(cases: Cases, *, area: int = ALL, overlaps: range = OVERLAPS) -> Found:
    values = []
    for overlap in overlaps:
        points, lesions = _curve(cases, area, overlap, 100)
        if not lesions:
            return Found(math.nan)
        best, place = 0.0, len(points)
        for recall in reversed(RECALLS):
            while place and points[place - 1][0] >= recall:
                place -= 1
                best = max(best, points[place][1])
            values.append(best)
    return Found(math.fsum(values) / len(values))


def average_recall(cases: Cases, *, area: int = ALL, most: int = 100) -> Found:
    found = []
    for overlap in OVERLAPS:
        points, lesions = _curve(cases, area, overlap, most)
        if not lesions:
            return Found(math.nan)
        found.append(points[-1][0] if points else 0.0)
    return Found(math.fsum(found) / len(found))


AREAS = {"small": SMALL, "medium": MEDIUM, "large": LARGE}
MEASURES: Mapping[str, Callable[[Cases], Found]] = {
    "coco.ap": average_precision,
    "coco.ap50": partial(average_precision, overlaps=range(1)),
    "coco.ap75": partial(average_precision, overlaps=range(5, 6)),
    **{f"coco.ap_{name}": partial(average_precision, area=area) for name, area in AREAS.items()},
    **{f"coco.ar{most}": partial(average_recall, most=most) for most in (1, 10, 100)},
    **{f"coco.ar_{name}": partial(average_recall, area=area) for name, area in AREAS.items()},
}
