"""No identifier of a patient reaches any file of a run: canaries are put in, and looked for everywhere."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pypdf

import validate

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


def test_no_identifier_reaches_any_file_of_a_run(gallery: Path) -> None:
    protocol = gallery / "cxr-opacity-acceptance.yaml"
    protocol.write_text(protocol.read_text().replace("formats: [html]", "formats: [pdf, html]"))
    images = sorted((gallery / "../../sample_data/cxr").resolve().rglob("*.dcm"))
    planted = set(PLANTED.values()) - {"19550505"}
    for path in images[:40]:
        try:
            dataset = pydicom.dcmread(path)
        except (pydicom.errors.InvalidDicomError, EOFError):
            continue
        planted |= {str(dataset[keyword].value) for keyword in LEVELS if keyword in dataset}
        for keyword, value in PLANTED.items():
            setattr(dataset, keyword, value)
        dataset.PatientSex = "F"  # one patient now, and a patient of two sexes is refused
        dataset.add_new((0x0011, 0x0010), "LO", "CANARY PRIVATE")
        dataset.add_new((0x0011, 0x1001), "LO", "canary private value")
        dataset.save_as(path)
        path.rename(path.with_name(f"Canary_Ophelia_{path.name}"))
    run = validate.run(protocol, out=gallery / "run")
    leaks = [
        (str(path.relative_to(run.folder)), value)
        for path in sorted(p for p in run.folder.rglob("*") if p.is_file())
        for content in [searchable(path)]
        for value in sorted({*planted, "canary", "CANARY", "Canary", "19550505"})
        if value.encode() in content
    ]
    assert leaks == []
