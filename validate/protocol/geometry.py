"""What may be done to a series whose slices do not make a regular box: refused, unless the protocol says otherwise."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Geometry(BaseModel):
    """Protocol fields of `cohort.geometry`.

    gaps : slices are missing: "refuse", or "resample", which puts linear mixtures of the neighbours there
    spacing : distances of slices vary: "refuse", or "resample" to the smallest distance, linearly
    tilt : slices are shifted against each other (gantry tilt): "refuse"; "keep", where the affine says the shift and voxels stay
        as they are; or "resample" to a box at right angles, linearly, with the lowest value of a slice outside of it
    select : of several phases at one place, those frames whose header says so, such as {EchoTime: 30}
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    gaps: Literal["refuse", "resample"] = "refuse"
    spacing: Literal["refuse", "resample"] = "refuse"
    tilt: Literal["refuse", "keep", "resample"] = "refuse"
    select: dict[str, str | int | float] = {}
