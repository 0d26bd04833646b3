"""Average precision and recall of boxes, number for number as pycocotools counts them (its COCOeval, iouType "bbox").

Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48. Boxes are corners; the twelve numbers are COCO's: AP over IoU 0.50 to 0.95,
at 0.50, at 0.75, of small, medium and large boxes, AR with 1, 10 and 100 boxes an image, and of small, medium and large boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.detection.coco_loops import average_of, by_group, match_groups, renumber

Floats = NDArray[np.float64]
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = (1, 10, 100)  # boxes of an image that count, the highest scores first
AREAS = np.array([[0.0, 1e10], [0.0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])  # all, small, medium, large
NAMES = (
    "AP",
    "AP50",
    "AP75",
    "AP_small",
    "AP_medium",
    "AP_large",
    "AR1",
    "AR10",
    "AR100",
    "AR_small",
    "AR_medium",
    "AR_large",
)


@dataclass(frozen=True, slots=True)
class Matched:
    """What became of each mark, in the order they were given, for each of the four ranges of areas.

    matched, ignored : (marks, 4) int64, bit t of threshold t      rank : (marks,) by score in its image and class, from 0
    counted : (lesions, 4) bool, whether a lesion is one to be found      order : the marks group by group, by falling score
    """

    matched: NDArray[np.int64]
    ignored: NDArray[np.int64]
    rank: NDArray[np.int64]
    counted: NDArray[np.bool_]
    order: NDArray[np.int64]


def match(
    mark_group: NDArray[np.int64],
    boxes: Floats,
    scores: Floats,
    lesion_group: NDArray[np.int64],
    lesions: Floats,
    *,
    area: Floats | None = None,
    crowd: NDArray[np.bool_] | None = None,
    ignore: NDArray[np.bool_] | None = None,
) -> Matched:
    """Match the marks of each group (an image and class, numbered from 0) with its lesions.

    boxes, lesions : (n, 2 · axes) lower corner, extent (as COCO's x, y, width, height)
    area : (lesions,) as annotated; the box's own unless given      crowd : regions that any number of marks may lie in
    ignore : lesions that need not be found (a crowd never need)
    """
    width = max(part.shape[1] if part.ndim == 2 else 0 for part in (boxes, lesions)) or 4
    boxes, lesions = (np.asarray(part, np.float64).reshape(-1, width) for part in (boxes, lesions))
    axes = width // 2
    groups = int(max(mark_group.max(initial=-1), lesion_group.max(initial=-1))) + 1
    first, lesion_first = np.zeros(groups + 1, np.int64), np.zeros(groups + 1, np.int64)
    falling = _falling(scores)
    order = by_group(falling, np.asarray(mark_group, np.int64), first)
    lesion_order = by_group(np.arange(len(lesions)), np.asarray(lesion_group, np.int64), lesion_first)
    sizes = lesions[:, axes:].prod(axis=1) if area is None else np.asarray(area, np.float64)
    crowds = np.zeros(len(lesions), np.bool_) if crowd is None else np.asarray(crowd, np.bool_)
    left_out = crowds if ignore is None else crowds | ignore
    outside = (sizes[:, None] < AREAS[:, 0]) | (sizes[:, None] > AREAS[:, 1]) | left_out[:, None]
    matched, ignored = np.zeros((len(boxes), 4), np.int64), np.zeros((len(boxes), 4), np.int64)
    rank = np.zeros(len(boxes), np.int64)
    match_groups(
        order, first, np.ascontiguousarray(boxes), lesion_order, lesion_first, np.ascontiguousarray(lesions), crowds, outside,
        AREAS, np.minimum(THRESHOLDS, 1 - 1e-10), MOST[-1], axes, matched, ignored, rank,
    )  # fmt: skip
    return Matched(matched, ignored, rank, ~outside, order)


def average(
    marks: NDArray[np.int64],
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
    weights: NDArray[np.int64],
    lesions: float,
    *,
    thresholds: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """(precision averaged over 101 recalls, highest recall) at each threshold.

    marks : places in the next three, by falling score      matched, ignored : bits by threshold      weights : how often each counts
    lesions : how many there are to find, > 0
    """
    precision, recall = np.zeros(thresholds.size), np.zeros(thresholds.size)
    average_of(marks, matched, ignored, weights, float(lesions), thresholds, RECALLS, precision, recall)
    return precision, recall


def coco_summary(
    image: NDArray[np.int64],
    category: NDArray[np.int64],
    boxes: Floats,
    scores: Floats,
    lesion_image: NDArray[np.int64],
    lesion_category: NDArray[np.int64],
    lesions: Floats,
    *,
    area: Floats | None = None,
    crowd: NDArray[np.bool_] | None = None,
) -> dict[str, float | None]:
    """The twelve numbers by name; None where pycocotools says -1, because there is nothing of that kind to find.

    image, category : whole numbers; boxes are (n, 4) x, y, width, height, in the order they stand in a file of results
    """
    (of_image, of_lesion_image), images = _numbered(image, lesion_image)
    (of_mark, of_lesion), categories = _numbered(category, lesion_category)
    found = match(
        of_mark * images + of_image,
        boxes,
        scores,
        of_lesion * images + of_lesion_image,
        lesions,
        area=area,
        crowd=crowd,
    )
    # as pycocotools concatenates: image by image, in each by falling score; then sorted by score, equal ones as they stand
    order = found.order[_falling(scores[found.order])]
    first = np.zeros(categories + 1, np.int64)
    order = by_group(order, of_mark, first)
    everything, ones = np.arange(THRESHOLDS.size), np.ones(order.size, np.int64)
    precisions = np.full((len(AREAS), len(MOST), categories, THRESHOLDS.size), -1.0)
    recalls = precisions.copy()
    for place in range(categories):
        chosen = order[first[place] : first[place + 1]]
        rank, lesions_here = found.rank[chosen], found.counted[of_lesion == place].sum(axis=0)
        for which in range(len(AREAS)):
            if not lesions_here[which]:
                continue
            for limit, most in enumerate(MOST):
                if most == MOST[-1] or not which:
                    precisions[which, limit, place], recalls[which, limit, place] = average(
                        chosen if rank.max(initial=0) < most else chosen[rank < most], found.matched[:, which],
                        found.ignored[:, which], ones, float(lesions_here[which]), thresholds=everything,
                    )  # fmt: skip
    told = [precisions[0, 2], precisions[0, 2][:, :1], precisions[0, 2][:, 5:6], *(precisions[1:, 2])]
    told += [*recalls[0], *recalls[1:, 2]]
    return {
        name: float(values[values > -1].mean()) if (values > -1).any() else None
        for name, values in zip(NAMES, told, strict=True)
    }


def _falling(scores: Floats) -> NDArray[np.int64]:
    """Places by falling score, equal ones as they stand."""
    negative = -np.asarray(scores, np.float64)
    order = np.argsort(negative)  # several times as fast, and the same where no two are equal
    ranked = negative[order]
    return order if bool((ranked[1:] > ranked[:-1]).all()) else np.argsort(negative, kind="stable")


def _numbered(
    one: NDArray[np.int64], other: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], int]:
    """Both with their different values numbered from 0 by size, and how many numbers there are."""
    both = np.concatenate((one, other)).astype(np.int64)
    if not both.size:
        return (both, both), 1
    low, high = int(both.min()), int(both.max())
    if high - low < 4 * both.size + 1000:  # numbers that lie close together need no sorting
        count = renumber(both, low, high)
    else:
        values, both = np.unique(both, return_inverse=True)
        count = values.size
    return (both[: len(one)], both[len(one) :]), count
