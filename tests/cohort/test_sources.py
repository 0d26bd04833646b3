"""Zip archives and DICOMDIRs are sources like folders, and hostile ones end with a reason."""

from __future__ import annotations

import io
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from validate.cohort.build import build_cohort
from validate.cohort.dicomdir import _by_pydicom
from validate.cohort.dicomdir_records import NotPlain, named_files
from validate.cohort.index import index_folder
from validate.errors import DataError
from validate.imaging import archive as zips
from validate.imaging.dicom import read_image
from validate.imaging.volume import DecodeFailure

SITE_KEY = b"k" * 32


def reasons(source: Path, **options):
    return {found.relative: found.reason for found in index_folder(source, **options)}


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_gives_what_its_folder_gives(archive, tmp_path, method):
    for number in range(3):
        archive(f"s{number}/{number}.dcm", study=f"S{number}")
    (tmp_path / "archive/LICENSE.dcm").write_text("text")
    folder = tmp_path / "archive"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    packed = zipped(tmp_path / "all.zip", files, method)
    of_folder, of_archive = index_folder(folder), index_folder(packed)
    assert [(c.relative, c.digest, c.reason, c.attributes, c.keys) for c in of_archive] == [
        (c.relative, c.digest, c.reason, c.attributes, c.keys) for c in of_folder
    ]
    image = next(c for c in of_archive if c.reason is None)
    assert read_image(image.path).voxels.shape == (1, 2, 2)


def test_archives_inside_a_folder_are_looked_into_and_documents_are_not(archive, tmp_path):
    content = archive("good.dcm").read_bytes()
    folder = tmp_path / "archive"
    zipped(folder / "patient.zip", {"a/1.dcm": content, "notes.txt": b"text"})
    zipped(folder / "letter.docx", {"word/document.xml": b"<x/>"})
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("deep.dcm", content)
    zipped(folder / "twice.zip", {"inner.zip": inner.getvalue()})
    assert reasons(folder) == {
        "good.dcm": None,
        "letter.docx": "not_dicom",
        "patient.zip/a/1.dcm": None,
        "patient.zip/notes.txt": "not_dicom",
        "twice.zip/inner.zip": "archive",
    }


def test_names_that_lead_out_of_an_archive_are_not_followed(archive, tmp_path):
    content = archive("good.dcm").read_bytes()
    outside = tmp_path / "outside.dcm"
    packed = zipped(tmp_path / "x.zip", {"../outside.dcm": content, "/abs.dcm": content, "a/../../b.dcm": content,
                                         "..\\win.dcm": content, "C:\\x.dcm": content, "ok.dcm": content})  # fmt: skip
    found = reasons(packed)
    assert [reason for name, reason in found.items() if name != "ok.dcm"] == ["unsafe_name"] * 5
    assert found["ok.dcm"] is None
    assert not outside.exists()


def test_links_and_encrypted_and_repeated_members_have_their_reasons(archive, tmp_path):
    content = archive("good.dcm").read_bytes()
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("twice.dcm", content)
        with pytest.warns(UserWarning, match="Duplicate"):
            packed.writestr("twice.dcm", content + b"\0\0")
        packed.writestr("locked.dcm", content)
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"locked.dcm") - 46
    raw[at + 8] |= 1
    path.write_bytes(raw)
    found = sorted(str(reason) for reason in reasons(path).values())
    assert found == ["None", "encrypted", "repeated_name", "symbolic_link"]


def test_a_bomb_is_not_unpacked(tmp_path, archive):
    content = archive("good.dcm").read_bytes()
    black = zipped(tmp_path / "bomb.zip", {"bomb.dcm": content + b"\0" * (80 << 20), "good.dcm": content})
    assert reasons(black) == {"bomb.dcm": "archive_bomb", "good.dcm": None}
    with pytest.raises(DecodeFailure):
        read_image(black / "bomb.dcm")


def test_members_that_share_their_bytes_are_a_bomb(tmp_path, archive):
    """Many members that lie in one place (as of a zip bomb that does not nest)."""
    content = archive("good.dcm").read_bytes()
    path = zipped(tmp_path / "x.zip", {"a.dcm": content, "b.dcm": content, "c.dcm": content})
    raw = bytearray(path.read_bytes())
    first = raw.index(b"PK\x01\x02")
    second = raw.index(b"PK\x01\x02", first + 1)
    raw[second + 42 : second + 46] = struct.pack("<L", 0)
    path.write_bytes(raw)
    assert reasons(path) == {"a.dcm": "archive_bomb", "b.dcm": "archive_bomb", "c.dcm": None}


@pytest.mark.parametrize("damage", ["cut", "crc", "rubbish", "counted"])
def test_a_damaged_archive_has_a_place(archive, tmp_path, damage, monkeypatch):
    path = zipped(tmp_path / "x.zip", {"a.dcm": archive("good.dcm").read_bytes()})
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "crc":
        raw[60:120] = b"\xff" * 60
    elif damage == "rubbish":
        raw = bytearray(b"PK\x03\x04") + bytearray(b"x" * 500)
    else:
        monkeypatch.setattr(zips, "MOST_MEMBERS", 0)
    path.write_bytes(raw)
    (found,) = index_folder(path)
    expected = {"crc": "unreadable_file", "counted": "archive_bomb"}.get(damage, "unreadable_archive")
    assert found.reason == expected


def dicomdir(folder: Path, *names: list[str]) -> Path:
    dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    records = []
    for parts in names:
        record = Dataset()
        record.OffsetOfTheNextDirectoryRecord = 1  # a loop, if anybody followed it
        record.OffsetOfReferencedLowerLevelDirectoryEntity = 1
        record.DirectoryRecordType = "IMAGE"
        record.add_new("ReferencedFileID", "LO", parts)  # not CS, so that a bad name can be written
        records.append(record)
    dataset.DirectoryRecordSequence = Sequence(records)
    dataset.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_a_dicomdir_names_its_files_and_what_is_missing(archive, tmp_path):
    archive("DATA/IM1")
    archive("data2/im2", study="S2")
    archive("unlisted", study="S3")
    (tmp_path / "secret").write_bytes((tmp_path / "archive/unlisted").read_bytes())
    (tmp_path / "archive/DATA/link").symlink_to(tmp_path / "secret")
    listed = dicomdir(
        tmp_path / "archive",
        ["DATA", "IM1"], ["DATA", "IM1"], ["DATA2", "IM2"], ["DATA", "GONE"], ["..", "secret"], ["DATA", "link"], ["a/b"],
    )  # fmt: skip
    assert reasons(listed) == {
        "DICOMDIR": "not_an_image",
        "DATA/GONE": "missing_file",
        "DATA/IM1": None,
        "data2/im2": None,
        "../secret": "unsafe_name",
        "DATA/link": "unsafe_name",
        "a/b": "unsafe_name",
    }


def test_a_dicomdir_inside_a_folder_is_held_against_the_files(archive, tmp_path):
    archive("disc/DATA/IM1")
    archive("disc/unlisted", study="S3")
    archive("other", study="S4")
    (tmp_path / "archive/disc/DATA/link").symlink_to(tmp_path)
    dicomdir(tmp_path / "archive/disc", ["DATA", "IM1"], ["DATA", "GONE"], ["..", "secret"], ["DATA", "link"])
    (tmp_path / "archive/damaged").mkdir()
    (tmp_path / "archive/damaged/DICOMDIR").write_bytes((tmp_path / "archive/disc/DICOMDIR").read_bytes()[:-90])
    found = reasons(tmp_path / "archive")
    assert found.pop("damaged/DICOMDIR") in {"not_an_image", "unreadable_header"}
    assert {name: why for name, why in found.items() if not name.startswith("damaged")} == {
        "disc/../secret": "unsafe_name",
        "disc/DATA/GONE": "missing_file",
        "disc/DATA/IM1": None,
        "disc/DATA/link": "symbolic_link",
        "disc/DICOMDIR": "not_an_image",
        "disc/unlisted": None,
        "other": None,
    }


@pytest.mark.parametrize("inside", [False, True])
def test_a_dicomdir_inside_an_archive_is_held_against_the_members(archive, tmp_path, inside):
    image = archive("image").read_bytes()
    folder = tmp_path / "archive"
    listed = dicomdir(tmp_path, ["DATA", "IM1"], ["DATA", "IM2"], ["DATA", "GONE"], ["..", "secret"]).read_bytes()
    (folder / "image").unlink()
    files = {
        "disc/DICOMDIR": listed,
        "disc/DATA/IM1": image,
        "disc/data/im2.;1": image,
        "damaged/DICOMDIR": listed[:-90],
    }
    path = zipped((folder if inside else tmp_path) / "study.zip", files)
    prefix = "study.zip/" if inside else ""
    found = {name.removeprefix(prefix): why for name, why in reasons(folder if inside else path).items()}
    assert found.pop("damaged/DICOMDIR") in {"not_an_image", "unreadable_header"}
    assert {name: why for name, why in found.items() if not name.startswith("damaged")} == {
        "disc/../secret": "unsafe_name",
        "disc/DATA/GONE": "missing_file",
        "disc/DATA/IM1": None,
        "disc/DICOMDIR": "not_an_image",
        "disc/data/im2.;1": None,
    }


def test_a_dicomdir_that_lists_nothing_is_said(tmp_path):
    with pytest.raises(DataError, match="lists no file"):
        index_folder(dicomdir(tmp_path))


def test_a_single_image_is_a_source(archive):
    (found,) = index_folder(archive("one.dcm"))
    assert found.reason is None


def test_a_cohort_is_built_from_an_archive(archive, protocol, tmp_path):
    for number in range(3):
        archive(f"{number}.dcm", study=f"S{number}")
    folder = tmp_path / "archive"
    zipped(tmp_path / "all.zip", {path.name: path.read_bytes() for path in folder.iterdir()})
    (tmp_path / "labels.csv").write_text("accession_number,opacity\nA-S0,1\nA-S1,0\n")
    of_folder, of_archive = (
        build_cohort(protocol(sources=[{"dicom": name}]), base=tmp_path, site_key=SITE_KEY)
        for name in ("archive", "all.zip")
    )
    assert of_archive.digest == of_folder.digest
    assert all(read_image(case.files[0]).voxels.size for case in of_archive.cases)


@pytest.mark.parametrize("inside", [False, True])
def test_a_dicomdir_that_takes_for_ever_is_said_and_the_files_are_read(archive, tmp_path, monkeypatch, inside):
    image = archive("IM1").read_bytes()
    listed = dicomdir(tmp_path / "archive", ["IM1"])
    if inside:
        zipped(tmp_path / "archive/study.zip", {"DICOMDIR": listed.read_bytes(), "IM2": image.replace(b"S1", b"S2")})
        listed.unlink()

    def endless(_stream):
        while True:
            time.sleep(0.001)
            yield ("IM1",)

    monkeypatch.setattr("validate.cohort.dicomdir.named_files", endless)
    monkeypatch.setattr("validate.cohort.dicomdir.seconds_for", lambda _size: 0.1)
    prefix = "study.zip/" if inside else ""
    found = reasons(tmp_path / "archive")
    assert found[f"{prefix}DICOMDIR#listed"] == "unreadable_listing"
    assert found[f"{prefix}DICOMDIR"] == "not_an_image"
    assert found["IM1"] is None
    if not inside:
        with pytest.raises(DataError, match="took longer than"):
            index_folder(listed)


@pytest.mark.parametrize("undefined", [False, True])
def test_records_are_read_as_the_library_reads_them(tmp_path, undefined):
    dataset = pydicom.dcmread(dicomdir(tmp_path, ["A", "B"], ["C"]))
    inner = Dataset()
    inner.CodeMeaning = "x"
    for record in dataset.DirectoryRecordSequence:
        record.add_new("IconImageSequence", "SQ", [inner])
        record.add_new("ContentSequence", "SQ", [])
        record["IconImageSequence"].is_undefined_length = undefined
        record.is_undefined_length_sequence_item = undefined
        inner.is_undefined_length_sequence_item = undefined
    dataset["DirectoryRecordSequence"].is_undefined_length = undefined
    dataset.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    with (tmp_path / "DICOMDIR").open("rb") as stream:
        assert list(named_files(stream)) == [("A", "B"), ("C",)]
    with (tmp_path / "DICOMDIR").open("rb") as stream:
        assert _by_pydicom(tmp_path, stream) == {("A", "B"), ("C",)}


def test_any_damage_to_a_dicomdir_ends_soon(tmp_path):
    content = dicomdir(tmp_path, ["A", "B"], ["C"]).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        raw = bytearray(content)
        for at in random.integers(132, len(raw), 3):
            raw[at] = random.integers(256)
        try:
            assert all(isinstance(parts, tuple) for parts in named_files(io.BytesIO(bytes(raw))))
        except NotPlain:
            continue
