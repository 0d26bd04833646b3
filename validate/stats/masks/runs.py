"""A mask as its runs along x: one sweep over the bytes, after which everything costs runs and not voxels."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import compiled

WORD = 8
ONES = np.uint64(0x0101010101010101)
SMALL = 1 << 21  # bytes below which threads cost more than they bring


@dataclass(frozen=True, slots=True)
class Runs:
    """shape : (z, y, x); a plane has z = 1    planar : whether z is no direction of its own
    first : (z·y + 1,) int64, row r's runs are first[r] … first[r+1]-1      begin, end : int32, voxels begin … end-1
    """

    shape: tuple[int, int, int]
    planar: bool
    first: NDArray[np.int64]
    begin: NDArray[np.int32]
    end: NDArray[np.int32]

    @property
    def voxels(self) -> int:
        """How many voxels are inside."""
        return int((self.end.astype(np.int64) - self.begin).sum())


def runs_of(mask: NDArray[np.bool_], *, workers: int = 0) -> Runs:
    """Mask : (y, x) or (z, y, x) bool      workers : threads, 0 for one per core; the result does not depend on it.

    Raises ValueError for another type or number of axes.
    """
    if mask.dtype != np.bool_:
        raise ValueError(f"a mask of type {mask.dtype}; expected bool, such as labels == 1")
    if mask.ndim not in (2, 3):
        raise ValueError(f"a mask with {mask.ndim} axes; expected (y, x) or (z, y, x)")
    depth, height, width = (1, *mask.shape) if mask.ndim == 2 else mask.shape
    words = _words(mask, depth * height, width)
    slabs = _slabs(depth * height, words.nbytes, workers)
    counts = np.zeros(depth * height, np.int64)
    _each(slabs, lambda start, stop: _count(words[start:stop], counts[start:stop]))
    first = np.concatenate(([0], np.cumsum(counts)))
    begin, end = np.empty(first[-1], np.int32), np.empty(first[-1], np.int32)
    _each(slabs, lambda start, stop: _fill(words, first, start, stop, begin, end, width))
    return Runs((depth, height, width), mask.ndim == 2, first, begin, end)


def shared_voxels(one: Runs, other: Runs) -> int:
    """Voxels inside both."""
    return int(_shared(one.first, one.begin, one.end, other.first, other.begin, other.end))


def _words(mask: NDArray[np.bool_], rows: int, width: int) -> NDArray[np.uint64]:
    """Eight voxels to a word; rows whose width is no multiple of eight are copied with a zero margin."""
    if width % WORD == 0 and mask.flags.c_contiguous:
        return mask.reshape(rows, width).view(np.uint64)
    padded = np.zeros((rows, -(-width // WORD) * WORD), np.bool_)
    padded[:, :width] = mask.reshape(rows, width)
    return padded.view(np.uint64)


def _slabs(rows: int, size: int, workers: int) -> list[tuple[int, int]]:
    parts = 1 if size < SMALL else max(1, workers or os.cpu_count() or 1)
    edges = np.linspace(0, rows, parts + 1).astype(int)
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _each(slabs: list[tuple[int, int]], work: Callable[[int, int], object]) -> None:
    if len(slabs) == 1:
        work(*slabs[0])
        return
    with ThreadPoolExecutor(len(slabs)) as pool:
        list(pool.map(lambda slab: work(*slab), slabs))


@compiled
def _count(words: NDArray[np.uint64], counts: NDArray[np.int64]) -> None:
    for row in range(words.shape[0]):
        inside, found = np.uint64(0), 0
        for place in range(words.shape[1]):
            word = words[row, place]
            if word == inside * ONES:
                continue
            for byte in range(WORD):
                value = (word >> np.uint64(8 * byte)) & np.uint64(1)
                if value != inside:
                    found += int(value)
                    inside = value
        counts[row] = found


@compiled
def _fill(
    words: NDArray[np.uint64],
    first: NDArray[np.int64],
    start: int,
    stop: int,
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    width: int,
) -> None:
    for row in range(start, stop):
        place = first[row]
        if place == first[row + 1]:
            continue
        inside = np.uint64(0)
        for index in range(words.shape[1]):
            word = words[row, index]
            if word == inside * ONES:
                continue
            for byte in range(WORD):
                value = (word >> np.uint64(8 * byte)) & np.uint64(1)
                if value != inside:
                    if value:
                        begin[place] = WORD * index + byte
                    else:
                        end[place] = WORD * index + byte
                        place += 1
                    inside = value
        if inside:
            end[place] = width


@compiled
def _shared(
    first: NDArray[np.int64],
    begin: NDArray[np.int32],
    end: NDArray[np.int32],
    other_first: NDArray[np.int64],
    other_begin: NDArray[np.int32],
    other_end: NDArray[np.int32],
) -> int:
    total = 0
    for row in range(first.size - 1):
        one, other = first[row], other_first[row]
        while one < first[row + 1] and other < other_first[row + 1]:
            low, high = max(begin[one], other_begin[other]), min(end[one], other_end[other])
            if low < high:
                total += high - low
            if end[one] < other_end[other]:
                one += 1
            else:
                other += 1
    return total
