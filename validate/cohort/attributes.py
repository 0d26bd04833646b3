"""What a header says of a patient and a scanner: parsed, or missing with a reason. Never guessed."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Any

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
    *("Laterality", "SpecificCharacterSet"),
)
AGE = re.compile(r"(\d{1,3})\s*([DWMY])$")
DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
SEXES = {"M": "M", "F": "F", "O": "O"}
OLDEST = 130


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
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    values["pixel_spacing"] = _number(spacing[0]) if spacing else None
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    values["transfer_syntax"] = str(syntax.name) if syntax is not None else None
    reasons: dict[str, str | None] = {"age": age_reason, "sex": "empty" if not sex else "not M, F or O"}
    for name, value in values.items():
        if value is None:
            missing[name] = reasons.get(name) or "empty"
    return values, missing


def age_in_years(stated: str | None, born: date | None, studied: date | None) -> tuple[float | None, str | None]:
    """(years, None) or (None, reason). A stated age needs its unit (PS3.5 6.2, AS); otherwise both dates are needed.

    "042Y" → 42; "18M" → 1.5; "68" has no unit and "000Y" is what scanners write when nobody typed an age: for both,
    and for rubbish, birth and study date decide, or the age is missing.
    """
    match = AGE.match(stated.strip().upper()) if stated else None
    if match and (int(match[1]) > 0 or match[2] != "Y"):
        years = int(match[1]) * DAYS[match[2]] / DAYS["Y"]
        if years <= OLDEST:
            return (float(int(match[1])) if match[2] == "Y" else years), None
    if born is not None and studied is not None:
        years = float(studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day)))
        if 0 <= years <= OLDEST:
            return (years if years >= 1 else (studied - born).days / DAYS["Y"]), None
        return None, "birth date and study date contradict each other"
    if not stated:
        return None, "empty"
    return None, "no unit" if stated.strip().isdigit() else "not an age"


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


def tag_value(dataset: Any, tag: str) -> AttributeValue:
    """The value of a keyword or "(gggg,eeee)" tag, as text or number."""
    element = (
        dataset.get(tag) if not tag.startswith("(") else dataset.get(tuple(int(p, 16) for p in tag[1:-1].split(",")))
    )
    value = getattr(element, "value", element)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


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
