"""Identifiers of nobody, put wherever a DICOM file can hold one; what must be found in no output."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pypdf
from pydicom._dicom_dict import DicomDictionary

PERSON = {
    "PatientName": "Canary^Ophelia",
    "PatientID": "CANARY-0815",
    "OtherPatientNames": "Canary^Maiden",
    "PatientBirthDate": "19550505",
    "PatientAddress": "Canary Lane 7",
    "PatientTelephoneNumbers": "0555-CANARY",
    "ReferringPhysicianName": "Canary^Doctor",
    "OperatorsName": "Canary^Operator",
    "InstitutionName": "Canary Hospital",
    "InstitutionAddress": "Canary Street",
    "StationName": "CANARYSTATION",
    "DeviceSerialNumber": "CANARYSERIAL",
    "PatientComments": "canary comment",
    "ImageComments": "canary image",
    "StudyDescription": "chest of Mrs Canary",
    "StudyID": "CANARYID",
    "RequestingPhysician": "Canary^Request",
    "AdmissionID": "CANARYADM",
}
WORDS = frozenset({"canary", "CANARY", "Canary", "Ophelia"})
# What is put into every element of a representation that may hold it. Numbers and times are long, so that none is found by chance.
BY_KIND = {
    **dict.fromkeys(("LO", "LT", "PN", "SH", "ST", "UC", "UT", "CS", "AE"), PERSON["PatientName"]),
    "DA": PERSON["PatientBirthDate"],
    "DT": "19550505070707.424242",
    "TM": "070707.424242",
    "UI": "2.25.8150815081508150815",
    "UR": "http://canary.example/Ophelia",
    "IS": "815081508",
    "DS": "815081508.25",
    "OB": b"Canary^Ophelia",
    "UN": b"Canary^Ophelia",
}
LEVELS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber")
# Without these nobody is eligible, nothing is joined and nothing decoded; what a run shows of them are closed lists and numbers.
KEPT = frozenset(
    [
        *(*LEVELS, "SOPClassUID", "Modality", "ViewPosition", "PhotometricInterpretation", "PatientAge", "PatientSex", "StudyDate"),
        *("PixelPresentation", "SpecificCharacterSet", "NumberOfFrames", "RescaleSlope", "RescaleIntercept", "RescaleType"),
        *("WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "PixelAspectRatio", "PixelData"),
        *("KVP", "SliceThickness", "PixelSpacing", "ImagerPixelSpacing", "MagneticFieldStrength", "ImageType", "ImagePositionPatient"),
        *("ImageOrientationPatient", "PixelSpacingCalibrationType", "FloatPixelData", "DoubleFloatPixelData"),
    ]
)  # fmt: skip
DECIDING = re.compile(
    "LUT|Palette|FunctionalGroups|Overlay|Curve|OffsetTable|PixelPadding|Trial|Waveform|Audio|ICCProfile"
)
DECIDED = (
    "ViewPosition",
    "Modality",
    "PatientSex",
    "PatientAge",
    "PhotometricInterpretation",
    "RescaleType",
    "StudyDate",
)
EVERYTHING = 5  # every so manieth image has them in the kept elements too, and so ends outside of the study


def plant(paths: Iterable[Path], folder: Path, *, most: int, torn: bool = False) -> set[str]:
    """As many of these images as can be read, in this folder and with canaries in every element and in their names.

    torn : also one of them cut short      Returns what must be found nowhere: all that was planted, and what they were called.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {*PERSON.values(), *WORDS, *(text for text in BY_KIND.values() if isinstance(text, str))}
    done = 0
    for path in sorted(paths):
        with warnings.catch_warnings(), pydicom.config.disable_value_validation():
            warnings.simplefilter("ignore")  # some files are torn, and a canary need not keep to an element's alphabet
            try:
                dataset = pydicom.dcmread(path)
                found |= {str(dataset[keyword].value) for keyword in LEVELS if keyword in dataset}
                _fill(dataset, number=done)
                target = folder / f"Canary_Ophelia_{done}_{path.name}"
                dataset.save_as(target)
            except (pydicom.errors.InvalidDicomError, EOFError, ValueError, AttributeError):
                continue
        if path.is_relative_to(folder):
            path.unlink()
        done += 1
        if torn and done == 1:
            (folder / "Canary_Ophelia_torn.dcm").write_bytes(target.read_bytes()[:900])
        if done == most:
            break
    assert done == most
    return found


def _fill(dataset: pydicom.Dataset, *, number: int) -> None:
    """Sequences only where few images have them: writing thousands takes long."""
    own = {keyword: dataset[keyword] for keyword in KEPT if keyword in dataset}
    dataset.update(_texts())
    if number == 0 or number % EVERYTHING == EVERYTHING - 1:
        dataset.update(_sequences())
    for keyword, element in own.items():
        dataset[keyword] = element
    dataset.PatientSex = "F"  # one patient now, and a patient of two sexes is refused
    if number % EVERYTHING == EVERYTHING - 1:
        for keyword in DECIDED:
            setattr(dataset, keyword, PERSON["PatientName"])


@cache
def _texts() -> pydicom.Dataset:
    """At the top, and one level down."""
    made, inner = pydicom.Dataset(), pydicom.Dataset()
    for tag, kind, keyword in every_element():
        if kind != "SQ" and keyword not in KEPT:
            for dataset in (made, inner):
                dataset.add_new(tag, kind, BY_KIND[kind])
    for keyword, value in PERSON.items():
        setattr(made, keyword, value)
    made.RequestAttributesSequence = [inner]
    made.add_new((0x0011, 0x0010), "LO", "CANARY PRIVATE")
    made.add_new((0x0011, 0x1001), "LO", "canary private value")
    made.add_new((0x0011, 0x1002), "UN", b"Canary^Ophelia")
    return made


@cache
def _sequences() -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.PatientName = PERSON["PatientName"]
    item.CodeMeaning = "canary meaning"
    made = pydicom.Dataset()
    for tag, kind, _ in every_element():
        if kind == "SQ":
            made.add_new(tag, "SQ", [item])
    return made


@cache
def every_element() -> tuple[tuple[int, str, str], ...]:
    """(tag, representation, keyword) of every element of the dictionary that can hold one and does not decide how pixels are read."""
    found = tuple(
        (tag, kind, keyword)
        for tag, (kind, _, _, _, keyword) in DicomDictionary.items()
        if (kind in BY_KIND or kind == "SQ")
        and 0x00080000 <= tag < 0x7FE00000
        and keyword
        and not DECIDING.search(keyword)
        and not (tag >> 16 == 0x0028 and keyword not in {"BurnedInAnnotation", "QualityControlImage"})
    )
    assert len(found) > 3500
    return found


def found_in(content: bytes, canaries: Iterable[str]) -> list[str]:
    """Which of them are there."""
    return sorted(value for value in canaries if value.encode() in content)


def searchable(path: Path) -> bytes:
    """A file's bytes and what they unfold to: Parquet cells, PDF words, streams and attachments."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        content += repr(pq.read_table(path).to_pydict()).encode() + repr(pq.read_schema(path).metadata).encode()
    if path.suffix == ".pdf":
        pdf = pypdf.PdfReader(path)
        content += " ".join(page.extract_text() for page in pdf.pages).encode() + repr(pdf.metadata).encode()
        for stream in re.findall(rb"stream\r?\n(.*?)endstream", path.read_bytes(), re.DOTALL):
            try:
                content += zlib.decompressobj().decompress(stream)
            except zlib.error:
                continue
    return content
