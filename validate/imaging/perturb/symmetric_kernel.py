"""Symmetric kernels along rows and along columns of a plane, as machine code: two pixels that have one weight are added before it
multiplies them, and TOGETHER such pairs are added in one look at the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

TOGETHER = 3


def one_side(whole: Any) -> Any:
    """(2 · reach + 1,) weights → their middle and one side, filled up with zeros to steps that are TOGETHER as often as needed."""
    half = whole[whole.size // 2 :]
    return np.pad(half, (0, -(half.size - 1) % TOGETHER))


@compiled
def along_columns(plane: Any, kernel: Any, found: Any) -> None:
    """(y, x), the first and last row repeated beyond the ends.

    kernel : (1 + steps,) its middle first, then both sides of it; steps 1, 2 or a multiple of TOGETHER
    """
    last = plane.shape[0] - 1
    for y in range(plane.shape[0]):
        row, to, middle, one = plane[y], found[y], kernel[0], kernel[1]
        a, b = plane[max(y - 1, 0)], plane[min(y + 1, last)]
        if kernel.size == 2:
            for x in range(row.size):
                to[x] = middle * row[x] + one * (a[x] + b[x])
            continue
        two = kernel[2]
        c, d = plane[max(y - 2, 0)], plane[min(y + 2, last)]
        if kernel.size == 3:
            for x in range(row.size):
                to[x] = middle * row[x] + (one * (a[x] + b[x]) + two * (c[x] + d[x]))
            continue
        three = kernel[3]
        e, f = plane[max(y - 3, 0)], plane[min(y + 3, last)]
        for x in range(row.size):
            to[x] = middle * row[x] + (one * (a[x] + b[x]) + two * (c[x] + d[x]) + three * (e[x] + f[x]))
        for step in range(4, kernel.size, 3):
            one, two, three = kernel[step], kernel[step + 1], kernel[step + 2]
            a, b = plane[max(y - step, 0)], plane[min(y + step, last)]
            c, d = plane[max(y - step - 1, 0)], plane[min(y + step + 1, last)]
            e, f = plane[max(y - step - 2, 0)], plane[min(y + step + 2, last)]
            for x in range(row.size):
                to[x] += one * (a[x] + b[x]) + two * (c[x] + d[x]) + three * (e[x] + f[x])


@compiled
def along_rows(plane: Any, kernel: Any, found: Any) -> None:
    """The same with the first and last pixel of each row; steps a multiple of TOGETHER."""
    reach, size = kernel.size - 1, plane.shape[1]
    wide = np.empty(size + 2 * reach, np.float32)
    for y in range(plane.shape[0]):
        row, to, middle = plane[y], found[y], kernel[0]
        wide[:reach] = row[0]
        wide[reach + size :] = row[size - 1]
        for x in range(size):
            wide[reach + x] = row[x]
            to[x] = middle * row[x]
        for step in range(1, kernel.size, 3):
            one, two, three = kernel[step], kernel[step + 1], kernel[step + 2]
            left, right = reach - step, reach + step
            a, b = wide[left : left + size], wide[right : right + size]
            c, d = wide[left - 1 : left - 1 + size], wide[right + 1 : right + 1 + size]
            e, f = wide[left - 2 : left - 2 + size], wide[right + 2 : right + 2 + size]
            for x in range(size):
                to[x] += one * (a[x] + b[x]) + two * (c[x] + d[x]) + three * (e[x] + f[x])
