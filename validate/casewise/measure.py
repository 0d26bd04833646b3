"""The measures of a pair of masks: what each is called, between which bounds it lies, and what the worst of it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from validate.protocol.segmentation import MOST_BANDS

Unit = Literal["proportion", "proportion_difference", "index", "mm", "ml", "count"]
Worst = Literal["zero", "diagonal"]
AREA = "Areas in mm² where an image is one slice."


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """
    title : as printed after "mean" or "median"      unit : "ml" is mm² where an image is one slice
    best : of two masks that are the same      worst : "zero", "diagonal" of the image (a distance), or None where there is none
    of_volumes : has a value whatever is empty, so that no rule for empty masks applies
    derived : from several structures or images of a study      source : DOI
    """

    name: str
    title: str
    unit: Unit = "index"
    bounds: tuple[float, float] = (0.0, 1.0)
    better: Literal["higher", "lower", "neither"] = "higher"
    best: float = 1.0
    worst: Worst | None = "zero"
    of_volumes: bool = False
    lesions: bool = False
    explanation: str = ""
    source: str = ""

    def worst_value(self, diagonal: float) -> float | None:
        """Diagonal : of the image, mm."""
        return {"zero": 0.0, "diagonal": diagonal}[self.worst] if self.worst is not None else None


def _distance(name: str, title: str, explanation: str, source: str) -> Measure:
    return Measure(
        name=name, title=title, unit="mm", bounds=(0.0, inf), better="lower", best=0.0, worst="diagonal",
        explanation=explanation, source=source,
    )  # fmt: skip


def _volume(
    name: str, title: str, low: float, better: Literal["higher", "lower", "neither"], explanation: str
) -> Measure:
    return Measure(
        name=name, title=title, unit="ml", bounds=(low, inf), better=better, best=0.0, worst=None, of_volumes=True,
        explanation=f"{explanation} {AREA}", source=RELOADED,
    )  # fmt: skip


RELOADED = "Maier-Hein et al. 2024, Metrics reloaded, doi:10.1038/s41592-023-02151-z"
SURFACE = "Nikolov et al. 2021, doi:10.2196/26151"
PANOPTIC = "Kirillov et al. 2019, doi:10.1109/CVPR.2019.00963"

_ALL = (
    Measure(
        name="dice", title="Dice coefficient", source="Dice 1945, doi:10.2307/1932409",
        explanation="Twice what the two masks share, over the sum of both: 1 where they are the same, 0 where they do not meet.",
    ),
    Measure(
        name="iou", title="intersection over union", source="Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x",
        explanation="What the two masks share, over all that either holds.",
    ),
    Measure(name="precision", title="voxel precision", source=RELOADED, explanation="The share of the prediction that is right."),
    Measure(name="recall", title="voxel recall", source=RELOADED, explanation="The share of the reference that is found."),
    Measure(
        name="nsd", title="normalised surface Dice", source=SURFACE,
        explanation="The share of both surfaces that lies within the tolerance of the other one.",
    ),
    Measure(
        name="centreline_dice", title="centreline Dice", source="Shit et al. 2021, doi:10.1109/CVPR46437.2021.01629",
        explanation="Whether each mask's centreline runs inside the other mask: of vessels and other tubes.",
    ),
    _distance("hd", "Hausdorff distance", "The farthest that a point of one surface lies from the other.", RELOADED),
    _distance(
        "hd95", "95th-percentile Hausdorff distance",
        "The distance within which 95% of each surface lies from the other; the larger of both directions.", RELOADED,
    ),
    _distance("assd", "average symmetric surface distance", "How far the two surfaces lie apart on average.", RELOADED),
    _distance("masd", "mean average surface distance", "The mean of the average distances in both directions.", RELOADED),
    _volume("volume_reference", "volume in the reference", 0.0, "neither", "Of the reference mask."),
    _volume("volume_prediction", "predicted volume", 0.0, "neither", "Of the predicted mask."),
    _volume("volume_difference", "volume difference", -inf, "neither", "Predicted volume less the reference's."),
    _volume("volume_error", "absolute volume difference", 0.0, "lower", "The difference of volumes without its sign."),
    Measure(
        name="volume_relative", title="relative volume difference", unit="proportion", bounds=(-1.0, inf), better="neither",
        best=0.0, worst=None, source=RELOADED,
        explanation="Predicted volume less the reference's, as a share of the reference's.",
    ),
    Measure(
        name="lesion_recall", title="share of lesions found", lesions=True, source=PANOPTIC,
        explanation="Of a case's lesions in the reference, the share that is matched.",
    ),
    Measure(
        name="lesion_false_positives", title="invented lesions", unit="count", bounds=(0.0, inf), better="lower", best=0.0,
        worst=None, of_volumes=True, lesions=True, source=PANOPTIC,
        explanation="Predicted lesions that match none of the reference.",
    ),
    Measure(
        name="recognition_quality", title="recognition quality (RQ)", lesions=True, source=PANOPTIC,
        explanation="The F1 of lesions: found, over found and half of those missed or invented.",
    ),
    Measure(
        name="segmentation_quality", title="segmentation quality (SQ)", lesions=True, source=PANOPTIC,
        explanation="The mean intersection over union of lesions that are matched.",
    ),
    Measure(
        name="panoptic_quality", title="panoptic quality (PQ)", lesions=True, source=PANOPTIC,
        explanation="Recognition quality times segmentation quality.",
    ),
    Measure(
        name="ejection_fraction_difference", title="ejection fraction difference", unit="proportion_difference",
        bounds=(-inf, inf),
        better="neither", best=0.0, worst=None, of_volumes=True, source=RELOADED,
        explanation="Ejection fraction by the predicted masks of two phases, less that by the reference's.",
    ),
)  # fmt: skip
MEASURES: dict[str, Measure] = {measure.name: measure for measure in _ALL}
# Columns that go with them: what volumes are made of, counts behind lesion measures, and the worst distance there is.
THERE, FOUND = "lesions_reference", "lesions_found"
BESIDE = (
    "diagonal",
    THERE,
    FOUND,
    *(f"{name}_{band}" for band in range(1, MOST_BANDS + 1) for name in (THERE, FOUND)),
    "ejection_fraction_reference",
    "ejection_fraction_prediction",
)
COLUMNS = (*MEASURES, *BESIDE)
