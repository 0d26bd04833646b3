"""The resampling kernel: every tally of every group in every replicate, in one sweep over the rows per block."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES
from validate.stats.resample import Weights, block_count
from validate.stats.tallies.binned import add_binned
from validate.stats.tallies.curve import Curve, add_curve
from validate.stats.tallies.marked import Marked, add_counts, add_marked
from validate.stats.tallies.precision_steps import PrecisionSteps
from validate.stats.tallies.ranked import Ranking, add_ranked, ranking
from validate.stats.tallies.tally import Binned, Concordance, Tally
from validate.stats.tallies.weighted_concordance import WeightedConcordance, add_weighted

Array = NDArray[Any]


def group_codes(groups: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(group, n) bool → (n, m) int32: the groups that each row is in, padded with the number of groups."""
    count, n = groups.shape
    per_row = groups.sum(axis=0)
    codes = np.full((n, max(int(per_row.max(initial=0)), 1)), count, np.int32)
    rows, members = np.nonzero(groups.T)
    first = np.concatenate(([0], np.cumsum(per_row)[:-1]))
    codes[rows, np.arange(rows.size) - first[rows]] = members
    return codes


def tally(
    tallies: Sequence[Tally],
    *,
    cluster: NDArray[np.int64],
    groups: NDArray[np.bool_],
    weights: Weights,
    workers: int = 0,
) -> list[NDArray[np.float64]]:
    """Sums of each tally, in order: (replicate, group, width).

    cluster : (n,) int in 0 … weights.clusters-1    groups : (group, n) bool; a row may be in several
    workers : threads, 0 for one per core; no bit of the result depends on it.
    Raises ValueError where lengths differ, a score is NaN, a summed value is not finite, or a code is no level.
    """
    _check(tallies, cluster, groups, weights)
    plan = _plan(tallies, np.asarray(cluster, np.int64), group_codes(groups), groups.shape[0])
    results = [np.empty((weights.replicates, groups.shape[0], item.width)) for item in tallies]

    def block(index: int) -> None:
        drawn = np.empty((weights.clusters, LANES), np.uint8)
        weights.fill(index, drawn)
        first = index * LANES
        lanes = min(LANES, weights.replicates - first)
        for task in plan:
            for place, sums in task.run(drawn):
                # (group + 1, width, 64) → (replicate, group, width), without the padding group
                results[place][first : first + lanes] = np.moveaxis(sums[:-1, :, :lanes], 2, 0)

    blocks = range(block_count(weights))
    threads = min(workers or os.cpu_count() or 1, len(blocks))
    if threads <= 1:
        for index in blocks:
            block(index)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(block, blocks))
    return results


def _check(tallies: Sequence[Tally], cluster: Array, groups: Array, weights: Weights) -> None:
    n = len(cluster)
    if groups.ndim != 2 or groups.shape[1] != n or groups.dtype != np.bool_:
        raise ValueError(f"got groups of shape {groups.shape} and type {groups.dtype}, expected (groups, {n}) bool")
    if n and (int(np.min(cluster)) < 0 or int(np.max(cluster)) >= weights.clusters):
        raise ValueError(f"got a cluster outside 0 … {weights.clusters - 1}")
    for item in tallies:
        first = item.values if isinstance(item, Binned) else item.scores
        names = ("positive", "among", "share", "false", "case")
        others = () if isinstance(item, Binned) else tuple(getattr(item, name, None) for name in names)
        for column in (first, *(other for other in others if other is not None)):
            if len(column) != n:
                raise ValueError(f"got a {type(item).__name__} of {len(column)} rows, expected {n}")
        if bool(np.isnan(first).any()):
            raise ValueError(f"got NaN in a {type(item).__name__}; a row without a number must be left out before")
        if isinstance(item, Binned):
            _check_binned(item, n)


def _check_binned(item: Binned, n: int) -> None:
    """The compiled loop writes where a code points, so a code that is no level must not reach it."""
    if len(item.codes) != n:
        raise ValueError(f"got a Binned with {len(item.codes)} codes, expected {n}")
    if n and not bool(np.isfinite(item.values).all()):
        raise ValueError("got an infinite value in a Binned; a failed row must be left out of a sum before")
    low, high = int(np.min(item.codes, initial=0)), int(np.max(item.codes, initial=0))
    if n and (low < 0 or high >= item.levels):
        raise ValueError(f"got a Binned with codes from {low} to {high}, expected 0 … {item.levels - 1}")


@dataclass(frozen=True, slots=True)
class _BinnedTask:
    places: tuple[int, ...]
    tally: Binned
    cluster: NDArray[np.int64]
    groups: NDArray[np.int32]
    group_count: int

    def run(self, drawn: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        sums = np.zeros((self.group_count + 1, self.tally.levels, LANES))
        add_binned(
            sums.reshape(-1), self.tally.levels, drawn, self.cluster, self.groups, self.tally.values, self.tally.codes
        )
        return [(place, sums) for place in self.places]


@dataclass(frozen=True, slots=True)
class _RankedTask:
    concordance: tuple[int, ...]
    precision: tuple[int, ...]
    ranks: Ranking
    cluster: NDArray[np.int64]  # in ranked order
    groups: NDArray[np.int32]
    group_count: int

    def run(self, drawn: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        above, below, twice, precision = (np.zeros((self.group_count + 1) * LANES) for _ in range(4))
        ranks, wanted = self.ranks, bool(self.precision)
        add_ranked(
            above, below, twice, precision, drawn, self.cluster, self.groups, ranks.starts, ranks.positives_at, wanted
        )
        shape = (self.group_count + 1, LANES)
        positives, negatives = above.reshape(shape), below.reshape(shape)
        pairs = np.stack((twice.reshape(shape) / 2.0, positives, negatives), axis=1)
        steps = np.stack((precision.reshape(shape), positives), axis=1)
        return [*((p, pairs) for p in self.concordance), *((p, steps) for p in self.precision)]


@dataclass(frozen=True, slots=True)
class _CurveTask:
    places: tuple[int, ...]
    low: float
    high: float
    ranks: Ranking
    cluster: NDArray[np.int64]  # in ranked order
    groups: NDArray[np.int32]
    group_count: int

    def run(self, drawn: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        sums = np.zeros((4, (self.group_count + 1) * LANES))
        ranks = self.ranks
        add_curve(*sums, drawn, self.cluster, self.groups, ranks.starts, ranks.positives_at, self.low, self.high)
        parts = np.stack([part.reshape(self.group_count + 1, LANES) for part in sums], axis=1)
        return [(place, parts) for place in self.places]


@dataclass(frozen=True, slots=True)
class _MarkedTask:
    places: tuple[int, ...]
    tally: Marked
    ranks: Ranking
    cluster: NDArray[np.int64]  # of ranked rows in ranked order
    groups: NDArray[np.int32]
    counted: tuple[tuple[NDArray[np.int64], NDArray[np.int32]], ...]  # cluster and groups of cases, of lesions
    group_count: int

    def run(self, drawn: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        sums = np.zeros((self.group_count + 1, self.tally.width, LANES))
        flat, width = sums.reshape(-1), self.tally.width
        for place, (cluster, groups) in enumerate(self.counted):
            add_counts(flat, width, place, drawn, cluster, groups)
        rates, ranks = np.asarray(self.tally.rates, np.float64), self.ranks
        above, below, limits, kept = (
            np.zeros((self.group_count + 1) * LANES * times, np.int32) for times in (1, 1, rates.size, rates.size)
        )
        add_marked(
            flat, width, above, below, limits, kept, drawn, self.cluster, self.groups, ranks.starts, ranks.positives_at, rates
        )  # fmt: skip
        return [(place, sums) for place in self.places]


@dataclass(frozen=True, slots=True)
class _WeightedTask:
    places: tuple[int, ...]
    ranks: Ranking
    cluster: NDArray[np.int64]  # in ranked order
    groups: NDArray[np.int32]
    share: NDArray[np.float64]
    group_count: int

    def run(self, drawn: NDArray[np.uint8]) -> list[tuple[int, NDArray[np.float64]]]:
        sums = np.zeros((3, (self.group_count + 1) * LANES))
        ranks = self.ranks
        add_weighted(*sums, drawn, self.cluster, self.groups, ranks.starts, ranks.positives_at, self.share)
        parts = np.stack([part.reshape(self.group_count + 1, LANES) for part in sums], axis=1)
        return [(place, parts) for place in self.places]


_Task = _BinnedTask | _RankedTask | _CurveTask | _MarkedTask | _WeightedTask


def _plan(
    tallies: Sequence[Tally], cluster: NDArray[np.int64], codes: NDArray[np.int32], group_count: int
) -> list[_Task]:
    """Equal tallies are summed once, and those that rank by the same scores share one pass."""
    same: dict[tuple[object, ...], list[int]] = {}
    for place, item in enumerate(tallies):
        same.setdefault(_identity(item), []).append(place)
    plan: list[_Task] = []
    for places in same.values():
        item = tallies[places[0]]
        if isinstance(item, Binned):
            binned = Binned(
                np.ascontiguousarray(item.values, np.float64), np.ascontiguousarray(item.codes, np.int32), item.levels
            )
            plan.append(_BinnedTask(tuple(places), binned, cluster, codes, group_count))
        else:
            kept = _kept(item)
            ranks = ranking(np.asarray(item.scores, np.float64)[kept], np.asarray(item.positive, np.bool_)[kept])
            order = kept[ranks.order]
            if isinstance(item, Marked):
                counted = tuple(
                    (np.ascontiguousarray(cluster[rows]), np.ascontiguousarray(codes[rows]))
                    for rows in (np.asarray(item.case, np.bool_), np.asarray(item.positive, np.bool_))
                )
                ordered = np.ascontiguousarray(codes[order])
                plan.append(_MarkedTask(tuple(places), item, ranks, cluster[order], ordered, counted, group_count))
                continue
            if isinstance(item, WeightedConcordance):
                share, ordered = np.ascontiguousarray(item.share[order], np.float64), np.ascontiguousarray(codes[order])
                plan.append(_WeightedTask(tuple(places), ranks, cluster[order], ordered, share, group_count))
                continue
            concordance = tuple(p for p in places if isinstance(tallies[p], Concordance))
            precision = tuple(p for p in places if isinstance(tallies[p], PrecisionSteps))
            ordered = np.ascontiguousarray(codes[order])
            if isinstance(item, Curve):
                plan.append(_CurveTask(tuple(places), item.low, item.high, ranks, cluster[order], ordered, group_count))
                continue
            plan.append(_RankedTask(concordance, precision, ranks, cluster[order], ordered, group_count))
    return plan


def _identity(item: Tally) -> tuple[object, ...]:
    if isinstance(item, Binned):
        return ("binned", item.levels, _digest(item.values), _digest(item.codes))
    if isinstance(item, Curve):
        return ("curve", item.low, item.high, _digest(item.scores), _digest(item.positive))
    if isinstance(item, Marked):
        columns = (item.scores, item.positive, item.false, item.case)
        return ("marked", item.rates, *(_digest(column) for column in columns))
    if isinstance(item, WeightedConcordance):
        kept = (item.scores, item.positive, item.among, item.share)
        return ("weighted", *(_digest(column) for column in kept))
    among = item.among if isinstance(item, Concordance) else None
    return ("ranked", _digest(item.scores), _digest(item.positive), None if among is None else _digest(among))


def _kept(item: Concordance | PrecisionSteps | Curve | Marked | WeightedConcordance) -> NDArray[np.int64]:
    """Places of the rows that are ranked."""
    if isinstance(item, Marked):
        return item.ranked
    if isinstance(item, WeightedConcordance):
        return np.flatnonzero(item.among)
    if isinstance(item, Concordance) and item.among is not None:
        return np.flatnonzero(item.among)
    return np.arange(len(item.scores))


def _digest(array: Array) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).digest()
