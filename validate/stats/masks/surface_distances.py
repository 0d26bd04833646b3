"""Two borders' distances to each other, and what is read from them: HD, HD95, ASSD, NSD.

The libraries of the field disagree in what a border is and how a percentile is taken, so both are named (borders.py):
"surfel" weighs each element by its area, as google-deepmind/surface-distance does (Nikolov et al. 2021,
doi:10.2196/26151); "voxel" counts border voxels, as MONAI and MedPy do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.stats.masks.borders import Border, Boundary
from validate.stats.masks.nearest import nearest_distances

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """to_prediction, to_reference : mm, one per border point, in increasing order      weights : what each counts for

    Made by `surface_distances`. Where a mask is empty nothing can be read, and Undefined says which.
    """

    boundary: Boundary
    to_prediction: Array
    reference_weights: Array
    to_reference: Array
    prediction_weights: Array

    def hausdorff(self) -> float:
        """Largest distance of either direction, mm (doi:10.1109/34.232073)."""
        self._check()
        return float(max(self.to_prediction[-1], self.to_reference[-1]))

    def hausdorff_percentile(self, percent: float = 95.0) -> float:
        """Larger of the two directed percentiles, mm.

        Surfels: the first distance at which the summed area reaches the percentage. Voxels: interpolated between order
        statistics (numpy's default). Raises ValueError unless 0 ≤ percent ≤ 100.
        """
        if not 0 <= percent <= 100:
            raise ValueError(f"a percentile of {percent}; expected 0 to 100, such as 95")
        self._check()
        return max(
            self._percentile(self.to_prediction, self.reference_weights, percent),
            self._percentile(self.to_reference, self.prediction_weights, percent),
        )

    def average(self) -> float:
        """Average symmetric surface distance, mm: over the points of both borders together (ASSD)."""
        self._check()
        total = self.to_prediction @ self.reference_weights + self.to_reference @ self.prediction_weights
        return float(total / (self.reference_weights.sum() + self.prediction_weights.sum()))

    def mean_of_directed(self) -> float:
        """Mean of the two directed averages, mm (MASD): each border counts the same, however long it is."""
        self._check()
        return (
            float(
                np.average(self.to_prediction, weights=self.reference_weights)
                + np.average(self.to_reference, weights=self.prediction_weights)
            )
            / 2
        )

    def normalised_surface_dice(self, tolerance: float) -> float:
        """Share of both borders that lies within the tolerance (mm, inclusive) of the other; in [0, 1].

        Raises ValueError for a negative tolerance or one that is no number.
        """
        if not tolerance >= 0 or not np.isfinite(tolerance):
            raise ValueError(f"a tolerance of {tolerance} mm; expected a finite number of 0 or more")
        self._check()
        near = np.searchsorted(self.to_prediction, tolerance, side="right")
        back = np.searchsorted(self.to_reference, tolerance, side="right")
        within = self.reference_weights[:near].sum() + self.prediction_weights[:back].sum()
        return float(within / (self.reference_weights.sum() + self.prediction_weights.sum()))

    def _percentile(self, distances: Array, weights: Array, percent: float) -> float:
        if self.boundary == "voxel":
            return float(np.percentile(distances, percent))
        share = np.cumsum(weights) / weights.sum()
        place = int(np.searchsorted(share, percent / 100.0))
        return float(distances[min(place, distances.size - 1)])

    def _check(self) -> None:
        empty = [
            name
            for name, found in (("reference", self.reference_weights), ("prediction", self.prediction_weights))
            if not found.size
        ]
        if empty:
            raise Undefined(f"a surface distance needs both masks: the {' and the '.join(empty)} is empty")


def surface_distances(
    reference: Border,
    prediction: Border,
    *,
    boundary: Boundary,
    spacing: tuple[float, float, float],
    workers: int = 0,
) -> SurfaceDistances:
    """Both ways. Spacing is (z, y, x) in mm. Empty borders are allowed here; reading a distance then raises Undefined."""
    nothing = np.empty(0)
    if not reference.size or not prediction.size:
        return SurfaceDistances(boundary, nothing, reference.weight, nothing, prediction.weight)
    there = nearest_distances(reference, prediction, spacing=spacing, workers=workers)
    back = nearest_distances(prediction, reference, spacing=spacing, workers=workers)
    return SurfaceDistances(boundary, *_sorted(there, reference.weight), *_sorted(back, prediction.weight))


def _sorted(distances: Array, weights: Array) -> tuple[Array, Array]:
    order = np.argsort(distances, kind="stable")
    return distances[order], weights[order]
