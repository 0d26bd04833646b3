"""Average precision and recall of boxes, number for number as pycocotools counts them (its COCOeval, iouType "bbox").

Lin et al. 2014, doi:10.1007/978-3-319-10602-1_48. Boxes are corners; the twelve numbers are COCO's: AP over IoU 0.50 to 0.95,
at 0.50, at 0.75, of small, medium and large boxes, AR with 1, 10 and 100 boxes an image, and of small, medium and large boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

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
    counted : (lesions, 4) bool, whether a lesion is one to be found
    """

    matched: NDArray[np.int64]
    ignored: NDArray[np.int64]
    rank: NDArray[np.int64]
    counted: NDArray[np.bool_]


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
    order = np.lexsort((-scores, mark_group))  # stable: equal scores as they stand
    lesion_order = np.argsort(lesion_group, kind="stable")
    first = np.searchsorted(mark_group[order], np.arange(groups + 1))
    lesion_first = np.searchsorted(lesion_group[lesion_order], np.arange(groups + 1))
    sizes = lesions[:, axes:].prod(axis=1) if area is None else np.asarray(area, np.float64)
    crowds = np.zeros(len(lesions), np.bool_) if crowd is None else np.asarray(crowd, np.bool_)
    left_out = crowds if ignore is None else crowds | ignore
    outside = (sizes[:, None] < AREAS[:, 0]) | (sizes[:, None] > AREAS[:, 1]) | left_out[:, None]
    matched, ignored = np.zeros((len(boxes), 4), np.int64), np.zeros((len(boxes), 4), np.int64)
    rank = np.zeros(len(boxes), np.int64)
    _match(
        order, first, np.ascontiguousarray(boxes, np.float64), lesion_order, lesion_first,
        np.ascontiguousarray(lesions, np.float64), crowds, outside, AREAS, np.minimum(THRESHOLDS, 1 - 1e-10), MOST[-1], axes,
        matched, ignored, rank,
    )  # fmt: skip
    return Matched(matched, ignored, rank, ~outside)


def average(
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
    weights: NDArray[np.int64],
    lesions: float,
    *,
    thresholds: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """(precision averaged over 101 recalls, highest recall) at each threshold, of marks that are sorted by falling score.

    matched, ignored : (marks,) bits by threshold      weights : how often each counts      lesions : how many there are to find, > 0
    """
    precision, recall = np.zeros(thresholds.size), np.zeros(thresholds.size)
    _average(matched, ignored, weights, float(lesions), thresholds, RECALLS, precision, recall)
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
    images = np.unique(np.concatenate((image, lesion_image)))
    categories = np.unique(np.concatenate((category, lesion_category)))
    count = max(images.size, 1)
    mark_group = np.searchsorted(categories, category) * count + np.searchsorted(images, image)
    lesion_group = np.searchsorted(categories, lesion_category) * count + np.searchsorted(images, lesion_image)
    found = match(mark_group, boxes, scores, lesion_group, lesions, area=area, crowd=crowd)
    # as pycocotools concatenates: image by image, in each by falling score; then sorted by score, equal ones as they stand
    order = np.lexsort((found.rank, mark_group, -scores))
    of_mark, of_lesion = mark_group[order] // count, lesion_group // count
    everything = np.arange(THRESHOLDS.size)
    precisions = np.full((len(AREAS), len(MOST), categories.size, THRESHOLDS.size), -1.0)
    recalls = precisions.copy()
    ones = np.ones(order.size, np.int64)
    for place in range(categories.size):
        own = of_mark == place
        chosen = order[own]
        for which in range(len(AREAS)):
            lesions_here = int(found.counted[of_lesion == place, which].sum())
            if not lesions_here:
                continue
            for limit, most in enumerate(MOST):
                if which and most != MOST[-1]:
                    continue
                few = chosen[found.rank[chosen] < most]
                precisions[which, limit, place], recalls[which, limit, place] = average(
                    found.matched[few, which], found.ignored[few, which], ones[: few.size], lesions_here,
                    thresholds=everything,
                )  # fmt: skip
    told = [precisions[0, 2], precisions[0, 2][:, :1], precisions[0, 2][:, 5:6], *(precisions[1:, 2])]
    told += [*recalls[0], *recalls[1:, 2]]
    return {
        name: float(values[values > -1].mean()) if (values > -1).any() else None
        for name, values in zip(NAMES, told, strict=True)
    }


@compiled
def _match(
    order: NDArray[np.int64],
    first: NDArray[np.int64],
    boxes: Floats,
    lesion_order: NDArray[np.int64],
    lesion_first: NDArray[np.int64],
    lesions: Floats,
    crowd: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    areas: Floats,
    thresholds: Floats,
    most: int,
    axes: int,
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
    rank: NDArray[np.int64],
) -> None:
    """As COCOeval.evaluateImg: marks by falling score take the lesion with the highest overlap, ignored lesions only at last."""
    for group in range(first.size - 1):
        start, end = first[group], first[group + 1]
        for place in range(start, end):
            rank[order[place]] = place - start
        end = min(end, start + most)
        begin, stop = lesion_first[group], lesion_first[group + 1]
        count, lesion_count = end - start, stop - begin
        if count == 0:
            continue
        overlap = np.zeros((count, lesion_count), np.float64)
        sizes = np.empty(count, np.float64)
        for one in range(count):
            mark = order[start + one]
            size = 1.0
            for axis in range(axes):
                size *= boxes[mark, axes + axis]
            sizes[one] = size
            for other in range(lesion_count):
                lesion = lesion_order[begin + other]
                shared, lesion_size = 1.0, 1.0
                for axis in range(axes):
                    low = max(boxes[mark, axis], lesions[lesion, axis])
                    high = min(
                        boxes[mark, axes + axis] + boxes[mark, axis],
                        lesions[lesion, axes + axis] + lesions[lesion, axis],
                    )
                    lesion_size *= lesions[lesion, axes + axis]
                    if high - low <= 0:
                        shared = 0.0
                        break
                    shared *= high - low
                if shared > 0:
                    together = size if crowd[lesion] else size + lesion_size - shared
                    overlap[one, other] = shared / together
        taken = np.zeros(lesion_count, np.bool_)
        sequence = np.empty(lesion_count, np.int64)
        for which in range(areas.shape[0]):
            place = 0
            for turn in range(2):  # those that count first
                for other in range(lesion_count):
                    if outside[lesion_order[begin + other], which] == (turn == 1):
                        sequence[place] = other
                        place += 1
            for step in range(thresholds.size):
                bit = 1 << step
                for other in range(lesion_count):
                    taken[other] = False
                for one in range(count):
                    best, found = thresholds[step], -1
                    for number in range(lesion_count):
                        other = sequence[number]
                        lesion = lesion_order[begin + other]
                        if taken[other] and not crowd[lesion]:
                            continue
                        if found > -1 and not outside[lesion_order[begin + found], which] and outside[lesion, which]:
                            break
                        if overlap[one, other] < best:
                            continue
                        best, found = overlap[one, other], other
                    mark = order[start + one]
                    if found > -1:
                        taken[found] = True
                        matched[mark, which] |= bit
                        if outside[lesion_order[begin + found], which]:
                            ignored[mark, which] |= bit
                    elif sizes[one] < areas[which, 0] or sizes[one] > areas[which, 1]:
                        ignored[mark, which] |= bit


@compiled
def _average(
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
    weights: NDArray[np.int64],
    lesions: float,
    thresholds: NDArray[np.int64],
    recalls: Floats,
    precision: Floats,
    recall: Floats,
) -> None:
    """As COCOeval.accumulate: precision made falling from the right, read at the first mark that reaches each recall."""
    count = matched.size
    reached, exact = np.empty(count, np.float64), np.empty(count, np.float64)
    tiny = 2.220446049250313e-16
    for place in range(thresholds.size):
        bit = 1 << thresholds[place]
        right, wrong, steps = 0.0, 0.0, 0
        for mark in range(count):
            if weights[mark] == 0:
                continue
            if not ignored[mark] & bit:
                if matched[mark] & bit:
                    right += weights[mark]
                else:
                    wrong += weights[mark]
            reached[steps], exact[steps] = right / lesions, right / (wrong + right + tiny)
            steps += 1
        recall[place] = right / lesions
        for step in range(steps - 1, 0, -1):
            exact[step - 1] = max(exact[step - 1], exact[step])
        total, step = 0.0, 0
        for wanted in recalls:
            while step < steps and reached[step] < wanted:
                step += 1
            if step < steps:
                total += exact[step]
        precision[place] = total / recalls.size
