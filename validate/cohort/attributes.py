"""What a header says of a patient and a scanner: parsed, or missing with a reason. Never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

from validate.cohort.age import age_in_years
from validate.cohort.case import AttributeValue
from validate.cohort.vendors import manufacturer

# name → DICOM keyword; what is not a plain copy is parsed below. Identifiers are not harvested.
COPIED_TEXT = {
    "modality": "Modality",
    "model": "ManufacturerModelName",
    "software": "SoftwareVersions",
    "body_part": "BodyPartExamined",
    "view_position": "ViewPosition",
    "laterality": "ImageLaterality",
    "photometric": "PhotometricInterpretation",
    "detector": "DetectorType",
    "kernel": "ConvolutionKernel",
    "presentation_intent": "PresentationIntentType",
    "synthetic": "SyntheticData",
}
COPIED_NUMBER = {
    "rows": "Rows",
    "columns": "Columns",
    "bits_stored": "BitsStored",
    "kvp": "KVP",
    "slice_thickness": "SliceThickness",
    "field_strength": "MagneticFieldStrength",
}
PARSED = ("manufacturer", "manufacturer_raw", "age", "sex", "pixel_spacing", "transfer_syntax")
HARVESTED = (*COPIED_TEXT, *COPIED_NUMBER, *PARSED)
KEYWORDS = (
    *COPIED_TEXT.values(),
    *COPIED_NUMBER.values(),
    *(
        "Manufacturer",
        "PatientAge",
        "PatientSex",
        "PatientBirthDate",
        "StudyDate",
        "PixelSpacing",
        "ImagerPixelSpacing",
    ),
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber", "SOPClassUID"),
    *("Laterality", "SpecificCharacterSet", "PatientName", "OtherPatientIDs"),
)
# Storage classes under 1.2.840.10008. that hold no image to be judged (PS3.4 B.5): directories, raw data, waveforms,
# presentation states, registrations and segmentations, reports, documents, plans and protocols.
NOT_IMAGES = (
    *("1.3.10", "5.1.4.38.1", "5.1.4.39.1", "5.1.4.43.1", "5.1.4.44.1", "5.1.4.45.1"),
    *(f"5.1.4.1.1.{part}" for part in ("9.", "11.", "66", "67", "68.", "78.", "79.", "88.", "90.", "104.", "200.")),
    *(f"5.1.4.1.1.{part}" for part in ("4.2", "481.2", "481.3", "481.4", "481.5", "481.6", "481.7", "481.8", "481.9")),
)
SEXES = {"M": "M", "F": "F", "O": "O"}
LEAST_IDENTIFYING = 4  # characters; shorter names and numbers turn up anywhere by chance


@cache
def wanted_tags() -> tuple[int, ...]:
    """Every tag that is read of a header, as numbers."""
    from pydicom.datadict import tag_for_keyword

    return tuple(int(tag) for keyword in KEYWORDS if (tag := tag_for_keyword(keyword)) is not None)


def is_image(dataset: Any) -> bool:
    """Whether the object's storage class may hold images; an unknown or missing class may."""
    storage = str(dataset.get("SOPClassUID") or getattr(dataset, "file_meta", {}).get("MediaStorageSOPClassUID") or "")
    return not storage.removeprefix("1.2.840.10008.").startswith(NOT_IMAGES)


def harvested(dataset: Any) -> tuple[dict[str, AttributeValue], dict[str, str]]:
    """(attributes, reason by missing attribute) of one header."""
    values: dict[str, AttributeValue] = {}
    missing: dict[str, str] = {}
    for name, keyword in COPIED_TEXT.items():
        values[name] = _text(dataset.get(keyword))
    values["laterality"] = values["laterality"] or _text(dataset.get("Laterality"))
    for name, keyword in COPIED_NUMBER.items():
        values[name] = _number(dataset.get(keyword))
    raw = _text(dataset.get("Manufacturer"))
    values |= {"manufacturer": manufacturer(raw), "manufacturer_raw": raw}
    values["age"], age_reason = age_in_years(
        _text(dataset.get("PatientAge")), _date(dataset.get("PatientBirthDate")), _date(dataset.get("StudyDate"))
    )
    sex = (_text(dataset.get("PatientSex")) or "").upper()
    values["sex"] = SEXES.get(sex)
    values["pixel_spacing"] = _spacing(dataset)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    values["transfer_syntax"] = str(syntax.name) if syntax is not None else None
    reasons: dict[str, str | None] = {"age": age_reason, "sex": "empty" if not sex else "not M, F or O"}
    for name in _naming_somebody(dataset, values):
        values[name], reasons[name] = None, "held an identifier"
    for name, value in values.items():
        if value is None:
            missing[name] = reasons.get(name) or "empty"
    return values, missing


def band_of(value: AttributeValue, bands: tuple[float, ...]) -> str | None:
    """Band of a number: [18, 40, 65, 120] gives "18–39", "40–64", "65–120"; outside, or no number: None.

    A band holds its lower bound and not its upper one; the last holds both.
    """
    if not isinstance(value, int | float):
        return None
    for low, high in pairwise(bands):
        last = high == bands[-1]
        if low <= value < high or (last and value == high):
            whole = float(low).is_integer() and float(high).is_integer()
            top = high if last or not whole else high - 1
            return f"{low:g}–{top:g}" if whole or last else f"{low:g}–<{high:g}"
    return None


def tag_value(dataset: Any, tag: int) -> AttributeValue:
    """The value of an element, as number or text; None where it is absent or empty, or holds other elements or bytes."""
    element = dataset.get(tag)
    value = getattr(element, "value", None)
    if getattr(element, "VR", "") in {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN"}:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _naming_somebody(dataset: Any, values: Mapping[str, AttributeValue]) -> list[str]:
    """Harvested texts in which the patient's number, accession number or whole name stands."""
    name = " ".join(str(dataset.get("PatientName") or "").replace("^", " ").split())
    others = dataset.get("OtherPatientIDs") or ()
    raw = [
        name,
        dataset.get("PatientID"),
        dataset.get("AccessionNumber"),
        *([others] if isinstance(others, str) else others),
    ]
    telling = {text.casefold() for part in raw if len(text := str(part or "").strip()) >= LEAST_IDENTIFYING}
    texts = {attribute: str(value).casefold() for attribute, value in values.items() if isinstance(value, str)}
    return [
        attribute for attribute, text in texts.items() if any(secret in text.replace("^", " ") for secret in telling)
    ]


def _spacing(dataset: Any) -> float | None:
    """Distance of rows in mm."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(keyword)
        if value is not None and not isinstance(value, str) and hasattr(value, "__getitem__") and len(value) > 0:
            return _number(value[0])
    return None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        value = "\\".join(str(part) for part in value)
    text = " ".join(str(value).replace("\0", " ").split())
    return text or None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e30 else None


def _date(value: Any) -> date | None:
    text = str(value or "").strip()
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None


def study_date(dataset: Any) -> date | None:
    """The study date, or None where it is missing or no date."""
    return _date(dataset.get("StudyDate"))
