"""Lesion-wise agreement: which predicted component is which reference component, and how many are missed or invented.

PQ = SQ · RQ as in Kirillov et al. 2019 (doi:10.1109/CVPR.2019.00963).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from validate.errors import Undefined
from validate.stats.masks.components import Components, overlaps

Measure = Literal["iou", "dice"]


@dataclass(frozen=True, slots=True)
class Matching:
    """When two components are the same lesion.

    measure : overlap by which pairs are judged      threshold : in [0, 1)
    inclusive : whether a pair exactly at the threshold is one (≥), or must exceed it (>)
    Of several candidates the one with the most overlap is taken, each component once; equal overlaps in their order.
    """

    measure: Measure = "iou"
    threshold: float = 0.5
    inclusive: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"a matching threshold of {self.threshold}; expected 0 to 1")


@dataclass(frozen=True, slots=True)
class InstanceAgreement:
    """reference, prediction : (pairs,) matched components      iou, dice : (pairs,) of each
    reference_voxels, prediction_voxels : (components,) of all, matched or not
    """

    matching: Matching
    reference: NDArray[np.int64]
    prediction: NDArray[np.int64]
    iou: NDArray[np.float64]
    dice: NDArray[np.float64]
    reference_voxels: NDArray[np.int64]
    prediction_voxels: NDArray[np.int64]

    @property
    def found(self) -> int:
        """Reference components with a match: true positives."""
        return int(self.reference.size)

    @property
    def missed(self) -> int:
        """Reference components without one."""
        return int(self.reference_voxels.size) - self.found

    @property
    def invented(self) -> int:
        """Predicted components without one: false positives."""
        return int(self.prediction_voxels.size) - self.found

    def sensitivity(self) -> float:
        """Found of all reference components. Raises Undefined where there is none."""
        if not self.reference_voxels.size:
            raise Undefined("lesion sensitivity needs a lesion: the reference has none")
        return self.found / int(self.reference_voxels.size)

    def by_size(self, limits: Sequence[float]) -> list[tuple[int, int]]:
        """(found, there) of the reference's components in each band of voxels, one more than there are limits that rise.

        A component exactly at a limit belongs to the band above.
        """
        band = np.searchsorted(np.asarray(limits, np.float64), self.reference_voxels, side="right")
        there = np.bincount(band, minlength=len(limits) + 1)
        found = np.bincount(band[self.reference], minlength=len(limits) + 1)
        return list(zip(found.tolist(), there.tolist(), strict=True))

    def recognition_quality(self) -> float:
        """RQ, the F1 of detection. Raises Undefined where neither side has a component."""
        if not self.reference_voxels.size and not self.prediction_voxels.size:
            raise Undefined("recognition quality needs a component: neither mask has one")
        return self.found / (self.found + (self.missed + self.invented) / 2)

    def segmentation_quality(self) -> float:
        """SQ, the mean overlap (IoU) of matched pairs. Raises Undefined where nothing is matched."""
        if not self.found:
            raise Undefined("segmentation quality needs a match: no predicted component is matched")
        return float(self.iou.mean())

    def panoptic_quality(self) -> float:
        """PQ = SQ · RQ; 0 where there are components and none is matched."""
        recognition = self.recognition_quality()
        return self.segmentation_quality() * recognition if self.found else 0.0


def instance_agreement(
    reference: Components, prediction: Components, *, matching: Matching | None = None
) -> InstanceAgreement:
    """Both must come from masks of one shape; raises ValueError where they do not."""
    if reference.runs.shape != prediction.runs.shape:
        raise ValueError(f"masks of shape {reference.runs.shape} and {prediction.runs.shape}; expected the same")
    rule = matching or Matching()
    pairs = overlaps(reference, prediction)
    sizes = reference.voxels[pairs.reference] + prediction.voxels[pairs.prediction]
    iou, dice = pairs.voxels / (sizes - pairs.voxels), 2.0 * pairs.voxels / sizes
    judged = iou if rule.measure == "iou" else dice
    enough = judged >= rule.threshold if rule.inclusive else judged > rule.threshold
    kept = _greedy(pairs.reference, pairs.prediction, np.where(enough, judged, -1.0))
    return InstanceAgreement(
        matching=rule,
        reference=pairs.reference[kept],
        prediction=pairs.prediction[kept],
        iou=iou[kept],
        dice=dice[kept],
        reference_voxels=reference.voxels,
        prediction_voxels=prediction.voxels,
    )


def _greedy(
    reference: NDArray[np.int64], prediction: NDArray[np.int64], overlap: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Positions of the pairs taken, the greatest overlap first, each component once; in the order of the reference."""
    taken_reference: set[int] = set()
    taken_prediction: set[int] = set()
    kept = []
    for place in np.argsort(-overlap, kind="stable").tolist():
        one, other = int(reference[place]), int(prediction[place])
        if overlap[place] >= 0 and one not in taken_reference and other not in taken_prediction:
            taken_reference.add(one)
            taken_prediction.add(other)
            kept.append(place)
    return np.array(sorted(kept), np.int64)
