"""A bundle is one file with the same bytes each time; a zip with a trick in it is not unpacked."""

from __future__ import annotations

import os
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from validate.errors import CommandError, EvidenceError
from validate.evidence.bundle import opened_bundle, write_bundle
from validate.evidence.verify import verify


def test_a_bundle_verifies_like_its_folder_and_has_the_same_bytes_each_time(reported: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    assert write_bundle(reported, first) == write_bundle(reported, second)
    assert first.read_bytes() == second.read_bytes()
    with opened_bundle(first) as folder:
        assert verify(folder) == verify(reported)
        kept = folder
    assert not kept.exists()


def test_a_bundle_is_made_of_a_sealed_run_and_never_overwrites(reported: Path, tmp_path: Path) -> None:
    write_bundle(reported, tmp_path / "a.zip")
    with pytest.raises(CommandError, match="exists already"):
        write_bundle(reported, tmp_path / "a.zip")
    with pytest.raises(CommandError, match="inside the run folder"):
        write_bundle(reported, reported / "a.zip")
    (reported / "evidence/seal.json").unlink()
    with pytest.raises(EvidenceError, match="has no seal"):
        write_bundle(reported, tmp_path / "b.zip")


def packed(path: Path, *names: str, mode: int = 0o644, content: bytes = b"x") -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            made.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("../evil",), "could leave the folder"),
        (("/etc/passwd",), "could leave the folder"),
        (("a/../../evil",), "could leave the folder"),
        (("a\\..\\evil",), "could leave the folder"),
        (("C:evil",), "could leave the folder"),
        (("a/./b",), "could leave the folder"),
        (("a//b",), "could leave the folder"),
        (("a\nb",), "could leave the folder"),
        (("a", "a"), "the same name as"),
        (("Verdict.json", "verdict.json"), "the same name as"),
        (("ﬁle", "file"), "the same name as"),
        (("folder/",), "could leave the folder"),
        (("a", "a/b"), "a file where others need a folder"),
    ],
)
def test_names_that_play_tricks_are_refused(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(EvidenceError, match=message), opened_bundle(packed(tmp_path / "bad.zip", *names)):
        pytest.fail("was unpacked")
    assert not (tmp_path / "evil").exists()


def test_links_bombs_comments_and_hidden_bytes_are_refused(tmp_path: Path) -> None:
    link = packed(tmp_path / "link.zip", "link", mode=0o120777, content=b"/etc/passwd")
    bomb = packed(tmp_path / "bomb.zip", "big", content=bytes(50_000_000))
    said = packed(tmp_path / "comment.zip", "a")
    with zipfile.ZipFile(said, "a") as made:
        made.comment = b"hello"
    before = packed(tmp_path / "before.zip", "a")
    before.write_bytes(b"#!/bin/sh\n" + before.read_bytes())
    for path, message in (
        (link, "no plain file"),
        (bomb, "unfolds to 50,000,000 bytes"),
        (said, "does not end with its own SHA-256"),
        (before, "belong to no file"),
    ):
        with pytest.raises(EvidenceError, match=message), opened_bundle(path):
            pytest.fail("was unpacked")


def test_a_header_that_disagrees_with_the_table_of_contents_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "two.zip", "aaa")
    path.write_bytes(path.read_bytes().replace(b"aaa", b"bbb", 1))
    with pytest.raises(EvidenceError, match="disagree"), opened_bundle(path):
        pytest.fail("was unpacked")


def test_a_file_that_unfolds_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "more.zip", "a", content=os.urandom(5000))
    content = bytearray(path.read_bytes())
    central = content.rfind(b"PK\x01\x02")
    for place in (22, central + 24):
        struct.pack_into("<I", content, place, 100)
    path.write_bytes(bytes(content))
    with pytest.raises(EvidenceError), opened_bundle(path):
        pytest.fail("was unpacked")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all" * 20])
def test_what_is_no_zip_is_no_evidence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.zip").write_bytes(content)
    with pytest.raises(EvidenceError, match="not a zip file"), opened_bundle(tmp_path / "no.zip"):
        pytest.fail("was unpacked")
    with pytest.raises(EvidenceError, match="not there"), opened_bundle(tmp_path / "nowhere.zip"):
        pytest.fail("was unpacked")


def test_no_byte_of_a_bundle_can_be_changed_and_its_files_have_one_order(reported: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    write_bundle(reported, path)
    original = path.read_bytes()
    for place in [*range(0, len(original), 97), *range(len(original) - 90, len(original))]:
        changed = bytearray(original)
        changed[place] ^= 1 << place % 8
        path.write_bytes(bytes(changed))
        with pytest.raises(EvidenceError), opened_bundle(path):
            pytest.fail(f"byte {place} was changed")
    path.write_bytes(original)
    with pytest.raises(EvidenceError, match="in another order"), opened_bundle(packed(tmp_path / "b.zip", "b", "a")):
        pytest.fail("was unpacked")
    with opened_bundle(path) as folder:
        assert verify(folder).holds
