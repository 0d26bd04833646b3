"""What a model says about one case, or why it said nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ONLY_TARGET = "score"  # key of the single score of a model; the run knows which label of the protocol it is for


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Scores by target: {"opacity": 0.93}. `raw` is the model's output before the stated activation."""

    scores: Mapping[str, float]
    raw: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Mask:
    """A label map as the file it is stored in (.nii.gz), and the volume of each value in it, in ml."""

    content: bytes = field(repr=False)
    volumes: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Failure:
    """No output for this case. `reason` is a code ("truncated", "no_pixel_data", "nan_output"), `detail` a sentence."""

    reason: str
    detail: str


Prediction = ClassScores | Mask  # later: | Boxes | Measurement | Risk


@dataclass(frozen=True, slots=True)
class Inference:
    """One row of the inference tables: a case × model × pass, with its prediction or its failure."""

    unit: str
    model: str
    pass_id: str
    result: Prediction | Failure
    source: Mapping[str, str] = field(default_factory=dict)  # decoder and transfer syntax
