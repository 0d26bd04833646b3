"""How the protocol says that a DICOM object is read: which kind holds the answer, under which codes, by which rule."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from validate.errors import ModelError
from validate.models.marks import SHAPES
from validate.protocol.model import Model
from validate.protocol.targets import written

Kind = Literal["sr", "seg", "gsps", "secondary_capture"]
SR_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.88.11",  # Basic Text
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D
    "1.2.840.10008.5.1.4.1.1.88.35",  # Extensible
    "1.2.840.10008.5.1.4.1.1.88.50",  # Mammography CAD
    "1.2.840.10008.5.1.4.1.1.88.65",  # Chest CAD
)
CLASSES: dict[Kind, tuple[str, ...]] = {
    "sr": SR_CLASSES,
    "seg": ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"),
    "gsps": ("1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"),
    "secondary_capture": (
        "1.2.840.10008.5.1.4.1.1.7",
        "1.2.840.10008.5.1.4.1.1.7.1",
        "1.2.840.10008.5.1.4.1.1.7.2",
        "1.2.840.10008.5.1.4.1.1.7.3",
        "1.2.840.10008.5.1.4.1.1.7.4",
    ),
}
NAMES: dict[Kind, str] = {
    "sr": "structured report",
    "seg": "segmentation",
    "gsps": "presentation state",
    "secondary_capture": "secondary capture",
}
HOLDS: dict[Kind, frozenset[str]] = {
    "sr": frozenset({"score", "probability", *SHAPES}),
    "seg": frozenset({"mask"}),
    "gsps": frozenset({"score", "probability", *SHAPES}),
    "secondary_capture": frozenset({"score", "probability"}),
}
SPACES = ("pixels", "mm")  # in which a report says where a mark is: SCOORD and SCOORD3D


class Code(BaseModel):
    """
    code, scheme : of the concept name of a number      finding : where given, only in measurement groups whose finding is this
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    scheme: str
    finding: tuple[str, str] | None = None


class DicomReading(BaseModel):
    """
    kind : of object that holds the answer
    measurement : of a report: the code of the one number, or of every mark's score
    measurements : by class or finding, the code of each; of marks, by kind of lesion, each with its finding
    percent : the report's numbers are percentages
    segments : of a segmentation: value in our mask by segment label; without it, a segment's own number is its value
    pattern : of a presentation state or a secondary capture: a regular expression with a group `score`, looked for in its text
    text : of a secondary capture: the keyword of the element that holds the text
    any_mark : the score is 1 where the presentation state has a graphic annotation, else 0
    mark_score : of marks that have none of their own
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: Kind
    measurement: Code | None = None
    measurements: dict[str, Code] | None = None
    percent: bool = False
    segments: dict[str, Annotated[int, Field(ge=1, le=65535)]] | None = None
    pattern: str | None = None
    text: Annotated[str, Field(pattern=r"^[A-Z]\w*$")] = "ImageComments"
    any_mark: bool = False
    mark_score: float | None = None

    @field_validator("pattern")
    @classmethod
    def _has_a_group(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        try:
            groups = re.compile(pattern).groupindex
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        if "score" not in groups:
            raise ValueError("has no group (?P<score>…)")
        return pattern

    @model_validator(mode="after")
    def _complete(self) -> DicomReading:
        coded = (self.measurement is not None) + (self.measurements is not None)
        if coded > 1 or (self.kind != "sr" and coded) or (self.kind == "sr" and not coded and self.mark_score is None):
            raise ValueError("kind sr needs measurement or measurements, one of them; the other kinds have none")
        if self.segments is not None and self.kind != "seg":
            raise ValueError("segments belong to kind seg")
        if self.mark_score is not None and self.kind not in {"sr", "gsps"}:
            raise ValueError("mark_score belongs to marks, of kind sr or gsps")
        if self.kind == "secondary_capture" and self.pattern is None:
            raise ValueError("a secondary capture is read by a pattern in its text; pixels are not guessed at")
        if self.kind == "gsps" and self.any_mark and self.pattern is not None:
            raise ValueError("any_mark and pattern are two rules; say one")
        return self


def check_reading(reading: DicomReading, model: Model) -> None:
    """Raises ModelError where the kind of object can't hold what the protocol's output says."""
    kind, place = model.output.kind, f"models.{model.id}"
    if kind not in HOLDS[reading.kind]:
        raise ModelError(f"{place}.output.kind: a {NAMES[reading.kind]} holds no {kind}.")
    marked = kind in SHAPES
    if reading.kind == "gsps" and marked and reading.pattern is None and reading.mark_score is None:
        raise ModelError(
            f"{place}.mark_score: missing; marks need a score: a pattern in their text, or one for all of them."
        )
    if reading.kind == "gsps" and not marked and not reading.any_mark and reading.pattern is None:
        raise ModelError(f"{place}: say how a presentation state becomes a score: any_mark: true, or a pattern.")
    if reading.kind == "sr" and marked:
        _check_report_marks(reading, model)
    elif reading.kind == "sr":
        if reading.mark_score is not None:
            raise ModelError(f"{place}.mark_score: belongs to marks; this output is a {kind}. Say measurement.")
        _check_columns(reading, model)
    elif model.output.columns and not marked:
        _check_columns(reading, model)


def _check_report_marks(reading: DicomReading, model: Model) -> None:
    place = f"models.{model.id}"
    if model.output.space not in SPACES:
        raise ModelError(
            f"{place}.output.space: got '{model.output.space}'; a report says where a mark is in pixels of its image, or in mm "
            "of the patient: say pixels or mm."
        )
    without = [name for name, code in (reading.measurements or {}).items() if code.finding is None]
    if without:
        raise ModelError(
            f"{place}.measurements.{without[0]}.finding: missing; it tells which kind of lesion a mark is of."
        )


def _check_columns(reading: DicomReading, model: Model) -> None:
    columns = [written(column) for column in model.output.columns or ()]
    named = [written(name) for name in reading.measurements or {}]
    if sorted(columns) != sorted(named) and (columns or named):
        raise ModelError(
            f"models.{model.id}.measurements: has {len(named)} codes, and output.columns {len(columns)}; name the same ones."
        )
