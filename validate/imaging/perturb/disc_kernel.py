"""A kernel that is alike upwards, downwards, to the left and to the right, and flat in the middle, as machine code.

Two pixels to the left and to the right that have one weight are added once for all lines of the kernel; what a line of it makes of them
belongs to one row above and to one below, and two lines share one look at four or six such pairs. As far as both lines are flat, one
running sum of pairs stands for all of them. So a weight costs little more than one product and one sum, of which a loop does many at
once, and only those at the kernel's edge cost so much; the rows in work stay in a core's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

ROOM = 5  # zeros after the weights of a line, at least: for the last four or six of them
LINE = 16  # pixels in a line of the cache; so many lie between two rows, which would else meet where a cache has room for few
ZERO = np.float32(0)


@compiled
def spread(plane: Any, weights: Any, flat: Any, counts: Any, found: Any) -> None:
    """(y, x) float32, mirrored at its borders, the outermost pixel repeated, as often as needed: b a | a b c | c b.

    plane : (y, x) real numbers
    weights : (1 + reach, 1 + reach + ROOM) float32 of what lies so many rows and columns away, zeros where there is none
    flat : (1 + reach,) the weights of an even line and of the next are one and the same up to this column, and up to no later one
        in the lines that follow
    counts : (1 + reach,) of weights in each line; none has more than the one before
    """
    rows, columns = plane.shape
    reach = counts.size - 1
    size = 2 * reach + 1
    sums = aligned(size + 1, columns)  # of rows that are not whole yet, in turn; the last is nobody's
    pairs = aligned(weights.shape[1], columns)
    wide = np.empty(columns + 2 * reach, np.float32)
    for y in range(-reach, rows + reach):
        paired(plane[mirrored_place(y, rows)], wide, pairs, reach)
        summed = 0
        for line in range(reach - reach % 2, -1, -2):
            start, stop = flat[line], counts[line]
            for k in range(summed, start):
                add(pairs[k], pairs[k + 1])
            summed = start
            above = sums[(y + reach - line) % size if line > 0 else size][:columns]
            below = sums[(y + reach + line) % size][:columns]
            if line < reach:
                further_above = sums[(y + reach - line - 1) % size][:columns]
                further_below = sums[(y + reach + line + 1) % size][:columns]
                one, two = weights[line], weights[line + 1]
                two_lines(one, two, (start, stop), pairs, above, below, further_above, further_below)
            else:
                one_line(weights[line], start, stop, pairs, above, below)
        whole = sums[y % size]
        to = found[max(y - reach, 0)]  # the first ones hold rows above the image, and are written over
        for x in range(columns):
            to[x] = whole[x]
            whole[x] = ZERO


@compiled
def aligned(rows: Any, columns: Any) -> Any:
    """(rows, columns or some more) zeros, each row at the beginning of a line of the cache."""
    wide = columns + -columns % LINE + LINE
    room = np.zeros(rows * wide + LINE, np.float32)
    first = -(room.ctypes.data // room.itemsize) % LINE
    return room[first : first + rows * wide].reshape(rows, wide)


@compiled
def mirrored_place(place: Any, size: Any) -> Any:
    """Where in the image that lies."""
    if 0 <= place < size:
        return place
    turned = place % (2 * size)
    return min(turned, 2 * size - 1 - turned)


@compiled
def paired(row: Any, wide: Any, pairs: Any, reach: Any) -> None:
    """The row, and what lies 1, 2, … columns to its left and to its right, added, into pairs.

    wide : room for the row and what lies beyond its ends.
    """
    columns = row.size
    middle, to = wide[reach:], pairs[0]
    for x in range(columns):
        middle[x] = row[x]
    if reach <= columns:
        for x in range(reach):
            wide[x] = middle[reach - 1 - x]
            wide[reach + columns + x] = middle[columns - 1 - x]
    else:
        for x in range(reach):
            wide[x] = middle[mirrored_place(x - reach, columns)]
            wide[reach + columns + x] = middle[mirrored_place(columns + x, columns)]
    for x in range(columns):
        to[x] = middle[x]
    for step in range(1, reach + 1):
        left, right, to = wide[reach - step :], wide[reach + step :], pairs[step]
        for x in range(columns):
            to[x] = left[x] + right[x]


@compiled
def add(one: Any, to: Any) -> None:
    """To each the other."""
    for x in range(to.size):
        to[x] += one[x]


@compiled
def two_lines(one: Any, two: Any, ends: Any, pairs: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """A line added to a and b, the next to c and d: by sixes and fours, whichever leaves fewer over."""
    k, stop = ends
    while k < stop:
        left = stop - k
        if left <= 4 or left in (7, 8):
            four_of_two(one, two, k, pairs, a, b, c, d)
            k += 4
        else:
            six_of_two(one, two, k, pairs, a, b, c, d)
            k += 6


@compiled
def four_of_two(one: Any, two: Any, k: Any, pairs: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """The weights k to k + 3 of both lines."""
    v0, v1, v2, v3 = one[k], one[k + 1], one[k + 2], one[k + 3]
    w0, w1, w2, w3 = two[k], two[k + 1], two[k + 2], two[k + 3]
    p0, p1, p2, p3 = pairs[k], pairs[k + 1], pairs[k + 2], pairs[k + 3]
    for x in range(a.size):
        near = (v0 * p0[x] + v1 * p1[x]) + (v2 * p2[x] + v3 * p3[x])
        far = (w0 * p0[x] + w1 * p1[x]) + (w2 * p2[x] + w3 * p3[x])
        a[x] += near
        b[x] += near
        c[x] += far
        d[x] += far


@compiled
def six_of_two(one: Any, two: Any, k: Any, pairs: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """The weights k to k + 5 of both lines."""
    v0, v1, v2, v3, v4, v5 = one[k], one[k + 1], one[k + 2], one[k + 3], one[k + 4], one[k + 5]
    w0, w1, w2, w3, w4, w5 = two[k], two[k + 1], two[k + 2], two[k + 3], two[k + 4], two[k + 5]
    p0, p1, p2, p3, p4, p5 = pairs[k], pairs[k + 1], pairs[k + 2], pairs[k + 3], pairs[k + 4], pairs[k + 5]
    for x in range(a.size):
        near = (v0 * p0[x] + v1 * p1[x]) + (v2 * p2[x] + v3 * p3[x]) + (v4 * p4[x] + v5 * p5[x])
        far = (w0 * p0[x] + w1 * p1[x]) + (w2 * p2[x] + w3 * p3[x]) + (w4 * p4[x] + w5 * p5[x])
        a[x] += near
        b[x] += near
        c[x] += far
        d[x] += far


@compiled
def one_line(weights: Any, start: Any, stop: Any, pairs: Any, a: Any, b: Any) -> None:
    """The last line, where no other is left to go with it."""
    for k in range(start, stop, 4):
        v0, v1, v2, v3 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        p0, p1, p2, p3 = pairs[k], pairs[k + 1], pairs[k + 2], pairs[k + 3]
        for x in range(a.size):
            near = (v0 * p0[x] + v1 * p1[x]) + (v2 * p2[x] + v3 * p3[x])
            a[x] += near
            b[x] += near
