"""The manifest finds what changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from validate.phantoms.manifest import NAME, differences, read_manifest, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_bytes(b"abc")
    (tmp_path / "two.txt").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"x")
    write_manifest(tmp_path)
    return tmp_path


def test_digests_are_sha256_of_every_file_but_hidden_ones_and_itself(folder: Path) -> None:
    assert read_manifest(folder) == {
        "a/one.txt": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, "abc"
        "two.txt": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # of nothing
    }


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils sha256sum is not installed")
def test_coreutils_agree(folder: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", NAME], cwd=folder, check=True)


def test_changed_and_lost_files_are_named(folder: Path) -> None:
    assert differences(folder) == ()
    (folder / "two.txt").write_bytes(b"now something")
    assert differences(folder) == ("two.txt",)
    (folder / "a" / "one.txt").unlink()
    assert differences(folder) == ("a/one.txt", "two.txt")


def test_a_missing_manifest_is_named(folder: Path) -> None:
    (folder / NAME).unlink()
    assert differences(folder) == (NAME,)
