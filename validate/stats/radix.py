"""Sorting numbers by their digits: three times as fast as comparing them, for a hundred thousand and more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

DIGIT = 11  # bits sorted by in one pass
PASSES = 6  # 66 bits
BUCKETS = 1 << DIGIT
SIGN = np.uint64(1 << 63)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
Keys = NDArray[np.uint64]


def class_keys(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[Keys, Keys]:
    """The scores of positives and of negatives, each in rising order, as whole numbers that compare as the scores do.

    score : (n,) float64, ±inf allowed, NaN not; -0 counts as 0      positive : (n,) bool
    """
    bits = (score + 0.0).view(np.uint64)
    count = int(np.count_nonzero(positive))
    above, below = np.empty(count, np.uint64), np.empty(score.size - count, np.uint64)
    _split(bits, positive, above, below)
    return _sorted(above), _sorted(below)


@compiled
def _split(bits: Keys, positive: NDArray[np.bool_], above: Keys, below: Keys) -> None:
    """Negative floats have all bits turned, others the sign: the order of whole numbers is then that of floats."""
    first, second = 0, 0
    for row in range(bits.size):
        key = bits[row] ^ (ALL if bits[row] & SIGN else SIGN)
        if positive[row]:
            above[first] = key
            first += 1
        else:
            below[second] = key
            second += 1


@compiled
def _sorted(keys: Keys) -> Keys:
    """Least digit first; a digit that all keys share is left out."""
    counts = np.zeros((PASSES, BUCKETS), np.int64)
    mask = np.uint64(BUCKETS - 1)
    for row in range(keys.size):
        key = keys[row]
        for digit in range(PASSES):
            counts[digit, (key >> np.uint64(DIGIT * digit)) & mask] += 1
    now, then = keys, np.empty_like(keys)
    for digit in range(PASSES):
        shift = np.uint64(DIGIT * digit)
        if keys.size and counts[digit, (keys[0] >> shift) & mask] == keys.size:
            continue
        place = 0
        for bucket in range(BUCKETS):
            size = counts[digit, bucket]
            counts[digit, bucket] = place
            place += size
        for row in range(now.size):
            bucket = (now[row] >> shift) & mask
            then[counts[digit, bucket]] = now[row]
            counts[digit, bucket] += 1
        now, then = then, now
    return now
