"""One structure of one pair of masks: every measure, with the protocol's rules for empty masks applied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validate.casewise.measure import FOUND, MEASURES, THERE, Measure
from validate.errors import Undefined
from validate.imaging.mask import LabelMap
from validate.mask_comparison import MICROLITRES, MaskComparison, compare_masks
from validate.protocol.schema import StudyProtocol
from validate.protocol.segmentation import Lesions, Segmentation
from validate.stats.masks.components import components_of
from validate.stats.masks.instances import InstanceAgreement, Matching
from validate.stats.masks.runs import runs_of

Row = dict[str, object]
DIRECT = ("dice", "iou", "precision", "recall", "nsd", "centreline_dice", "hd", "hd95", "assd", "masd")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a reference says of a structure, whatever was predicted."""

    reference: LabelMap
    value: int
    lesions: Lesions | None = None

    def without_prediction(self) -> Row:
        """Volume and lesions of the reference, and the diagonal of its image: what a failed case may count as."""
        voxels = int((self.reference.labels == self.value).sum())
        lengths = self.reference.grid.spacing
        planar = self.reference.grid.shape[0] == 1
        unit = math.prod(lengths[1:]) if planar else math.prod(lengths) / MICROLITRES
        known: Row = {"volume_reference": voxels * unit, "diagonal": self.reference.grid.diagonal}
        if self.lesions is not None:
            labels = self.reference.labels[0] if planar else self.reference.labels
            found = components_of(runs_of(labels == self.value, workers=1), connectivity=self.lesions.connectivity)
            known[THERE] = float(found.count)
            limits = _voxels(self.lesions, lengths[1:] if planar else lengths)
            bands = np.bincount(np.searchsorted(limits, found.voxels, side="right"), minlength=len(limits) + 1)
            if self.lesions.size_limits is not None:
                known |= {f"{THERE}_{band}": float(count) for band, count in enumerate(bands.tolist(), start=1)}
        return known


def compared(protocol: StudyProtocol, name: str, reference: LabelMap, prediction: LabelMap) -> Row:
    """Every measure of the structure. Both masks lie on one grid; None where a measure has no value."""
    block = protocol.segmentation
    assert block is not None and isinstance(protocol.reference.classes, dict)
    value = protocol.reference.classes[name]
    masks = reference.labels == value, prediction.labels == value
    spacing = reference.grid.spacing
    if reference.grid.shape[0] == 1:
        masks, spacing = (masks[0][0], masks[1][0]), spacing[1:]  # type: ignore[assignment]
    lesions = block.lesions
    found = compare_masks(
        *masks,
        spacing=spacing,
        tolerance=block.tolerance_of(name),
        boundary=block.boundary,
        matching=None if lesions is None else Matching(lesions.overlap, lesions.threshold, lesions.inclusive),
        connectivity=None if lesions is None else lesions.connectivity,
        centreline=name in block.centrelines,
        workers=1,
    )
    diagonal = reference.grid.diagonal
    raw = {
        **_direct(found),
        **_volumes(found),
        **({} if lesions is None else _lesions(found.lesions, lesions, spacing)),
    }
    empty = _empty(found)
    ruled = {
        key: _ruled(MEASURES[key], number, empty, block, diagonal) for key, number in raw.items() if key in MEASURES
    }
    if name not in block.centrelines:
        ruled["centreline_dice"] = None
    return {**raw, **ruled, "empty": empty, "diagonal": diagonal}


def _empty(found: MaskComparison) -> str:
    return {
        (False, False): "neither",
        (True, False): "reference",
        (False, True): "prediction",
        (True, True): "both",
    }[found.volume_reference == 0, found.volume_prediction == 0]


def _direct(found: MaskComparison) -> dict[str, float | None]:
    return {name: getattr(found, name) for name in DIRECT}


def _volumes(found: MaskComparison) -> dict[str, float | None]:
    relative = found.volume_difference / found.volume_reference if found.volume_reference else None
    return {
        "volume_reference": found.volume_reference,
        "volume_prediction": found.volume_prediction,
        "volume_difference": found.volume_difference,
        "volume_error": abs(found.volume_difference),
        "volume_relative": relative,
    }


def _voxels(lesions: Lesions, spacing: Sequence[float]) -> list[float]:
    """The limits of sizes as voxels: those of a ball, or in a plane of a circle, of that diameter."""
    axes = len(spacing)
    share = math.pi / 6 if axes == 3 else math.pi / 4
    return [share * limit**axes / math.prod(spacing) for limit in lesions.size_limits or ()]


def _lesions(found: InstanceAgreement, block: Lesions, spacing: Sequence[float]) -> dict[str, float | None]:
    def read(name: str) -> float | None:
        try:
            return float(getattr(found, name)())
        except Undefined:
            return None

    sizes: dict[str, float | None] = {}
    if block.size_limits is not None:
        for band, (hits, there) in enumerate(found.by_size(_voxels(block, spacing)), start=1):
            sizes |= {f"{THERE}_{band}": float(there), f"{FOUND}_{band}": float(hits)}
    return {
        **sizes,
        "lesion_recall": read("sensitivity"),
        "lesion_false_positives": float(found.invented),
        "recognition_quality": read("recognition_quality"),
        "segmentation_quality": read("segmentation_quality"),
        "panoptic_quality": read("panoptic_quality"),
        THERE: float(found.reference_voxels.size),
        FOUND: float(found.found),
    }


def _ruled(measure: Measure, raw: float | None, empty: str, block: Segmentation, diagonal: float) -> float | None:
    """The value that counts: as measured, or by the protocol's rule where a mask is empty."""
    if measure.of_volumes or measure.lesions or empty == "neither":
        return raw
    worst = measure.worst_value(diagonal)
    if empty == "prediction":
        return worst if raw is None and block.empty_prediction == "worst_case" else raw
    if block.empty_reference == "exclude_and_report" or worst is None:
        return None
    return measure.best if empty == "both" else worst
