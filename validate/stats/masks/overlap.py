"""How much two masks share, counted in voxels."""

from __future__ import annotations

from dataclasses import dataclass

from validate.errors import Undefined
from validate.stats.masks.runs import Runs, shared_voxels


@dataclass(frozen=True, slots=True)
class Overlap:
    """Voxels inside the reference, the prediction, and both."""

    reference: int
    prediction: int
    shared: int

    def dice(self) -> float:
        """2·shared / (reference + prediction), in [0, 1] (Dice 1945, doi:10.2307/1932409)."""
        self._need(self.reference + self.prediction, "Dice needs a voxel: both masks are empty")
        return 2.0 * self.shared / (self.reference + self.prediction)

    def iou(self) -> float:
        """Shared / union, in [0, 1] (Jaccard 1912)."""
        self._need(self.reference + self.prediction, "IoU needs a voxel: both masks are empty")
        return self.shared / (self.reference + self.prediction - self.shared)

    def precision(self) -> float:
        """Share of the prediction that is right."""
        self._need(self.prediction, "precision needs a predicted voxel: the prediction is empty")
        return self.shared / self.prediction

    def recall(self) -> float:
        """Share of the reference that is found."""
        self._need(self.reference, "recall needs a reference voxel: the reference is empty")
        return self.shared / self.reference

    @staticmethod
    def _need(voxels: int, otherwise: str) -> None:
        if not voxels:
            raise Undefined(otherwise)


def overlap_of(reference: Runs, prediction: Runs) -> Overlap:
    """Raises ValueError where the shapes differ."""
    if reference.shape != prediction.shape:
        raise ValueError(f"masks of shape {reference.shape} and {prediction.shape}; expected the same")
    return Overlap(reference.voxels, prediction.voxels, shared_voxels(reference, prediction))
