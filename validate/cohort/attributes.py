"""What a header says of a patient and a scanner: parsed, or missing with a reason. Never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

from validate.cohort.age import age_in_years
from validate.cohort.case import AttributeValue
from validate.cohort.nested import GROUPED, SHARED, VIEW, grouped, view_of
from validate.cohort.origin import origin
from validate.cohort.vendors import scanner_model, vendor
from validate.imaging.header_keywords import transfer_syntax_name
from validate.imaging.header_values import Values, element_of

# name → DICOM keyword; what is not a plain copy is parsed below. Identifiers are not harvested.
COPIED_TEXT = {
    "modality": "Modality",
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
PARSED = (
    *("manufacturer", "manufacturer_raw", "model", "model_raw", "origin"),
    *("age", "sex", "pixel_spacing", "transfer_syntax"),
)
HARVESTED = (*COPIED_TEXT, *COPIED_NUMBER, *PARSED)
KEYWORDS = (
    *COPIED_TEXT.values(),
    *COPIED_NUMBER.values(),
    *(
        "Manufacturer",
        "ManufacturerModelName",
        "ConversionType",
        "PatientAge",
        "PatientSex",
        "PatientBirthDate",
        "StudyDate",
        "PixelSpacing",
        "ImagerPixelSpacing",
    ),
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber", "SOPClassUID"),
    *("Laterality", VIEW, SHARED, "SpecificCharacterSet", "PatientName", "OtherPatientIDs", "InstitutionName"),
)
# Storage classes under 1.2.840.10008. that hold no image to be judged (PS3.4 B.5): directories, raw data, waveforms,
# presentation states, registrations and segmentations, reports, documents, plans and protocols.
NOT_IMAGES = (
    *("1.3.10", "5.1.4.38.1", "5.1.4.39.1", "5.1.4.43.1", "5.1.4.44.1", "5.1.4.45.1"),
    *(f"5.1.4.1.1.{part}" for part in ("9.", "11.", "66", "67", "68.", "78.", "79.", "88.", "90.", "104.", "200.")),
    *(f"5.1.4.1.1.{part}" for part in ("4.2", "481.2", "481.3", "481.4", "481.5", "481.6", "481.7", "481.8", "481.9")),
)
IN_GROUPS = {
    **{name: keyword for name, keyword in {**COPIED_TEXT, **COPIED_NUMBER}.items() if keyword in GROUPED},
    "pixel_spacing": "PixelSpacing",
}
SEXES = {"M": "M", "F": "F", "O": "O"}
LEAST_IDENTIFYING = 4  # characters; shorter names and numbers turn up anywhere by chance


@cache
def wanted_tags() -> frozenset[int]:
    """Every tag that is read of a header, as numbers."""
    return frozenset(element_of(keyword)[0] for keyword in KEYWORDS)


def is_image(header: Values) -> bool:
    """Whether the object's storage class may hold images; an unknown or missing class may."""
    return not _storage_class(header).removeprefix("1.2.840.10008.").startswith(NOT_IMAGES)


def _storage_class(header: Values) -> str:
    return str(header.get("SOPClassUID") or header.storage_class or "")


def harvested(header: Values, *, vendors: tuple[str, ...] = ()) -> tuple[dict[str, AttributeValue], dict[str, str]]:
    """(attributes, reason by missing attribute) of one header. vendors : tables of the protocol's, before the shipped one."""
    groups = grouped(header)
    inside = groups.values if groups is not None else {}
    values: dict[str, AttributeValue] = {
        name: _text(header.get(keyword)) or _text(inside.get(keyword)) for name, keyword in COPIED_TEXT.items()
    }
    values["laterality"] = values["laterality"] or _text(header.get("Laterality"))
    view_reason = None
    if values["view_position"] is None:
        values["view_position"], view_reason = view_of(header)
    for name, keyword in COPIED_NUMBER.items():
        own = header.get(keyword)
        values[name] = _number(inside.get(keyword) if own is None else own)
    scanner, maker_reason = _scanner(header, vendors)
    values |= scanner
    values["age"], age_reason = age_in_years(
        _text(header.get("PatientAge")), _date(header.get("PatientBirthDate")), _date(header.get("StudyDate"))
    )
    sex = (_text(header.get("PatientSex")) or "").upper()
    values["sex"] = SEXES.get(sex)
    values["pixel_spacing"] = _spacing(header, inside)
    syntax = header.transfer_syntax
    values["transfer_syntax"] = transfer_syntax_name(syntax) if syntax is not None else None
    reasons = {"age": age_reason, "sex": "empty" if not sex else "not M, F or O", "manufacturer": maker_reason}
    reasons["view_position"] = view_reason
    if groups is not None:
        reasons |= {name: groups.missing[keyword] for name, keyword in IN_GROUPS.items() if keyword in groups.missing}
    for name in _naming_somebody(header, values):
        values[name], reasons[name] = None, "held an identifier"
    return values, {name: reasons.get(name) or "empty" for name, value in values.items() if value is None}


def _scanner(header: Values, vendors: tuple[str, ...]) -> tuple[dict[str, AttributeValue], str | None]:
    """Maker and model by their one name and as written, what made the image, and why there is no maker."""
    raw, model_raw = _text(header.get("Manufacturer")), _text(header.get("ManufacturerModelName"))
    found = vendor(raw, tables=vendors)
    no_scanner = found is not None and bool(found.kind)
    maker = found.name if found is not None and not no_scanner else None
    made_by = origin(
        storage_class=_storage_class(header),
        conversion=(_text(header.get("ConversionType")) or "").upper(),
        maker=found,
        model=model_raw,
        tables=vendors,
    )
    values: dict[str, AttributeValue] = {
        "manufacturer": maker,
        "manufacturer_raw": raw,
        "model": scanner_model(model_raw, maker, tables=vendors),
        "model_raw": model_raw,
        "origin": made_by,
    }
    return values, f"no scanner: {found.name}" if found is not None and no_scanner else None


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


def tag_value(header: Values, tag: int) -> AttributeValue:
    """The value of an element, as number or text; None where it is absent or empty, or holds other elements or bytes."""
    element = header.element(tag)
    value = getattr(element, "value", None)
    if getattr(element, "VR", "") in {"SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN"}:
        return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _text(value)


def _naming_somebody(header: Values, values: Mapping[str, AttributeValue]) -> list[str]:
    """Harvested texts in which the patient's number, accession number or whole name stands."""
    name = " ".join(str(header.get("PatientName") or "").replace("^", " ").split())
    others = header.get("OtherPatientIDs") or ()
    raw = [
        name,
        " ".join(reversed(name.split())),
        header.get("PatientID"),
        header.get("AccessionNumber"),
        *([others] if isinstance(others, str) else others),
    ]
    telling = {text.casefold() for part in raw if len(text := str(part or "").strip()) >= LEAST_IDENTIFYING}
    found = []
    for attribute, value in values.items():
        if isinstance(value, str):
            text = value.casefold().replace("^", " ")
            for secret in telling:
                if secret in text:
                    found.append(attribute)
                    break
    return found


def _spacing(header: Values, inside: Mapping[str, Any]) -> float | None:
    """Distance of rows in mm. inside : what all frames share"""
    for value in (
        header.get("PixelSpacing"),
        inside.get("PixelSpacing"),
        header.get("ImagerPixelSpacing"),
        inside.get("ImagerPixelSpacing"),
    ):
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


def study_date(header: Values) -> date | None:
    """The study date, or None where it is missing or no date."""
    return _date(header.get("StudyDate"))
