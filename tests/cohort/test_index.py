"""Every file of a tree ends as an image or with a reason, in one order, on any number of workers."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from pydicom.uid import UID

from validate.cohort import index
from validate.cohort.index import index_folder
from validate.cohort.privacy import is_pseudonym, pseudonym, write_lookup
from validate.errors import DataError


def reasons(folder, **options):
    return {found.relative: found.reason for found in index_folder(folder, **options)}


def test_whatever_lies_in_a_folder_has_one_place(archive, tmp_path):
    archive("a/good.dcm")
    archive("a/no_suffix", study="S2")
    archive("report", SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.88.33"), PixelData=None)
    archive("nobody.dcm", PatientID=None)
    folder = tmp_path / "archive"
    (folder / "LICENSE.dcm").write_text("Permission is hereby granted")
    (folder / "empty.dcm").touch()
    (folder / "cut.dcm").write_bytes((folder / "a/good.dcm").read_bytes()[:160])
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "link.dcm").symlink_to(folder / "a/good.dcm")
    (folder / "dangling").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    assert reasons(folder) == {
        "LICENSE.dcm": "not_dicom",
        "a/good.dcm": None,
        "a/no_suffix": None,
        "cut.dcm": "no_identity",
        "dangling": "symbolic_link",
        "empty.dcm": "empty_file",
        "link.dcm": "symbolic_link",
        "loop": "symbolic_link",
        "nobody.dcm": "no_identity",
        "pipe": "not_a_file",
        "report": "not_an_image",
    }


def test_a_file_that_may_not_be_read_is_said(archive, tmp_path, monkeypatch):
    path = archive("closed.dcm")
    original = os.open

    def refuse(place, *arguments, **options):
        if os.fspath(place) == str(path):
            raise PermissionError(13, "Permission denied")  # the tests may run as root, whom no mode stops
        return original(place, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    (found,) = index_folder(tmp_path / "archive")
    assert found.reason == "unreadable_file"
    assert found.detail == "Can't be read: Permission denied."


def test_a_folder_that_can_not_be_looked_into_is_said(archive, tmp_path, monkeypatch):
    archive("open/a.dcm")
    archive("closed/b.dcm", study="S2")
    original = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert reasons(tmp_path / "archive") == {"open/a.dcm": None, "closed": "unreadable_folder"}


def test_names_that_are_no_text_are_names(archive, tmp_path):
    path = archive("a.dcm")
    odd = os.fsdecode(b"caf\xe9.dcm")
    path.rename(path.with_name(odd))
    (found,) = index_folder(tmp_path / "archive")
    assert found.reason is None
    assert is_pseudonym(pseudonym(b"k", "file", found.relative))
    assert "caf\\\\xe9" in write_lookup("0" * 64, {"I-1": str(found.path)}, folder=tmp_path / "home").read_text()


@pytest.mark.parametrize(("elements", "defect"), [({}, None), ({"PixelData": None}, "no_pixel_data")])
def test_an_image_without_pixels_is_an_image_all_the_same(archive, tmp_path, elements, defect):
    archive("a.dcm", **elements)
    (found,) = index_folder(tmp_path / "archive")
    assert (found.reason, found.defect) == (None, defect)


def test_a_truncated_image_is_an_image_all_the_same(archive, tmp_path):
    path = archive("a.dcm")
    path.write_bytes(path.read_bytes()[:-3])
    (found,) = index_folder(tmp_path / "archive")
    assert (found.reason, found.defect) == (None, "truncated")


def test_workers_change_nothing(archive, tmp_path, monkeypatch):
    for number in range(12):
        archive(f"{number % 3}/{number}.dcm", study=f"S{number}")
    (tmp_path / "archive/notes.txt").write_text("text")
    alone = index_folder(tmp_path / "archive", workers=1)
    monkeypatch.setattr(index, "FEW", 1)
    seen = []
    together = index_folder(tmp_path / "archive", workers=2, progress=lambda done, total: seen.append((done, total)))
    assert together == alone
    assert [found.relative for found in alone] == sorted(found.relative for found in alone)
    assert seen[-1] == (13, 13)


def test_further_tags_are_read_by_keyword_or_number(archive, tmp_path):
    archive("a.dcm", ExposureTime="12", ProtocolName="CHEST PA")
    (found,) = index_folder(tmp_path / "archive", tags={"time": "ExposureTime", "protocol": "(0018,1030)"})
    assert found.attributes["time"] == 12.0
    assert found.attributes["protocol"] == "CHEST PA"


@pytest.mark.parametrize("tag", ["Exposuretime", "(0018)", "(00zz,0060)", ""])
def test_what_is_no_tag_is_refused(archive, tmp_path, tag):
    archive("a.dcm")
    with pytest.raises(DataError, match="no DICOM keyword"):
        index_folder(tmp_path / "archive", tags={"x": tag})


def test_identifiers_are_named_where_they_are_asked_for(archive, tmp_path):
    archive("a.dcm", PatientName="Doe^Jane", BurnedInAnnotation="YES", StationName="")
    (silent,) = index_folder(tmp_path / "archive")
    assert silent.identifiers == frozenset()
    (found,) = index_folder(tmp_path / "archive", identifiers=True)
    assert {"PatientName", "PatientID", "StudyDate", "burned-in text (says the header)"} <= found.identifiers
    assert "StationName" not in found.identifiers


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "no such folder"), ("file", "expected a folder"), ("void", "empty")]
)
def test_a_folder_that_gives_nothing_is_said(tmp_path, name, message):
    (tmp_path / "file").write_text("x")
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match=message):
        index_folder(tmp_path / name)


def test_random_damage_to_headers_ends_in_a_place(archive, tmp_path):
    whole = archive("a.dcm").read_bytes()
    generator = np.random.default_rng(11)
    for number in range(200):
        damaged = bytearray(whole)
        for at in generator.integers(132, len(whole), size=6):
            damaged[at] = generator.integers(256)
        (tmp_path / f"archive/{number}.dcm").write_bytes(damaged)
    found = index_folder(tmp_path / "archive", identifiers=True)
    assert len(found) == 201
    known = {None, "unreadable_header", "no_identity", "not_an_image", "not_dicom"}
    assert set(Counter(candidate.reason for candidate in found)) <= known
