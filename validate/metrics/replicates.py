"""Metric values in every replicate and group, by the kernel where a metric offers it the fast path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.metrics.metric import Metric, Rows, Values
from validate.stats.compiled import LANES
from validate.stats.kernel import tally
from validate.stats.resample import AsObserved, Weights, block_count
from validate.stats.tallies.tally import Tally


def replicate_values(
    metrics: Sequence[Metric],
    rows: Rows,
    *,
    cluster: NDArray[np.int64],
    groups: NDArray[np.bool_],
    weights: Weights,
    workers: int = 0,
) -> list[Values]:
    """Values of each metric, in order, each (replicate, group); sums that metrics share are made once.

    cluster : (n,) int in 0 … weights.clusters-1    groups : (group, n) bool    workers : 0 for one per core
    """
    tallies: list[Tally] = []
    places: list[slice | None] = []
    for metric in metrics:
        own = metric.fast.tallies(rows) if metric.fast is not None else ()
        places.append(slice(len(tallies), len(tallies) + len(own)) if metric.fast is not None else None)
        tallies.extend(own)
    sums = tally(tallies, cluster=cluster, groups=groups, weights=weights, workers=workers) if tallies else []
    values = []
    for metric, place in zip(metrics, places, strict=True):
        if metric.fast is not None and place is not None:
            values.append(metric.fast.finish(tuple(sums[place]), rows))
        else:
            values.append(_slow(metric, rows, cluster, groups, weights, workers))
    return values


def point_values(
    metrics: Sequence[Metric],
    rows: Rows,
    *,
    cluster: NDArray[np.int64],
    groups: NDArray[np.bool_],
) -> list[Values]:
    """Values of each metric on the rows as they are, each (1, group)."""
    clusters = int(cluster.max(initial=-1)) + 1
    return replicate_values(
        metrics, rows, cluster=cluster, groups=groups, weights=AsObserved(max(clusters, 1)), workers=1
    )


def _slow(
    metric: Metric, rows: Rows, cluster: NDArray[np.int64], groups: NDArray[np.bool_], weights: Weights, workers: int
) -> Values:
    """By the definition, one replicate and group at a time: for metrics without a fast path. Blocks go to threads."""
    shape = (weights.replicates, groups.shape[0])
    value: NDArray[np.float64] = np.zeros(shape)
    defined: NDArray[np.bool_] = np.zeros(shape, np.bool_)
    parts = [rows.where(group) for group in groups]

    def fill(block: int) -> None:
        drawn: NDArray[Any] = np.empty((weights.clusters, LANES), np.uint8)
        weights.fill(block, drawn)
        for lane in range(min(LANES, weights.replicates - block * LANES)):
            by_row = drawn[cluster, lane].astype(np.int64)
            for place, (group, part) in enumerate(zip(groups, parts, strict=True)):
                try:
                    value[block * LANES + lane, place] = metric.value(part, by_row[group])
                    defined[block * LANES + lane, place] = True
                except Undefined:
                    continue

    blocks = range(block_count(weights))
    with ThreadPoolExecutor(max(1, min(workers or os.cpu_count() or 1, len(blocks)))) as pool:
        list(pool.map(fill, blocks))
    return Values(value, defined)
