"""No identifier of a patient reaches any file of a run: canaries are put in, and looked for everywhere."""

from __future__ import annotations

import re
import warnings
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pypdf
import pytest
from pydicom._dicom_dict import DicomDictionary
from typer.testing import CliRunner

from validate.cli.main import app

PLANTED = {
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
    "StudyID": "CANARYID",
    "RequestingPhysician": "Canary^Request",
    "AdmissionID": "CANARYADM",
}
LEVELS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber", "PatientID", "PatientName")


# Without these nobody is eligible and nothing is decoded; what a run shows of them are closed lists and numbers.
KEPT = (
    *(
        "Modality",
        "ViewPosition",
        "PhotometricInterpretation",
        "PatientAge",
        "PatientSex",
        "StudyDate",
        "AccessionNumber",
    ),
    *(
        "PixelPresentation",
        "SpecificCharacterSet",
        "NumberOfFrames",
        "RescaleSlope",
        "RescaleIntercept",
        "WindowCenter",
    ),
    *("WindowWidth", "VOILUTFunction", "RescaleType", "PresentationLUTShape"),
)


def every_text_tag() -> list[tuple[int, str]]:
    """Every element of the dictionary that can hold words, but for groups that a data set does not have."""
    texts = {"LO", "LT", "PN", "SH", "ST", "UC", "UT", "CS", "AE"}
    return [
        (tag, kind)
        for tag, (kind, _, _, _, keyword) in DicomDictionary.items()
        if kind in texts and tag >> 16 >= 8 and keyword and keyword not in KEPT and "Trial" not in keyword
    ]


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


def planted_in(folder: Path, most: int) -> set[str]:
    """Puts canaries into every text there is, of so many images and of their names; gives what must be found nowhere."""
    planted = set(PLANTED.values()) | {"canary", "CANARY", "Canary"}
    everywhere = every_text_tag()
    assert len(everywhere) > 1400
    for path in sorted(folder.rglob("*.dcm"))[:most]:
        try:
            dataset, original = pydicom.dcmread(path), pydicom.dcmread(path)
        except (pydicom.errors.InvalidDicomError, EOFError):
            continue
        planted |= {str(dataset[keyword].value) for keyword in LEVELS if keyword in dataset}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a canary need not keep to the alphabet of its element
            # The patient's own name in every element of text there is, the harvested ones too, and one level down.
            nested = pydicom.Dataset()
            for tag, kind in everywhere:
                if tag not in dataset or dataset[tag].VR != "UI":
                    dataset.add_new(tag, kind, PLANTED["PatientName"])
                    nested.add_new(tag, kind, PLANTED["PatientName"])
            for keyword, value in PLANTED.items():
                setattr(dataset, keyword, value)
            for keyword in KEPT:
                if keyword in original:
                    dataset[keyword] = original[keyword]
            dataset.RequestAttributesSequence = pydicom.Sequence([nested])
        dataset.PatientSex = "F"  # one patient now, and a patient of two sexes is refused
        dataset.add_new((0x0011, 0x0010), "LO", "CANARY PRIVATE")
        dataset.add_new((0x0011, 0x1001), "LO", "canary private value")
        dataset.save_as(path)
        path.rename(path.with_name(f"Canary_Ophelia_{path.name}"))
    return planted


def found_in(content: bytes, planted: set[str]) -> list[str]:
    return sorted(value for value in planted if value.encode() in content)


def test_no_identifier_reaches_any_file_or_the_terminal_of_a_run(
    gallery: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    protocol = gallery / "cxr-opacity-acceptance.yaml"
    protocol.write_text(protocol.read_text().replace("formats: [html]", "formats: [pdf, html]"))
    planted = planted_in((gallery / "../../sample_data/cxr").resolve(), 40)
    out = gallery / "run"
    capfd.readouterr()
    caplog.clear()  # planting is not silent
    ended = CliRunner().invoke(app, ["run", str(protocol), "--out", str(out)])
    assert (out / "verdict.json").exists(), ended.output
    leaks = [
        (str(path.relative_to(out)), value)
        for path in sorted(p for p in out.rglob("*") if p.is_file())
        for value in found_in(searchable(path), planted)
    ]
    assert leaks == []
    printed = ended.output + "".join(capfd.readouterr()) + caplog.text
    assert len(printed) > 200
    assert found_in(printed.encode(), planted) == []


def test_no_identifier_reaches_the_terminal_the_page_or_the_document_of_an_index(gallery: Path, tmp_path: Path) -> None:
    folder = (gallery / "../../sample_data/cxr").resolve()
    planted = planted_in(folder, 12)
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(app, ["index", str(folder), "--html", str(page), "--no-cache"])
    document = CliRunner().invoke(app, ["index", str(folder), "--json", "--no-cache"])
    assert (shown.exit_code, document.exit_code) == (0, 0)
    for content in (shown.output.encode(), document.output.encode(), page.read_bytes()):
        assert len(content) > 500
        assert found_in(content, planted) == []
