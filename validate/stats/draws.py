"""Multinomial cluster weights from a counter: the same bits for any number of workers and in any order.

A draw is a hash of (key, counter): SplitMix64's output function (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
Exactly multinomial: independent Poisson counts, given their sum T, are multinomial with T draws; the n - T missing draws
are added uniformly. A column with T > n is drawn again, which changes nothing, since it is exact for every T <= n.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES, compiled

SMALL = 64  # fewer clusters than this are drawn one by one
GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
U30, U27, U31, U32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
LOW_32 = np.uint64(0xFFFFFFFF)
STREAM = np.uint64(0xD1B54A32D192ED03)  # separates the uniform draws from the Poisson draws
ONE = np.uint64(1)


def poisson_thresholds(clusters: int) -> NDArray[np.uint64]:
    """P(X <= k) · 2³² for the Poisson rate used with this many clusters; a draw is the number of thresholds <= u.

    The rate lies four standard deviations under one, so that a sum above `clusters` is rare. Empty for few clusters.
    """
    if clusters < SMALL:
        return np.zeros(0, np.uint64)
    rate = 1.0 - 4.0 / math.sqrt(clusters)
    term = cumulative = math.exp(-rate)
    thresholds = []
    k = 0
    while round(cumulative * 2**32) < 2**32 and k < 40:
        thresholds.append(round(cumulative * 2**32))
        k += 1
        term *= rate / k
        cumulative += term
    return np.array(thresholds, np.uint64)


@compiled
def _hash(key: np.uint64, counter: np.uint64) -> np.uint64:
    z = key + (counter + ONE) * GAMMA
    z = (z ^ (z >> U30)) * MIX_1
    z = (z ^ (z >> U27)) * MIX_2
    return z ^ (z >> U31)


@compiled
def _poisson_block(
    weights: NDArray[np.uint8],
    members: NDArray[np.int64],
    key: np.uint64,
    thresholds: NDArray[np.uint64],
    totals: NDArray[np.int32],
) -> None:
    """Fill weights[member, lane] with Poisson counts and add them up in totals[lane]."""
    uniform = np.empty(LANES, np.uint32)
    count = np.empty(LANES, np.uint8)
    start = key
    for position in range(members.size):
        # Lane by lane in loops of fixed length, so that the compiler makes vector instructions of them.
        for lane in range(LANES):
            z = start + np.uint64(lane + 1) * GAMMA
            z = (z ^ (z >> U30)) * MIX_1
            z = (z ^ (z >> U27)) * MIX_2
            uniform[lane] = np.uint32((z ^ (z >> U31)) >> U32)
            count[lane] = 0
        start += np.uint64(LANES) * GAMMA
        for k in range(thresholds.size):
            threshold = np.uint32(thresholds[k])
            for lane in range(LANES):
                count[lane] += np.uint8(uniform[lane] >= threshold)
        row = weights[members[position]]
        for lane in range(LANES):
            row[lane] = count[lane]
            totals[lane] += np.int32(count[lane])


@compiled
def _redraw(
    weights: NDArray[np.uint8],
    members: NDArray[np.int64],
    key: np.uint64,
    thresholds: NDArray[np.uint64],
    lane: int,
    attempt: int,
) -> int:
    """One column once more, from counters no other column or attempt uses. Returns its sum."""
    base = _hash(key ^ STREAM, np.uint64(attempt) * np.uint64(4096) + np.uint64(lane))
    total = 0
    for position in range(members.size):
        u = _hash(base, np.uint64(position)) >> U32
        count = 0
        for k in range(thresholds.size):
            count += u >= thresholds[k]
        weights[members[position], lane] = count
        total += count
    return total


@compiled
def _top_up(
    weights: NDArray[np.uint8],
    members: NDArray[np.int64],
    key: np.uint64,
    lane: int,
    missing: int,
) -> bool:
    """Add `missing` uniform draws to a column (Lemire's unbiased method, doi:10.1145/3230636). False on overflow."""
    n = np.uint64(members.size)
    reject_below = (np.uint64(1 << 32) - n) % n
    base = _hash(key, np.uint64(lane)) ^ STREAM
    counter = np.uint64(0)
    for _ in range(missing):
        product = (_hash(base, counter) >> U32) * n
        counter += ONE
        while (product & LOW_32) < reject_below:
            product = (_hash(base, counter) >> U32) * n
            counter += ONE
        member = members[product >> U32]
        if weights[member, lane] == 255:
            return False
        weights[member, lane] += 1
    return True


@compiled
def fill_block(
    weights: NDArray[np.uint8],
    members: NDArray[np.int64],
    key: np.uint64,
    thresholds: NDArray[np.uint64],
) -> bool:
    """Multinomial weights of these members: each column of weights[members] sums to members.size.

    weights : (clusters, 64) uint8, written    members : (m,) int64    key : uint64
    thresholds : poisson_thresholds(m)    Returns False if a weight would not fit into 8 bits.
    """
    totals = np.zeros(LANES, np.int32)
    if thresholds.size:
        _poisson_block(weights, members, key, thresholds, totals)
    else:
        for position in range(members.size):
            weights[members[position], :] = 0
    for lane in range(LANES):
        total, attempt = totals[lane], 0
        while total > members.size:
            attempt += 1
            total = _redraw(weights, members, key, thresholds, lane, attempt)
        if not _top_up(weights, members, key + STREAM, lane, members.size - total):
            return False
    return True
