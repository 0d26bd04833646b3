"""The compiled loops behind COCO's numbers: which mark takes which lesion, and precision averaged over recalls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

Floats = NDArray[np.float64]
TINY = 2.220446049250313e-16


@compiled
def by_group(sequence: NDArray[np.int64], group: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same places group by group, each in the sequence they had.

    first : (groups + 1,) zero at the start; where each group begins when done
    """
    for place in sequence:
        first[group[place] + 1] += 1
    for number in range(1, first.size):
        first[number] += first[number - 1]
    reached = first[:-1].copy()
    sorted_places = np.empty(sequence.size, np.int64)
    for place in sequence:
        sorted_places[reached[group[place]]] = place
        reached[group[place]] += 1
    return sorted_places


@compiled
def renumber(values: NDArray[np.int64], low: int, high: int) -> int:
    """Number the different values from 0 by size, in place; how many there are. All lie in low … high."""
    number = np.zeros(high - low + 1, np.int64)
    for value in values:
        number[value - low] = 1
    count = 0
    for place in range(number.size):
        if number[place]:
            number[place] = count
            count += 1
    for place in range(values.size):
        values[place] = number[values[place] - low]
    return count


@compiled
def overlap_of(boxes: Floats, mark: int, lesions: Floats, lesion: int, lone: bool, axes: int) -> float:
    """Shared extent over that of both together, or over the mark's own beside a crowd (lone). Corner first, then extent."""
    shared, size, lesion_size = 1.0, 1.0, 1.0
    for axis in range(axes):
        low = max(boxes[mark, axis], lesions[lesion, axis])
        high = min(boxes[mark, axes + axis] + boxes[mark, axis], lesions[lesion, axes + axis] + lesions[lesion, axis])
        if high - low <= 0:
            return 0.0
        shared *= high - low
        size *= boxes[mark, axes + axis]
        lesion_size *= lesions[lesion, axes + axis]
    return shared / (size if lone else size + lesion_size - shared)


@compiled
def match_groups(
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
    """As COCOeval.evaluateImg: marks by falling score take the lesion with the highest overlap, ignored lesions only at last.

    An overlap under the lowest threshold can never be taken. Where no mark of a group has more than one lesion left to choose
    from, none is chosen wrongly: each takes its own at every threshold at which no better mark has taken it.
    """
    every, widest, most_lesions = (1 << thresholds.size) - 1, 0, 0
    for group in range(first.size - 1):
        widest = max(widest, min(first[group + 1] - first[group], most))
        most_lesions = max(most_lesions, lesion_first[group + 1] - lesion_first[group])
    overlap = np.empty((widest, most_lesions), np.float64)
    partner, taken_at = np.empty(widest, np.int64), np.empty(most_lesions, np.int64)
    taken, sequence = np.empty(most_lesions, np.bool_), np.empty(most_lesions, np.int64)
    for group in range(first.size - 1):
        start, end = first[group], first[group + 1]
        for place in range(start, end):
            rank[order[place]] = place - start
        count = min(end - start, most)
        begin = lesion_first[group]
        lesion_count = lesion_first[group + 1] - begin
        a_choice = False
        for other in range(lesion_count):
            taken_at[other] = 0
        for one in range(count):
            mark = order[start + one]
            partner[one] = -1
            for other in range(lesion_count):
                lesion = lesion_order[begin + other]
                overlap[one, other] = overlap_of(boxes, mark, lesions, lesion, crowd[lesion], axes)
                if overlap[one, other] >= thresholds[0]:
                    a_choice = a_choice or partner[one] > -1
                    partner[one] = other
        if a_choice:
            _choose(
                order[start : start + count], lesion_order[begin : begin + lesion_count], overlap, crowd, outside, thresholds,
                taken, sequence, matched, ignored,
            )  # fmt: skip
        for one in range(count):
            mark = order[start + one]
            size, own = 1.0, 0
            for axis in range(axes):
                size *= boxes[mark, axes + axis]
            if partner[one] > -1 and not a_choice:
                lesion = lesion_order[begin + partner[one]]
                for step in range(thresholds.size):
                    if overlap[one, partner[one]] < thresholds[step]:
                        break  # thresholds rise
                    own |= 1 << step
                if not crowd[lesion]:
                    own &= ~taken_at[partner[one]]
                    taken_at[partner[one]] |= own
                for which in range(areas.shape[0]):
                    matched[mark, which] = own
                    ignored[mark, which] = own if outside[lesion, which] else 0
            for which in range(areas.shape[0]):
                if size < areas[which, 0] or size > areas[which, 1]:
                    ignored[mark, which] |= every & ~matched[mark, which]


@compiled
def _choose(
    marks: NDArray[np.int64],
    lesions: NDArray[np.int64],
    overlap: Floats,
    crowd: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    thresholds: Floats,
    taken: NDArray[np.bool_],
    sequence: NDArray[np.int64],
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
) -> None:
    """One group, threshold by threshold, in the words of COCOeval.evaluateImg."""
    for which in range(outside.shape[1]):
        place = 0
        for turn in range(2):  # those that count first
            for other in range(lesions.size):
                if outside[lesions[other], which] == (turn == 1):
                    sequence[place] = other
                    place += 1
        for step in range(thresholds.size):
            bit = 1 << step
            for other in range(lesions.size):
                taken[other] = False
            for one in range(marks.size):
                best, found = thresholds[step], -1
                for number in range(lesions.size):
                    other = sequence[number]
                    lesion = lesions[other]
                    if taken[other] and not crowd[lesion]:
                        continue
                    if found > -1 and not outside[lesions[found], which] and outside[lesion, which]:
                        break
                    if overlap[one, other] < best:
                        continue
                    best, found = overlap[one, other], other
                if found > -1:
                    taken[found] = True
                    matched[marks[one], which] |= bit
                    if outside[lesions[found], which]:
                        ignored[marks[one], which] |= bit


@compiled
def average_of(
    marks: NDArray[np.int64],
    matched: NDArray[np.int64],
    ignored: NDArray[np.int64],
    weights: NDArray[np.int64],
    lesions: float,
    thresholds: NDArray[np.int64],
    recalls: Floats,
    precision: Floats,
    recall: Floats,
) -> None:
    """As COCOeval.accumulate: precision made falling from the right, read at the first mark that reaches each recall.

    marks : places in matched, ignored and weights, by falling score. Recall grows, and precision peaks, only at marks that hit:
    the others are counted and not kept. Recalls rise from 0, which the first mark of all reaches.
    """
    every = 0
    for threshold in thresholds:
        every |= 1 << threshold
    few, own, hits, misses = (
        0,
        np.empty(marks.size, np.int64),
        np.empty(marks.size, np.int64),
        np.empty(marks.size, np.int64),
    )
    for mark in marks:
        counts = every & ~ignored[mark]
        if counts and weights[mark]:
            own[few], hits[few], misses[few] = weights[mark], counts & matched[mark], counts & ~matched[mark]
            few += 1
    reached, exact = np.empty(few + 1, np.float64), np.empty(few + 1, np.float64)
    for place in range(thresholds.size):
        right, wrong, steps, shift = 0, 0, 0, thresholds[place]
        for mark in range(few):  # without a branch: what does not hit is overwritten by the next
            hit = (hits[mark] >> shift) & 1
            right += own[mark] * hit
            wrong += own[mark] * ((misses[mark] >> shift) & 1)
            reached[steps], exact[steps] = right, wrong
            steps += hit
        recall[place] = right / lesions
        highest = 0.0
        for step in range(steps - 1, -1, -1):
            highest = max(highest, reached[step] / (exact[step] + reached[step] + TINY))
            exact[step] = highest
        total, step = 0.0, 0
        for wanted in recalls:
            while step < steps and reached[step] / lesions < wanted:
                step += 1
            if step == steps:
                break
            total += exact[step]
        precision[place] = total / recalls.size
