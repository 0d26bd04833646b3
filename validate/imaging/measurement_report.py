"""DICOM Structured Reports of the template TID 1500 (PS3.16): groups of measurements, each of a lesion or of an image.

Read from the content tree as it lies in the file; other templates are no measurement reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from validate.imaging.header import read_header
from validate.imaging.volume import DecodeFailure

REPORT, GROUP, MEASUREMENTS = "126000", "125007", "126010"  # DCM codes
TRACKING, TRACKING_UID, FINDING, REGION, CATEGORY = "112039", "112040", "121071", "111030", "276214006"
PLACES = {"POINT", "MULTIPOINT", "POLYLINE", "CIRCLE", "ELLIPSE", "POLYGON", "ELLIPSOID"}
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Region:
    """graphic : POINT, CIRCLE, …    points : (n, 2) pixels from the corner of the first one, x and y, in `image`; or (n, 3) mm, LPS."""

    graphic: str
    points: NDArray[np.float64]
    image: str = ""
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """numbers : value and unit (UCUM) by what is measured    codes : meaning by what is judged."""

    lesion: str
    finding: str
    regions: tuple[Region, ...]
    numbers: dict[str, tuple[float, str]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """series, images : UIDs that the report is about, as its evidence says."""

    study: str
    patient: str
    accession: str
    series: frozenset[str]
    images: frozenset[str]
    groups: tuple[Group, ...]


def read_report(path: Path) -> Report | None:
    """None where the file is no measurement report. Raises DecodeFailure where it can't be read."""
    dataset = read_header(path).dataset
    try:
        return _report(dataset) if _name(dataset)[0] == REPORT else None
    except DecodeFailure:
        raise
    except Exception as error:  # a hostile tree may break in any way
        raise DecodeFailure(
            "report:corrupt", f"The report's content can't be read ({type(error).__name__})."
        ) from error


def _report(dataset: Dataset) -> Report:
    series, images = set(), set()
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in dataset.get(keyword) or ():
            for one in study.get("ReferencedSeriesSequence") or ():
                series.add(str(one.get("SeriesInstanceUID") or ""))
                images |= {str(item.get("ReferencedSOPInstanceUID")) for item in one.get("ReferencedSOPSequence") or ()}
    groups = tuple(_group(item) for item in _groups(dataset, 0))
    texts = (str(dataset.get(name) or "") for name in ("StudyInstanceUID", "PatientID", "AccessionNumber"))
    study_uid, patient, accession = texts
    return Report(study_uid, patient, accession, frozenset(series - {""}), frozenset(images), groups)


def _groups(item: Dataset, depth: int) -> Iterator[Dataset]:
    if depth > DEEPEST:
        raise DecodeFailure("report:corrupt", "The report's content is nested too deeply.")
    for child in item.get("ContentSequence") or ():
        if child.get("ValueType") != "CONTAINER":
            continue
        if _name(child)[0] == GROUP:
            yield child
        else:
            yield from _groups(child, depth + 1)


def _group(item: Dataset) -> Group:
    lesion = finding = ""
    regions: list[Region] = []
    numbers: dict[str, tuple[float, str]] = {}
    codes: dict[str, str] = {}
    for child in item.get("ContentSequence") or ():
        kind, (code, meaning) = child.get("ValueType"), _name(child)
        if code == TRACKING:
            lesion = str(child.get("TextValue") or "")
        elif code == FINDING:
            finding = _code(child, "ConceptCodeSequence")[1]
        elif kind in {"SCOORD", "SCOORD3D"}:
            regions.append(_region(child))
        elif kind == "NUM":
            _once(numbers, meaning)
            numbers[meaning] = _number(child, meaning)
        elif kind == "CODE" and code != CATEGORY:
            _once(codes, meaning)
            codes[meaning] = _code(child, "ConceptCodeSequence")[1]
    return Group(lesion, finding, tuple(regions), numbers, codes)


def _once(found: dict[str, object] | dict[str, str] | dict[str, tuple[float, str]], meaning: str) -> None:
    if meaning in found:
        raise DecodeFailure(
            "report:twice", f"One lesion has two values of '{meaning}', and which one counts must not be guessed."
        )


def _region(item: Dataset) -> Region:
    graphic, axes = str(item.get("GraphicType") or ""), 2 if item.ValueType == "SCOORD" else 3
    numbers = np.array([float(part) for part in item.get("GraphicData") or ()], np.float64)
    if graphic not in PLACES or numbers.size == 0 or numbers.size % axes or not np.isfinite(numbers).all():
        raise DecodeFailure("report:region", f"A region is {graphic or 'of no kind'}, or its points are none.")
    points = numbers.reshape(-1, axes)
    if axes == 3:
        return Region(graphic, points)
    for child in item.get("ContentSequence") or ():
        for image in child.get("ReferencedSOPSequence") or ():
            frames = image.get("ReferencedFrameNumber")
            frame = int(frames if isinstance(frames, int | str) else frames[0]) if frames else 1
            return Region(graphic, points, str(image.get("ReferencedSOPInstanceUID") or ""), frame)
    raise DecodeFailure("report:region", "A region does not say in which image it lies.")


def _number(item: Dataset, meaning: str) -> tuple[float, str]:
    for value in item.get("MeasuredValueSequence") or ():
        number = float(value.NumericValue)
        if np.isfinite(number):
            return number, _code(value, "MeasurementUnitsCodeSequence")[0]
    raise DecodeFailure("report:number", f"'{meaning}' has no number.")


def _name(item: Dataset) -> tuple[str, str]:
    return _code(item, "ConceptNameCodeSequence")


def _code(item: Dataset, keyword: str) -> tuple[str, str]:
    """(code value, meaning)."""
    for code in item.get(keyword) or ():
        return str(code.get("CodeValue") or code.get("LongCodeValue") or ""), str(code.get("CodeMeaning") or "").strip()
    return "", ""
