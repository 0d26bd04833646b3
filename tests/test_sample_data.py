"""The committed sample is the one that the program makes, and holds what it promises."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from validate.imaging.dicom import read_image
from validate.imaging.volume import DecodeFailure
from validate.phantoms.manifest import NAME, differences, read_manifest
from validate.phantoms.sample import write_sample

SAMPLE = Path(__file__).parents[1] / "sample_data"


def truth() -> list[dict[str, str]]:
    with (SAMPLE / "truth.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def headers() -> dict[str, Dataset]:
    paths = {row["file"]: SAMPLE / "cxr" / row["file"] for row in truth()}
    return {name: pydicom.dcmread(path, stop_before_pixels=True) for name, path in paths.items()}


def files() -> Iterator[Path]:
    return (path for path in SAMPLE.rglob("*") if path.is_file() and path.name != NAME)


def test_the_manifest_lists_every_file_and_every_digest_holds() -> None:
    assert set(read_manifest(SAMPLE)) == {path.relative_to(SAMPLE).as_posix() for path in files()}
    assert differences(SAMPLE) == ()


@pytest.mark.slow
def test_the_seed_gives_the_committed_bytes_again(tmp_path: Path) -> None:
    write_sample(tmp_path)
    made = read_manifest(tmp_path)
    kept = {name: digest for name, digest in read_manifest(SAMPLE).items() if not name.startswith("models/")}
    assert made == kept, "sample_data has drifted: remove cxr/ and tables/ and run `validate sample sample_data`"


def test_the_folder_is_under_8_MB_and_each_model_under_1() -> None:  # noqa: N802 (unit)
    assert sum(path.stat().st_size for path in files()) < 8_000_000
    models = sorted((SAMPLE / "models").iterdir())
    assert {path.suffix for path in models} >= {".onnx", ".pt2"}
    assert all(path.stat().st_size < 1_000_000 for path in models)


def test_nothing_tells_of_the_machine_that_made_it() -> None:
    for path in files():
        contents = path.read_bytes()
        assert not any(trace in contents for trace in (b"/home/", b"/root/", b"/tmp/", b"site-packages"))


def test_every_dicom_file_says_that_it_is_synthetic(headers: dict[str, Dataset]) -> None:
    assert {header[0x0008001C].value for header in headers.values()} == {"YES"}


def test_what_dicom_varies_is_there(headers: dict[str, Dataset]) -> None:
    images = [header for header in headers.values() if "Rows" in header]
    assert {str(h.file_meta.TransferSyntaxUID) for h in images} == {
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.5",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90",
    }
    assert {h.PhotometricInterpretation for h in images} == {"MONOCHROME1", "MONOCHROME2"}
    assert {h.BitsStored for h in images} == {10, 12, 14}
    assert {h.Modality for h in images} == {"CR", "DX"}
    assert {h.ViewPosition for h in images} == {"PA", "AP", "LL"}
    assert len({float(h.RescaleSlope) for h in images}) > 1
    assert any("VOILUTSequence" in h for h in images)
    assert any("WindowCenter" in h for h in images)
    assert all(h.Rows == h.Columns == 128 for h in images)
    assert {h.PatientSex for h in images} == {"F", "M", ""}
    assert all(h.StudyDate.startswith("2025") for h in images)


def test_every_manufacturer_is_spelled_as_different_hospitals_do(headers: dict[str, Dataset]) -> None:
    spellings = defaultdict(set)
    for row in truth():
        spellings[row["manufacturer"]].add(headers[row["file"]].Manufacturer)
    assert set(spellings) == {"GE", "Siemens", "Philips", "Fujifilm"}
    assert all(len(found) >= 2 for found in spellings.values())


def test_every_manufacturer_has_over_40_sound_positive_images() -> None:
    sound = [row for row in truth() if row["defect"] in {"", "two_patient_ids"}]
    positives = Counter(row["manufacturer"] for row in sound if row["opacity"] == "1")
    assert min(positives.values()) > 40
    assert 380 <= len(sound) <= 420


def test_the_defects_are_really_in_the_files(headers: dict[str, Dataset]) -> None:
    defects = defaultdict(list)
    for row in truth():
        defects[row["defect"]].append(row["file"])
    assert all(headers[name].ViewPosition == "LL" for name in defects["lateral"])
    assert sorted(headers[name].PatientAge for name in defects["child"]) == ["009Y", "014M"]
    instances = Counter(header.SOPInstanceUID for header in headers.values())
    assert sorted(instances[headers[name].SOPInstanceUID] for name in defects["duplicate"]) == [2, 2]
    assert set(instances.values()) == {1, 2}
    patients = defaultdict(set)
    for header in headers.values():
        patients[header.StudyInstanceUID].add(header.PatientID)
    assert sorted(len(found) for found in patients.values())[-2:] == [1, 2]
    (text,) = (SAMPLE / "cxr").rglob("export_log.dcm")
    assert text.read_bytes()[128:132] != b"DICM"
    reasons = defaultdict(set)
    for defect in ("no_pixel_data", "truncated"):
        for name in defects[defect]:
            with pytest.raises(DecodeFailure) as failure:
                read_image(SAMPLE / "cxr" / name)
            reasons[defect].add(failure.value.reason)
    assert reasons["no_pixel_data"] == {"decode:no_pixel_data"}
    assert reasons["truncated"] <= {"decode:truncated", "decode:corrupt", "decode:no_pixel_data"}


def test_tables_name_every_study_once_and_some_labels_are_missing(headers: dict[str, Dataset]) -> None:
    accessions = {header.AccessionNumber for header in headers.values()}
    with (SAMPLE / "cxr" / "sites.csv").open(newline="") as handle:
        sites = {row["accession_number"]: row["site"] for row in csv.DictReader(handle)}
    with (SAMPLE / "cxr" / "reference.csv").open(newline="") as handle:
        labels = {row["accession_number"]: row["opacity"] for row in csv.DictReader(handle)}
    assert set(sites) == accessions
    assert set(sites.values()) == {"Northgate", "Harbour", "University"}
    assert len(accessions - set(labels)) == 1
    assert Counter(labels.values())[""] == 2
    assert set(labels.values()) == {"0", "1", ""}
