"""What a DICOM object says about a case: numbers of a structured report, a segmentation, marks or words of a presentation state.

Codes and rules are the protocol's; where an object can be read in two ways, the case is a failure. No word of an object goes
into a table, since headers hold identifiers.
Sources: PS3.3 C.17.3 (SR content), C.8.20 (segmentation), C.10.5 (graphic annotation), PS3.16 TID 1500 (measurement report).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from validate.errors import ModelError
from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.models.marks import SHAPES, marks
from validate.models.mask_predictions import mask_prediction
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.protocol.schema import Model
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
PERCENT, RATIO = "%", ("1", "{0:1}", "{ratio}")
DEEPEST = 32


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
    measurement : of a report: the code of the one number      measurements : by class or finding, the code of each
    percent : the report's numbers are percentages
    segments : of a segmentation: value in our mask by segment label; without it, a segment's own number is its value
    pattern : of a presentation state or a secondary capture: a regular expression with a group `score`, looked for in its text
    text : of a secondary capture: the keyword of the element that holds the text
    any_mark : the score is 1 where the presentation state has a graphic annotation, else 0
    mark_score : of marks whose annotation has no text with the pattern
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
        if (self.kind == "sr") != (coded == 1):
            raise ValueError("kind sr needs measurement or measurements, one of them; the other kinds have none")
        if self.segments is not None and self.kind != "seg":
            raise ValueError("segments belong to kind seg")
        if self.kind == "secondary_capture" and self.pattern is None:
            raise ValueError("a secondary capture is read by a pattern in its text; pixels are not guessed at")
        if self.kind == "gsps" and self.any_mark and self.pattern is not None:
            raise ValueError("any_mark and pattern are two rules; say one")
        return self


def check_reading(reading: DicomReading, model: Model) -> None:
    """Raises ModelError where the kind of object can't hold what the protocol's output says."""
    kind, place = model.output.kind, f"models.{model.id}"
    expected = {"seg": {"mask"}, "gsps": {"score", "probability", *SHAPES}}.get(reading.kind, {"score", "probability"})
    if kind not in expected:
        raise ModelError(f"{place}.output.kind: a {NAMES[reading.kind]} holds no {kind}.")
    if reading.kind == "gsps" and kind in SHAPES and reading.pattern is None and reading.mark_score is None:
        raise ModelError(
            f"{place}.mark_score: missing; marks need a score: a pattern in their text, or one for all of them."
        )
    if reading.kind == "gsps" and kind not in SHAPES and not reading.any_mark and reading.pattern is None:
        raise ModelError(f"{place}: say how a presentation state becomes a score: any_mark: true, or a pattern.")
    columns = [written(column) for column in model.output.columns or ()]
    named = [written(name) for name in reading.measurements or {}]
    if sorted(columns) != sorted(named) and (columns or named):
        raise ModelError(
            f"{place}.measurements: has {len(named)} codes, and output.columns {len(columns)}; name the same ones."
        )


@dataclass(frozen=True, slots=True)
class References:
    """What an object speaks of. In memory only: these are identifiers."""

    study: str
    studies: frozenset[str] = field(repr=False)
    series: frozenset[str] = field(repr=False)
    instances: frozenset[str] = field(repr=False)


def references(dataset: Any) -> References:
    """The object's own study, and every study, series and instance that it refers to outside of it."""
    studies, series, instances = set[str](), set[str](), set[str]()
    evidence = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence",
                "StudiesContainingOtherReferencedInstancesSequence")  # fmt: skip
    for study in _items(dataset, *evidence):
        studies.add(_text(study, "StudyInstanceUID"))
        _series(study, series, instances)
    _series(dataset, series, instances)
    for image in _items(dataset, "SourceImageSequence", "ReferencedImageSequence"):
        instances.add(_text(image, "ReferencedSOPInstanceUID"))
    for item in content(dataset):
        for image in _items(item, "ReferencedSOPSequence"):
            instances.add(_text(image, "ReferencedSOPInstanceUID"))
    return References(
        _text(dataset, "StudyInstanceUID"),
        frozenset(studies - {""}),
        frozenset(series - {""}),
        frozenset(instances - {""}),
    )


def read(dataset: Any, reading: DicomReading, *, instances: Iterable[str], model: Model) -> Prediction | Failure:
    """The prediction that an object of the right kind holds.

    instances : of the case, for annotations that name their image      Raises ModelError where a declaration is wrong.
    """
    if reading.kind == "sr":
        return _report(dataset, reading, model)
    if reading.kind == "seg":
        return _segmentation(dataset, reading)
    if reading.kind == "secondary_capture":
        return _scored([str(dataset.get(reading.text, ""))], reading, model)
    return _annotations(dataset, reading, frozenset(instances), model)


def content(item: Any, depth: int = 0) -> Iterator[Any]:
    """Every item of an SR's content tree, top down."""
    if depth > DEEPEST:
        return
    for child in _items(item, "ContentSequence"):
        yield child
        yield from content(child, depth + 1)


def _series(item: Any, series: set[str], instances: set[str]) -> None:
    for one in _items(item, "ReferencedSeriesSequence"):
        series.add(_text(one, "SeriesInstanceUID"))
        for image in _items(one, "ReferencedSOPSequence", "ReferencedInstanceSequence", "ReferencedImageSequence"):
            instances.add(_text(image, "ReferencedSOPInstanceUID"))


def _items(item: Any, *keywords: str) -> Iterator[Any]:
    for keyword in keywords:
        yield from item.get(keyword) or ()


def _text(item: Any, keyword: str) -> str:
    return str(item.get(keyword) or "").strip()


# --- structured reports


def _report(dataset: Any, reading: DicomReading, model: Model) -> Prediction | Failure:
    if reading.measurement is not None:
        wanted = [reading.measurement]
    else:
        codes = {written(name): code for name, code in (reading.measurements or {}).items()}
        wanted = [codes[written(column)] for column in model.output.columns or ()]
    numbers = []
    for code in wanted:
        number = _measured(dataset, code, reading, model)
        if isinstance(number, Failure):
            return number
        numbers.append(number)
    (result,) = class_scores(np.array([numbers], np.float64), cases=1, model=model)
    return result


def _measured(dataset: Any, code: Code, reading: DicomReading, model: Model) -> float | Failure:
    found = list(_numbers(dataset, code, inside=code.finding is None))
    name = f"{code.code} ({code.scheme})"
    if not found:
        return Failure("no_code", f"The report has no number under the code {name}.")
    if len(found) > 1:
        return Failure("ambiguous_code", f"The report has {len(found)} numbers under the code {name}; expected one.")
    values = list(_items(found[0], "MeasuredValueSequence"))
    if len(values) != 1:
        return Failure("missing_output", f"The report has no value under the code {name}.")
    unit = next((_code(item)[0] for item in _items(values[0], "MeasurementUnitsCodeSequence")), "")
    if (unit == PERCENT) != reading.percent and (unit == PERCENT or unit in RATIO):
        said = "percentages" if unit == PERCENT else "plain numbers"
        raise ModelError(
            f"models.{model.id}.percent: the reports give {said} under the code {name} (unit '{unit}'); say percent: "
            f"{'true' if unit == PERCENT else 'false'}."
        )
    try:
        number = float(values[0].NumericValue)
    except (AttributeError, TypeError, ValueError):
        return Failure("bad_answer", f"The report's value under the code {name} is no number.")
    return number / 100 if reading.percent else number


def _numbers(item: Any, code: Code, *, inside: bool, depth: int = 0) -> Iterator[Any]:
    """NUM items of this concept; with a finding, only below containers that hold it."""
    if depth > DEEPEST:
        return
    children = list(_items(item, "ContentSequence"))
    inside = inside or any(
        _text(child, "ValueType") == "CODE" and _concept(child, "ConceptCodeSequence") == code.finding
        for child in children
    )
    for child in children:
        if inside and _text(child, "ValueType") == "NUM" and _concept(child) == (code.code, code.scheme):
            yield child
        yield from _numbers(child, code, inside=inside, depth=depth + 1)


def _concept(item: Any, keyword: str = "ConceptNameCodeSequence") -> tuple[str, str] | None:
    return next((_code(code) for code in _items(item, keyword)), None)


def _code(item: Any) -> tuple[str, str]:
    value = next((text for key in ("CodeValue", "LongCodeValue", "URNCodeValue") if (text := _text(item, key))), "")
    return value, _text(item, "CodingSchemeDesignator")


# --- segmentations


def _segmentation(dataset: Any, reading: DicomReading) -> Prediction | Failure:
    from highdicom.seg import Segmentation

    labels = {int(item.SegmentNumber): _text(item, "SegmentLabel") for item in _items(dataset, "SegmentSequence")}
    if reading.segments is not None and (strange := set(labels.values()) - set(reading.segments)):
        return Failure(
            "seg:unknown_segment",
            f"The segmentation has {len(strange)} segments whose label the protocol does not name.",
        )
    try:
        segmentation = Segmentation.from_dataset(dataset)
        volume = segmentation.get_volume(combine_segments=True, allow_missing_positions=True)
        voxels = np.asarray(volume.array)
        # highdicom's indices run (slice, row, column), ours (column, row, slice)
        affine = np.asarray(volume.affine, np.float64)[:, [2, 1, 0, 3]]
    except Exception as error:  # noqa: BLE001 - the library is given other people's files
        return Failure(
            "seg:unreadable", f"The segmentation can't be read as labels on a grid ({type(error).__name__})."
        )
    found: NDArray[np.uint16] = np.zeros(voxels.shape, np.uint16)
    for number, label in labels.items():
        found[voxels == number] = reading.segments[label] if reading.segments is not None else number
    depth, rows, columns = found.shape
    shape = (depth, rows, columns)
    return mask_prediction(LabelMap(whole_labels(found), Grid(shape, affine)))


# --- presentation states and secondary captures


def _annotations(dataset: Any, reading: DicomReading, instances: frozenset[str], model: Model) -> Prediction | Failure:
    layers = [item for item in _items(dataset, "GraphicAnnotationSequence") if _is_of(item, instances)]
    if model.output.kind in SHAPES:
        return _graphics(layers, reading, model)
    if reading.any_mark:
        drawn = any(True for layer in layers for _ in _items(layer, "GraphicObjectSequence", "CompoundGraphicSequence"))
        (result,) = class_scores(np.array([[float(drawn)]]), cases=1, model=model)
        return result
    texts = [_text(text, "UnformattedTextValue") for layer in layers for text in _items(layer, "TextObjectSequence")]
    return _scored(texts, reading, model)


def _is_of(layer: Any, instances: frozenset[str]) -> bool:
    """An annotation without an image is of every image."""
    named = {_text(image, "ReferencedSOPInstanceUID") for image in _items(layer, "ReferencedImageSequence")}
    return not named or bool(named & instances)


def _scored(texts: Sequence[str], reading: DicomReading, model: Model) -> Prediction | Failure:
    found = _said(texts, reading)
    if len(found) != 1:
        reason = "ambiguous_text" if found else "no_text"
        return Failure(
            reason, f"{len(found)} texts of the {NAMES[reading.kind]} fit the protocol's pattern; expected one."
        )
    (result,) = class_scores(np.array([found]), cases=1, model=model)
    return result


def _said(texts: Sequence[str], reading: DicomReading) -> list[float]:
    """The numbers that the pattern finds, a decimal comma read as such; NaN where its group is no number."""
    found = []
    for text in texts:
        for match in re.finditer(str(reading.pattern), text[:10_000]):
            try:
                number = float(match["score"].replace(",", "."))
            except (TypeError, ValueError, AttributeError):
                number = math.nan
            found.append(number / 100 if reading.percent else number)
    return found


def _graphics(layers: Sequence[Any], reading: DicomReading, model: Model) -> Prediction | Failure:
    """Marks in pixels from the corner of the first one, as PS3.3 C.10.5.1.2 counts them."""
    rows, told = [], []
    for layer in layers:
        texts = [_text(text, "UnformattedTextValue") for text in _items(layer, "TextObjectSequence")]
        said = _said(texts, reading) if reading.pattern is not None else []
        graphics = list(_items(layer, "GraphicObjectSequence"))
        if len(said) > 1 or (said and len(graphics) > 1):
            return Failure("ambiguous_text", "An annotation has several scores, or one score for several marks.")
        for graphic in graphics:
            if _text(graphic, "GraphicAnnotationUnits") not in {"PIXEL", "MATRIX"}:
                return Failure(
                    "gsps:units", "A mark of the presentation state is placed on the display, not on the image."
                )
            place = _placed(graphic, SHAPES[model.output.kind])
            score = said[0] if said else reading.mark_score
            if place is None or score is None:
                what = "is of a shape that the protocol does not ask for" if place is None else "has no score"
                return Failure("gsps:mark", f"A mark of the presentation state {what}.")
            rows.append(place)
            told.append(score)
    return marks(np.array(rows, np.float64), np.array(told, np.float64), model=model)


def _placed(graphic: Any, shape: str) -> list[float] | None:
    values = [float(value) for value in graphic.get("GraphicData") or ()]
    points = np.array(values, np.float64).reshape(-1, 2) if len(values) % 2 == 0 and values else None
    kind = _text(graphic, "GraphicType")
    if points is None or not np.isfinite(points).all():
        return None
    if kind == "CIRCLE" and len(points) == 2:  # centre, and a point on it
        centre, radius = points[0], float(np.linalg.norm(points[1] - points[0]))
        low, high = centre - radius, centre + radius
    else:
        low, high = points.min(axis=0), points.max(axis=0)
        centre, radius = (low + high) / 2, None
    if shape == "box":
        return [*low.tolist(), *high.tolist()]
    if shape == "point":
        return [*centre.tolist()]
    return [*centre.tolist(), 2 * radius] if radius is not None else None
