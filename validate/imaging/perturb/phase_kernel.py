"""Turns of a phase as complex numbers, as machine code: a polynomial for cosine and sine, which a loop does many at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from validate.stats.compiled import compiled

PI, ONE, TWO = np.float32(np.pi), np.float32(1), np.float32(2)
# Taylor's series up to a quarter turn, right to 6·10⁻⁸
S3, S5, S7, S9, S11 = (np.float32(one) for one in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800))
C2, C4, C6, C8, C10 = (np.float32(one) for one in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800))
C12 = np.float32(1 / 479001600)


@compiled
def turned(time: Any, down: Any, across: Any, found: Any) -> None:
    """exp(2πi·time·(down + across)), of each image.

    time : (y, x)      down : (n, y), across : (n, x) turns      found : (n, y, 2·x) float32, real and imaginary part in turn
    """
    for n in range(found.shape[0]):
        for y in range(found.shape[1]):
            row, own, first, to = time[y], across[n], down[n, y], found[n, y]
            for x in range(row.size):
                turn = row[x] * (first + own[x])
                angle = (turn - np.rint(turn)) * PI  # half of it, within a quarter turn, doubled below
                square = angle * angle
                sine = angle * (ONE + square * (S3 + square * (S5 + square * (S7 + square * (S9 + square * S11)))))
                even = C4 + square * (C6 + square * (C8 + square * (C10 + square * C12)))
                cosine = ONE + square * (C2 + square * even)
                to[2 * x] = ONE - TWO * sine * sine
                to[2 * x + 1] = TWO * sine * cosine
