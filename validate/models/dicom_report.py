"""Numbers and marks of a structured report, under the codes that the protocol names.

A mark is a measurement group with a region: SCOORD, in pixels from the corner of the first one, or SCOORD3D, in mm of the patient.
Sources: PS3.3 C.17.3 (content), C.18.6 (SCOORD), C.18.9 (SCOORD3D); PS3.16 TID 1500, 1410 and 1501 (measurement groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from validate.cohort.case import Case
from validate.errors import ModelError
from validate.models.dicom_items import DEEPEST, code_of, concept, items, text
from validate.models.dicom_reading import Code, DicomReading
from validate.models.dicom_references import instances_of
from validate.models.dicom_region import Misplaced, on_image, region, region_in_patient
from validate.models.marks import SHAPES, marks
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model
from validate.protocol.targets import written

PERCENT, RATIO = "%", ("1", "{0:1}", "{ratio}")


def report_scores(dataset: Any, reading: DicomReading, model: Model) -> Prediction | Failure:
    """The number under the protocol's code, or one of each class. Raises ModelError where units contradict the protocol."""
    if reading.measurement is not None:
        wanted = [reading.measurement]
    else:
        codes = {written(name): code for name, code in (reading.measurements or {}).items()}
        wanted = [codes[written(column)] for column in model.output.columns or ()]
    found = []
    for code in wanted:
        number = _only_number(list(_numbers(dataset, code, inside=code.finding is None)), code, reading, model)
        if isinstance(number, Failure):
            return number
        found.append(number)
    (result,) = class_scores(np.array([found], np.float64), cases=1, model=model)
    return result


def report_marks(dataset: Any, reading: DicomReading, model: Model, case: Case) -> Prediction | Failure:
    """The regions of the report's measurement groups that lie on the case's images, each with its score.

    Raises ModelError where the protocol's coordinates can't be those of this study.
    """
    own = instances_of(case)
    rows, told, targets = [], [], []
    for group in _groups(dataset):
        kind = _kind_of(group, reading)
        if kind is None:
            continue
        try:
            place = _placed(group, own, model, case)
        except Misplaced as wrong:
            return Failure(f"sr:{wrong.reason}", str(wrong))
        score = _score_of(group, kind.code, reading, model)
        if isinstance(score, Failure):
            return score
        if place is None and score is not None:
            return Failure("sr:mark", "A finding of the report has a score and no place on an image.")
        if place is None or not place.here:
            continue
        score = reading.mark_score if score is None else score
        if score is None:
            return Failure("no_code", "A finding of the report has a place and no score.")
        rows.append(place.row)
        told.append(score)
        targets.append(kind.target)
    named = reading.measurements is not None
    return marks(
        np.array(rows, np.float64), np.array(told, np.float64), model=model, targets=targets if named else None
    )


@dataclass(frozen=True, slots=True)
class _KindOfMark:
    target: str
    code: Code | None


@dataclass(frozen=True, slots=True)
class _Place:
    """here : on an image of this case; a mark on another is another case's"""

    row: Sequence[float]
    here: bool


def _groups(dataset: Any, depth: int = 0) -> Iterator[Any]:
    """The containers that directly hold a region or a number, as TID 1410 and 1411 do; innermost, and none inside another."""
    if depth > DEEPEST:
        return
    for child in items(dataset, "ContentSequence"):
        if text(child, "ValueType") != "CONTAINER":
            continue
        kinds = {text(one, "ValueType") for one in items(child, "ContentSequence")}
        if kinds & {"SCOORD", "SCOORD3D", "NUM"}:
            yield child
        yield from _groups(child, depth + 1)


def _kind_of(group: Any, reading: DicomReading) -> _KindOfMark | None:
    """Which kind of mark a group is, by its finding; None where it is of none that the protocol names."""
    findings = {
        concept(child, "ConceptCodeSequence")
        for child in items(group, "ContentSequence")
        if text(child, "ValueType") == "CODE"
    }
    if reading.measurements is None:
        code = reading.measurement
        return _KindOfMark("", code) if code is None or code.finding is None or code.finding in findings else None
    fitting = [_KindOfMark(name, code) for name, code in reading.measurements.items() if code.finding in findings]
    return fitting[0] if len(fitting) == 1 else None


def _placed(group: Any, own: frozenset[str], model: Model, case: Case) -> _Place | None:
    """Where a group's region is; None where it has none. Raises Misplaced, and ModelError for a wrong space."""
    regions = [one for one in items(group, "ContentSequence") if text(one, "ValueType") in {"SCOORD", "SCOORD3D"}]
    if len(regions) > 1:
        raise Misplaced("ambiguous", "A finding of the report has several regions; expected one.")
    if not regions:
        return None
    (item,) = regions
    shape = SHAPES[model.output.kind]
    if text(item, "ValueType") == "SCOORD3D":
        if model.output.space != "mm":
            raise ModelError(
                f"models.{model.id}.output.space: the reports place their marks in the patient (SCOORD3D); say mm."
            )
        return _Place(region_in_patient(item, shape, case), here=True)
    named = {text(one, "ReferencedSOPInstanceUID") for child in items(item, "ContentSequence")
             for one in items(child, "ReferencedSOPSequence")}  # fmt: skip
    if len(named) != 1:
        raise Misplaced("region", f"A region of the report names {len(named)} images; expected one.")
    if not named & own:
        return _Place((), here=False)
    flat = region(item, shape)
    if model.output.space == "mm":
        return _Place(on_image(flat, shape, named.pop(), case), here=True)
    if len(own) > 1:
        raise ModelError(
            f"models.{model.id}.output.space: a case has {len(own)} images, so pixels of one of them are no place in it; say mm."
        )
    return _Place(flat, here=True)


def _score_of(group: Any, code: Code | None, reading: DicomReading, model: Model) -> float | Failure | None:
    """The group's own number under the code; None where it has none."""
    found = [
        child
        for child in items(group, "ContentSequence")
        if code is not None and text(child, "ValueType") == "NUM" and concept(child) == (code.code, code.scheme)
    ]
    return _only_number(found, code, reading, model) if code is not None and found else None


def _only_number(found: Sequence[Any], code: Code, reading: DicomReading, model: Model) -> float | Failure:
    name = f"{code.code} ({code.scheme})"
    if not found:
        return Failure("no_code", f"The report has no number under the code {name}.")
    if len(found) > 1:
        return Failure("ambiguous_code", f"The report has {len(found)} numbers under the code {name}; expected one.")
    values = list(items(found[0], "MeasuredValueSequence"))
    if len(values) != 1:
        return Failure("missing_output", f"The report has no value under the code {name}.")
    unit = next((code_of(item)[0] for item in items(values[0], "MeasurementUnitsCodeSequence")), "")
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
    children = list(items(item, "ContentSequence"))
    inside = inside or any(
        text(child, "ValueType") == "CODE" and concept(child, "ConceptCodeSequence") == code.finding
        for child in children
    )
    for child in children:
        if inside and text(child, "ValueType") == "NUM" and concept(child) == (code.code, code.scheme):
            yield child
        yield from _numbers(child, code, inside=inside, depth=depth + 1)
