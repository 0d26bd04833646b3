"""What a DICOM object says about a case: numbers or marks of a report, a segmentation, marks or words of a presentation state.

Codes and rules are the protocol's; where an object can be read in two ways, the case is a failure. No word of an object goes
into a table, since headers hold identifiers.
"""

from __future__ import annotations

from typing import Any

from validate.cohort.case import Case
from validate.models.dicom_annotation import annotated, scored
from validate.models.dicom_reading import DicomReading
from validate.models.dicom_report import report_marks, report_scores
from validate.models.dicom_segmentation import segmentation_mask
from validate.models.marks import SHAPES
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model


def read(dataset: Any, reading: DicomReading, *, case: Case, model: Model) -> Prediction | Failure:
    """The prediction that an object of the right kind holds. Raises ModelError where a declaration is wrong."""
    if reading.kind == "sr" and model.output.kind in SHAPES:
        return report_marks(dataset, reading, model, case)
    if reading.kind == "sr":
        return report_scores(dataset, reading, model)
    if reading.kind == "seg":
        return segmentation_mask(dataset, reading, case)
    if reading.kind == "secondary_capture":
        return scored([str(dataset.get(reading.text, ""))], reading, model)
    return annotated(dataset, reading, model, case)
