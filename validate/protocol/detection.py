"""How marks are judged: in which coordinates, what makes a hit, what a second mark on one lesion counts as."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
SIZE = "lesion_size"  # the attribute of lesions that detection.size_bands makes


class Hit(BaseModel):
    """When a mark hits a lesion. Of several lesions a mark takes the one it fits best; the highest score chooses first.

    criterion : iou, the overlap of both reaches `value`; centre_in_object, the mark's centre lies in the lesion; distance, the two
        centres lie at most `value` apart, in detection.space; diameter_fraction, at most `value` of the lesion's diameter apart
    """

    model_config = CONFIG

    criterion: Literal["iou", "centre_in_object", "distance", "diameter_fraction"]
    value: Annotated[float, Field(gt=0)] | None = None


class Detection(BaseModel):
    """Protocol fields of task detection; nothing here has a usual value, because challenges differ, and numbers with them.

    space : what hits are judged in: "mm", patient coordinates, or "pixels". Marks and lesions in other coordinates are brought there
        by the geometry of the case's image
    repeated_hits : a mark that hits only lesions which higher marks have hit: "ignore", or "false_mark"
    size_bands : limits of lesion sizes, in the unit of their column or of `space`, such as [3, 6, 10, 30]; makes the stratum
        lesion_size. A lesion outside them is "missing" there
    lesion_attributes : other columns of the table of lesions that strata may name, such as texture
    extent : attributes of a case that hold its image's size in pixels along x, y[, z], such as [width, height], where its images are not
        read; a mark whose centre lies outside its image is refused
    pictures : slices of the worst cases, with lesions and marks drawn in, go into the report, and leave the site
    connectivity : of masks, when voxels are one lesion: 6, 18 or 26 in a volume, 4 or 8 in a plane
    """

    model_config = CONFIG

    space: Literal["mm", "pixels"]
    hit: Hit
    repeated_hits: Literal["ignore", "false_mark"]
    size_bands: tuple[float, ...] | None = None
    lesion_attributes: tuple[str, ...] = ()
    extent: tuple[str, ...] | None = None
    connectivity: Literal[4, 6, 8, 18, 26] | None = None
    pictures: bool = False

    @property
    def by_lesion(self) -> tuple[str, ...]:
        """Strata that lesions belong to, and not cases."""
        return (*((SIZE,) if self.size_bands is not None else ()), *self.lesion_attributes)
