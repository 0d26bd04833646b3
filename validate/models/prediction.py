"""What a model says about one case, or why it said nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Shape = Literal["box", "point", "ball"]
Space = Literal["mm", "mm_ras", "pixels", "voxels"]
ONLY_TARGET = "score"  # key of the single score of a model; the run knows which label of the protocol it is for


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores by target: {"opacity": 0.93}. `raw` is the model's output before the stated activation.

    embedding : inner numbers, where the protocol declares them and all are finite
    """

    scores: Mapping[str, float]
    raw: tuple[float, ...] = ()
    embedding: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Mask:
    """A label map as the file it is stored in (.nii.gz), and the volume of each value in it, in ml."""

    content: bytes = field(repr=False)
    volumes: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Marks: the places in one case that a model points at, each with a score; none is an answer too.

    shape : "box", geometry (n, 4 or 6): x, y[, z] of the lower corner, then of the upper one;
        "point", (n, 2 or 3): x, y[, z]; "ball", (n, 3 or 4): x, y[, z] of the centre, then the diameter
    space : "mm", patient coordinates as in DICOM (left, posterior, superior); "mm_ras", as in NIfTI; "pixels", counted from the
        corner of the first one, as in COCO; "voxels", counted from the centre of the first one, as an affine takes them.
        x runs along columns, y along rows, z along slices
    scores : (n,) finite, higher is more suspicious      targets : (n,) what kind of lesion each is, "" where there is one kind
    """

    shape: Shape
    space: Space
    geometry: NDArray[np.float64] = field(repr=False)
    scores: NDArray[np.float64] = field(repr=False)
    targets: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return int(self.scores.size)


@dataclass(frozen=True, slots=True)
class Failure:
    """No output for this case. `reason` is a code ("truncated", "no_pixel_data", "nan_output"), `detail` a sentence."""

    reason: str
    detail: str


Prediction = ClassScores | Boxes | Mask  # later: | Measurement | Risk


@dataclass(frozen=True, slots=True)
class Inference:
    """One row of the inference tables: a case × model × pass, with its prediction or its failure."""

    unit: str
    model: str
    pass_id: str
    result: Prediction | Failure
    source: Mapping[str, str] = field(default_factory=dict)  # decoder and transfer syntax
