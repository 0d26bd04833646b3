"""Which weight each cluster has in each replicate: the bootstrap, leave-one-out, and the data as they are.

The cluster (patient) is resampled, never its rows. Weights come in blocks of 64 replicates, so memory is bounded by a
block, and a replicate's weights depend on nothing but the key and its own number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from validate.stats.compiled import LANES
from validate.stats.draws import fill_block, poisson_thresholds


class Weights(Protocol):
    """Replicate weights of `clusters` clusters, by blocks of 64 replicates."""

    @property
    def clusters(self) -> int:
        """How many clusters there are."""
        ...

    @property
    def replicates(self) -> int:
        """How many replicates there are."""
        ...

    def fill(self, block: int, weights: NDArray[np.uint8]) -> None:
        """Write the block's weights: (clusters, 64) uint8; lanes past the last replicate may hold anything."""
        ...


def block_count(weights: Weights) -> int:
    """Blocks of 64 that hold all replicates."""
    return -(-weights.replicates // LANES)


def resampling_key(seed: int, cohort_digest: str, purpose: str = "bootstrap") -> bytes:
    """32 bytes that fix a whole resampling stream; a change of any argument changes all of it."""
    return hashlib.sha256(f"validate/{purpose}/{seed}/{cohort_digest}".encode()).digest()


@dataclass(frozen=True, slots=True)
class ClusterWeights:
    """Multinomial bootstrap weights of clusters; each replicate's weights sum to the number of clusters.

    strata : (clusters,) int, or None. Resampling then keeps each stratum's number of clusters; only where sampling
    was stratified.  Raises ValueError for fewer than one cluster or replicate, or strata of another length.
    """

    clusters: int
    replicates: int
    key: bytes
    strata: NDArray[np.int64] | None = None
    _members: tuple[NDArray[np.int64], ...] = field(init=False, repr=False)
    _thresholds: tuple[NDArray[np.uint64], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.clusters < 1 or self.replicates < 1:
            raise ValueError(f"got {self.clusters} clusters and {self.replicates} replicates; both must be at least 1")
        if self.clusters >= 1 << 31:
            raise ValueError(f"got {self.clusters} clusters; at most {(1 << 31) - 1} can be resampled")
        strata = np.zeros(self.clusters, np.int64) if self.strata is None else np.asarray(self.strata)
        if strata.shape != (self.clusters,):
            raise ValueError(f"got strata of shape {strata.shape}, expected ({self.clusters},)")
        members = tuple(np.flatnonzero(strata == level) for level in np.unique(strata))
        object.__setattr__(self, "_members", members)
        object.__setattr__(self, "_thresholds", tuple(poisson_thresholds(m.size) for m in members))

    def fill(self, block: int, weights: NDArray[np.uint8]) -> None:
        """Write the block's weights. Raises OverflowError if one would not fit into 8 bits."""
        for index, (members, thresholds) in enumerate(zip(self._members, self._thresholds, strict=True)):
            words = self.key + block.to_bytes(8, "little") + index.to_bytes(8, "little")
            key = np.uint64(int.from_bytes(hashlib.sha256(words).digest()[:8], "little"))
            if not fill_block(weights, members, key, thresholds):
                raise OverflowError(f"a cluster was drawn more than 255 times in block {block}")


@dataclass(frozen=True, slots=True)
class LeaveOneOut:
    """The jackknife: replicate i leaves cluster i out, and with more than `parts` clusters every parts-th one from i on.

    The skewness that BCa's acceleration needs is the same from groups as from single clusters, at a fraction of the work
    (Efron & Narasimhan 2020, doi:10.1080/10618600.2020.1714633).
    """

    clusters: int
    parts: int = 1000

    @property
    def replicates(self) -> int:
        """One for each cluster, or group of clusters."""
        return min(self.clusters, self.parts)

    def fill(self, block: int, weights: NDArray[np.uint8]) -> None:
        """Write ones, and zero for the clusters that each lane leaves out."""
        weights[:] = 1
        first = block * LANES
        for lane in range(min(LANES, self.replicates - first)):
            weights[first + lane :: self.replicates, lane] = 0


@dataclass(frozen=True, slots=True)
class AsObserved:
    """One replicate in which every cluster counts once: the point estimate, by the very same path."""

    clusters: int
    replicates: int = 1

    def fill(self, block: int, weights: NDArray[np.uint8]) -> None:
        """Write ones."""
        del block
        weights[:] = 1
