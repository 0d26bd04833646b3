"""How masks are compared: what a surface is, what an empty mask counts as, which components are one lesion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Millimetres = Annotated[float, Field(ge=0, le=1000)]
MOST_BANDS = 6  # of lesion sizes
CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Lesions(BaseModel):
    """When a predicted component is a component of the reference.

    overlap : by which a pair is judged      threshold : that it must exceed, or reach where inclusive
    connectivity : when voxels are one component: 6, 18 or 26 in a volume, 4 or 8 in a plane
    size_limits : where one band of lesion sizes ends and the next begins, mm of the diameter of a ball (in one slice a circle)
        as large as the reference's lesion, such as [5, 10]: under 5, 5 to under 10, 10 and more
    """

    model_config = CONFIG

    overlap: Literal["iou", "dice"]
    threshold: Annotated[float, Field(ge=0, lt=1)]
    inclusive: bool
    connectivity: Literal[4, 6, 8, 18, 26]
    size_limits: (
        Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1, max_length=MOST_BANDS - 1)] | None
    ) = None

    @property
    def size_bands(self) -> tuple[tuple[float, float | None], ...]:
        """(from, to) of each band in mm; the last one is open."""
        limits = self.size_limits
        return () if limits is None else tuple(zip((0.0, *limits), (*limits, None), strict=True))


def band_words(low: float, high: float | None) -> str:
    """Such as "under 5 mm", "5 to under 10 mm", "10 mm and more"."""
    if high is None:
        return f"{low:.10g} mm and more"
    return f"under {high:.10g} mm" if not low else f"{low:.10g} to under {high:.10g} mm"


class Ejection(BaseModel):
    """A share of a structure's volume that two phases of one study tell: (filled - emptied) / filled.

    structure : whose volume      phase : attribute that tells the two images of a study apart      filled, emptied : its values
    """

    model_config = CONFIG

    structure: str
    phase: str
    filled: str
    emptied: str


class Segmentation(BaseModel):
    """Protocol fields of task segmentation; nothing here has a usual value, because libraries disagree.

    boundary : "surfel", area-weighted elements between voxels (doi:10.2196/26151), or "voxel", border voxels
    tolerance : of the normalised surface Dice, mm; one for all structures, or one each
    empty_reference : of a case where the reference holds none of a structure: "exclude_and_report", or
        "agreement_if_both_empty": the best value where the prediction is empty too, and the worst where it is not
    empty_prediction : of measures that have no value then: "worst_case" (0, or for a distance the diagonal of the image), or
        "exclude_and_report"
    grid : a prediction on another grid than its reference: "refuse", a failure; "nearest", the value at the reference's voxel
        centres is that of the prediction's voxel they lie in
    lesions : asks for measures of each component      pictures : slices of the worst cases go into the report, and leave the site
    centrelines : structures whose centreline Dice is wanted
    """

    model_config = CONFIG

    boundary: Literal["surfel", "voxel"]
    tolerance: Millimetres | dict[str, Millimetres]
    empty_reference: Literal["exclude_and_report", "agreement_if_both_empty"]
    empty_prediction: Literal["worst_case", "exclude_and_report"]
    grid: Literal["refuse", "nearest"] = "refuse"
    lesions: Lesions | None = None
    centrelines: tuple[str, ...] = ()
    ejection_fraction: Ejection | None = None
    pictures: bool = False

    def tolerance_of(self, structure: str) -> float:
        """In mm. The protocol names one for every structure, or for all together."""
        return self.tolerance[structure] if isinstance(self.tolerance, dict) else self.tolerance
