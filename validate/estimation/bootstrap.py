"""Limits from replicates: percentile, bias-corrected and accelerated, studentised; and how exact they are.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 12 to 14. Undefined replicates are counted, never
drawn again; above one in a hundred there are no limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from validate.metrics.metric import Values
from validate.stats.compiled import LANES
from validate.stats.limits import Array, level_of, student_quantile, tail
from validate.stats.resample import ClusterWeights

MOST_UNDEFINED = 0.01
Kind = Literal["linear", "weibull"]  # of a quantile, numpy's names
INNER = 32  # second-level replicates behind each studentised one


@dataclass(frozen=True, slots=True)
class BootstrapLimits:
    """monte_carlo_error : standard error of the worse limit for having drawn so many replicates and no more"""

    low: float
    high: float
    monte_carlo_error: float


def undefined_replicates(replicates: Values) -> NDArray[np.int64]:
    """How many replicates have no value, per group."""
    return np.asarray((~replicates.defined).sum(axis=0), dtype=np.int64)


def percentile(values: Array, *, level: float) -> BootstrapLimits:
    """Quantiles of the (replicate,) values of one group."""
    return _at(values, tail(level), 1.0 - tail(level))


def expanded(values: Array, sides: Sequence[tuple[float, int]], *, level: float) -> BootstrapLimits | None:
    """Percentile limits of a difference or a ratio, as much wider as Student's t is with so few clusters (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789: "expanded percentile"), at quantiles that leave out the tails on average
    however few replicates there are (type 6). None where they would lie beyond all replicates, which can't tell how far.

    sides : of each side the variance that its replicates give the contrast, which is (n - 1)/n of what it ought to be, and
        its n clusters; degrees of freedom by Welch and Satterthwaite. At least one of them varies.
    """
    reachable = 1.0 / (values.size + 1)  # the share that the outermost of so many leaves out
    found = [(variance * n / (n - 1), variance, n) for variance, n in sides if variance > 0 and n > 1]
    if not found:
        return _at(values, tail(level), 1.0 - tail(level)) if tail(level) >= reachable else None
    right = sum(one for one, _, _ in found)
    degrees = right**2 / sum(one**2 / (n - 1) for one, _, n in found)
    wider = float(student_quantile(level, degrees)) * float(np.sqrt(right / sum(one for _, one, _ in found)))
    out = tail(level_of(wider))
    return _at(values, out, 1.0 - out, kind="weibull") if out >= reachable else None


def bias_corrected(values: Array, point: float, jackknife: Array, *, level: float) -> BootstrapLimits:
    """BCa (Efron 1987, doi:10.1080/01621459.1987.10478410).

    jackknife : the value with each cluster of the group left out, undefined ones dropped
    """
    apart = jackknife.mean() - jackknife if jackknife.size else np.zeros(1)
    spread = float(np.dot(apart, apart))
    acceleration = float((apart**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
    below = (values < point).mean() + 0.5 * (values == point).mean()
    bias = float(scipy.special.ndtri(np.clip(below, 1e-6, 1.0 - 1e-6)))

    def share(out: float) -> float:
        shifted = bias + float(scipy.special.ndtri(out))
        return float(scipy.special.ndtr(bias + shifted / max(1.0 - acceleration * shifted, 1e-6)))

    return _at(values, share(tail(level)), share(1.0 - tail(level)))


def studentised(
    values: Array, point: float, errors: Array, *, level: float, bounds: tuple[float, float]
) -> BootstrapLimits:
    """Point - t · error, cut off at the bounds; t from replicates, each held against its own error.

    errors : (replicate,) standard error of each replicate, from its second-level replicates
    """
    usable = errors > 0
    ratios = (values[usable] - point) / errors[usable]
    error = float(values.std(ddof=1))
    found = _at(ratios, tail(level), 1.0 - tail(level))
    low, high = np.clip([point - found.high * error, point - found.low * error], *bounds)
    return BootstrapLimits(float(low), float(high), found.monte_carlo_error * error)


@dataclass(frozen=True, slots=True)
class SecondLevel:
    """Each first-level replicate resampled again INNER times: replicate r · INNER + i is the i-th of the r-th."""

    first: ClusterWeights

    @property
    def clusters(self) -> int:
        """As many as at the first level."""
        return self.first.clusters

    @property
    def replicates(self) -> int:
        """INNER for each of the first level."""
        return self.first.replicates * INNER

    def fill(self, block: int, weights: NDArray[np.uint8]) -> None:
        """Write the block's weights, from a generator keyed by the stream and the block."""
        words = hashlib.sha256(b"second level" + self.first.key + block.to_bytes(8, "little")).digest()
        generator = np.random.Generator(np.random.Philox(int.from_bytes(words[:16], "little")))
        outer = np.empty((self.clusters, LANES), np.uint8)
        held = -1
        for lane in range(min(LANES, self.replicates - block * LANES)):
            parent = (block * LANES + lane) // INNER
            if parent // LANES != held:
                held = parent // LANES
                self.first.fill(held, outer)
            drawn = np.repeat(np.arange(self.clusters), outer[:, parent % LANES])
            again = np.bincount(drawn[generator.integers(0, drawn.size, drawn.size)], minlength=self.clusters)
            if again.max() > 255:
                raise OverflowError(f"a cluster was drawn more than 255 times in block {block}")
            weights[:, lane] = again


def second_level_errors(values: Values) -> Array:
    """(replicate, group) standard errors from second-level values, 0 where fewer than half are defined."""
    shape = (-1, INNER, values.value.shape[1])
    inner, defined = values.value.reshape(shape), values.defined.reshape(shape)
    count = defined.sum(axis=1)
    safe = np.maximum(count, 1)
    mean = np.where(defined, inner, 0.0).sum(axis=1) / safe
    squares = np.where(defined, (inner - mean[:, None, :]) ** 2, 0.0).sum(axis=1)
    return np.where(count >= INNER // 2, np.sqrt(squares / np.maximum(count - 1, 1)), 0.0)


def _at(values: Array, low: float, high: float, *, kind: Kind = "linear") -> BootstrapLimits:
    """Quantiles, each with its error from the order statistics one binomial standard deviation to either side."""
    ordered = np.sort(values)
    found = [_quantile_and_error(ordered, share, kind) for share in (low, high)]
    return BootstrapLimits(found[0][0], found[1][0], max(error for _, error in found))


def _quantile_and_error(ordered: Array, share: float, kind: Kind) -> tuple[float, float]:
    spread = np.sqrt(max(share * (1.0 - share), 0.0) / ordered.size)
    value, below, above = np.quantile(ordered, np.clip([share, share - spread, share + spread], 0.0, 1.0), method=kind)
    return float(value), float(above - below) / 2.0
