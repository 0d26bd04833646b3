"""Do two samples of patients come from one distribution? Tests by exchanging patients, feature by feature and all together.

Rows of one patient are alike, so a test that counts rows is too sure. Here the label of the sample is exchanged among patients
(permutation), which is exact for any statistic and any ties where patients are exchangeable (Lehmann & Romano 2005, Testing
Statistical Hypotheses, 15.2). p = (1 + permutations at least as large)/(1 + permutations). A patient in both samples stays in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CHUNK = 64  # permutations at a time: memory is rows × CHUNK


@dataclass(frozen=True, slots=True)
class Exchange:
    """Labels of the second sample, row by row: observed, and with patients exchanged.

    observed : (n,) bool      permuted : (permutations, n) bool
    """

    observed: NDArray[np.bool_]
    permuted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Test:
    """statistic : of the samples as they are      p : by exchange"""

    statistic: float
    p: float


def exchange(second: NDArray[np.bool_], patient: NDArray[np.int64], *, permutations: int, seed: int) -> Exchange:
    """Second : (n,) which sample a row is of      patient : (n,) int, numbered over both samples."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    patients, place = np.unique(patient, return_inverse=True)
    share = np.bincount(place, second) / np.bincount(place)
    free = np.flatnonzero((share == 0) | (share == 1))  # patients in both samples are not exchanged
    labels = share == 1
    permuted = np.empty((permutations, second.size), np.bool_)
    for number in range(permutations):
        drawn = labels.copy()
        drawn[free] = labels[generator.permutation(free)]
        permuted[number] = drawn[place]
    both = ~np.isin(np.arange(patients.size), free)
    permuted[:, both[place]] = second[both[place]]
    return Exchange(second, permuted)


def kolmogorov_smirnov(values: Array, exchanged: Exchange) -> Test:
    """Largest distance of the two distribution functions; rows without a value are left out.

    values : (n,) float64, NaN where there is none. Raises ValueError where a sample has no value.
    """
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    ordered = values[known][order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # only behind the last of a tie do both functions stand still

    def statistic(labels: NDArray[np.bool_]) -> Array:
        """Labels : (k, n) → (k,)"""
        mine = labels[:, known][:, order]
        second = mine.sum(axis=1, keepdims=True)
        first = mine.shape[1] - second
        if (first == 0).any() or (second == 0).any():
            raise ValueError("a sample has no value of this feature")
        steps = np.where(mine, 1.0 / second, -1.0 / first)
        return np.asarray(np.abs(np.cumsum(steps, axis=1)[:, last]).max(axis=1))

    return _tested(statistic, exchanged)


def total_variation(levels: Sequence[str | None], exchanged: Exchange) -> Test:
    """Half the sum over levels of the differences of their shares; what is missing is a level of its own."""
    names = {name: place for place, name in enumerate(dict.fromkeys(levels))}
    code = np.array([names[level] for level in levels], np.int64)
    hot = (code[:, None] == np.arange(len(names))).astype(np.float64)

    def statistic(labels: NDArray[np.bool_]) -> Array:
        second = labels.astype(np.float64)
        shares = second @ hot / second.sum(axis=1, keepdims=True)
        others = (1 - second) @ hot / (1 - second).sum(axis=1, keepdims=True)
        return np.asarray(np.abs(shares - others).sum(axis=1) / 2)

    return _tested(statistic, exchanged)


def maximum_mean_discrepancy(features: Array, exchanged: Exchange) -> Test:
    """Of a Gaussian kernel whose width is the median distance (Gretton et al. 2012, JMLR 13:723-773); the biased estimate, squared.

    features : (n, d), standardised, no NaN
    """
    squared = (features**2).sum(axis=1)
    distance = np.maximum(squared[:, None] + squared[None] - 2 * features @ features.T, 0)
    upper = distance[np.triu_indices(len(distance), 1)]
    width = float(np.median(upper[upper > 0])) if (upper > 0).any() else 1.0
    kernel = np.exp(-distance / width)

    def statistic(labels: NDArray[np.bool_]) -> Array:
        second = labels.astype(np.float64)
        weight = second / second.sum(axis=1, keepdims=True) - (1 - second) / (1 - second).sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("kn,kn->k", weight @ kernel, weight))

    return _tested(statistic, exchanged)


def _tested(statistic: object, exchanged: Exchange) -> Test:
    assert callable(statistic)
    observed = float(statistic(exchanged.observed[None])[0])
    count, permutations = 0, len(exchanged.permuted)
    for start in range(0, permutations, CHUNK):
        drawn = statistic(exchanged.permuted[start : start + CHUNK])
        count += int((drawn >= observed - 1e-12).sum())
    return Test(observed, (1 + count) / (1 + permutations))
