"""Marks and words of a presentation state, and words of a secondary capture, by the protocol's pattern.

Source: PS3.3 C.10.5 (graphic annotation).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from validate.cohort.case import Case
from validate.models.dicom_items import items, text
from validate.models.dicom_reading import NAMES, DicomReading
from validate.models.dicom_references import instances_of
from validate.models.dicom_region import Misplaced, region
from validate.models.marks import SHAPES, marks
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model


def annotated(dataset: Any, reading: DicomReading, model: Model, case: Case) -> Prediction | Failure:
    """What a presentation state says of the case's images."""
    instances = instances_of(case)
    layers = [item for item in items(dataset, "GraphicAnnotationSequence") if _is_of(item, instances)]
    if model.output.kind in SHAPES:
        return _graphics(layers, reading, model)
    if reading.any_mark:
        drawn = any(True for layer in layers for _ in items(layer, "GraphicObjectSequence", "CompoundGraphicSequence"))
        (result,) = class_scores(np.array([[float(drawn)]]), cases=1, model=model)
        return result
    texts = [text(one, "UnformattedTextValue") for layer in layers for one in items(layer, "TextObjectSequence")]
    return scored(texts, reading, model)


def scored(texts: Sequence[str], reading: DicomReading, model: Model) -> Prediction | Failure:
    """The one number that the pattern finds in these texts."""
    found = _said(texts, reading)
    if len(found) != 1:
        reason = "ambiguous_text" if found else "no_text"
        return Failure(
            reason, f"{len(found)} texts of the {NAMES[reading.kind]} fit the protocol's pattern; expected one."
        )
    (result,) = class_scores(np.array([found]), cases=1, model=model)
    return result


def _is_of(layer: Any, instances: frozenset[str]) -> bool:
    """An annotation without an image is of every image."""
    named = {text(image, "ReferencedSOPInstanceUID") for image in items(layer, "ReferencedImageSequence")}
    return not named or bool(named & instances)


def _said(texts: Sequence[str], reading: DicomReading) -> list[float]:
    """The numbers that the pattern finds, a decimal comma read as such; NaN where its group is no number."""
    found = []
    for said in texts:
        for match in re.finditer(str(reading.pattern), said[:10_000]):
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
        texts = [text(one, "UnformattedTextValue") for one in items(layer, "TextObjectSequence")]
        said = _said(texts, reading) if reading.pattern is not None else []
        graphics = list(items(layer, "GraphicObjectSequence"))
        if len(said) > 1 or (said and len(graphics) > 1):
            return Failure("ambiguous_text", "An annotation has several scores, or one score for several marks.")
        for graphic in graphics:
            if text(graphic, "GraphicAnnotationUnits") not in {"PIXEL", "MATRIX"}:
                return Failure(
                    "gsps:units", "A mark of the presentation state is placed on the display, not on the image."
                )
            place = _place(graphic, SHAPES[model.output.kind])
            score = said[0] if said else reading.mark_score
            if place is None or score is None:
                what = "is of a shape that the protocol does not ask for" if place is None else "has no score"
                return Failure("gsps:mark", f"A mark of the presentation state {what}.")
            rows.append(place)
            told.append(score)
    return marks(np.array(rows, np.float64), np.array(told, np.float64), model=model)


def _place(graphic: Any, shape: str) -> list[float] | None:
    """None where it is of another shape; graphics are of the same kinds as regions of a report, and counted alike."""
    try:
        return region(graphic, shape)
    except Misplaced:
        return None
