"""What was read once is not read again, unless it changed; what goes wrong with the memory goes wrong in silence."""

from __future__ import annotations

import os
import sqlite3
import stat
import time

import pytest

from validate.cohort import batches, candidate, index, index_cache
from validate.cohort.index import candidates_of, index_folder


@pytest.fixture
def reads(monkeypatch):
    """Relative paths of the files that were opened."""
    seen = []
    original = batches.read_facts

    def counted(entry, question, earlier):
        seen.append(entry.relative)
        return original(entry, question, earlier)

    monkeypatch.setattr(batches, "read_facts", counted)
    return seen


@pytest.fixture
def folder(archive, tmp_path):
    for number in range(6):
        os.utime(archive(f"{number}.dcm", study=f"S{number}"), (1e9, 1e9))
    (tmp_path / "archive/link").symlink_to(tmp_path)
    return tmp_path / "archive"


@pytest.fixture(autouse=True)
def _aged(monkeypatch):
    monkeypatch.setattr(index_cache, "YOUNG", -(10**12))  # as if the files had been lying there


def test_a_second_index_opens_nothing_and_says_the_same(folder, tmp_path, reads):
    first = index_folder(folder, cache=tmp_path / "cache")
    assert len(reads) == 7
    reads.clear()
    assert index_folder(folder, cache=tmp_path / "cache") == first
    assert reads == ["link"]


def test_only_what_changed_is_read_again(folder, tmp_path, reads, archive):
    index_folder(folder, cache=tmp_path / "cache")
    reads.clear()
    archive("2.dcm", study="S9")
    archive("new.dcm", study="S10")
    (folder / "3.dcm").unlink()
    found = index_folder(folder, cache=tmp_path / "cache")
    assert sorted(reads) == ["2.dcm", "link", "new.dcm"]
    assert "3.dcm" not in {one.relative for one in found}


@pytest.mark.parametrize(("digests", "parsed"), [(True, 0), (False, 1)])
def test_a_touched_file_of_the_same_digest_is_not_parsed_again(folder, tmp_path, monkeypatch, digests, parsed):
    first = index_folder(folder, cache=tmp_path / "cache", digests=digests)
    seen = []
    original = candidate.header_facts
    monkeypatch.setattr(candidate, "header_facts", lambda *a, **o: seen.append(a) or original(*a, **o))
    os.utime(folder / "2.dcm", (1.1e9, 1.1e9))
    assert index_folder(folder, cache=tmp_path / "cache", digests=digests) == first
    assert len(seen) == parsed
    assert index_folder(folder, cache=tmp_path / "cache", digests=digests) == first
    assert len(seen) == parsed


def test_a_file_of_the_same_size_and_time_with_other_content_is_read_again(folder, tmp_path, reads):
    index_folder(folder, cache=tmp_path / "cache")
    reads.clear()
    state = (folder / "1.dcm").stat()
    content = (folder / "1.dcm").read_bytes().replace(b"050Y", b"051Y")
    (folder / "1.dcm").write_bytes(content)
    os.utime(folder / "1.dcm", ns=(state.st_atime_ns, state.st_mtime_ns))
    found = {one.relative: one for one in index_folder(folder, cache=tmp_path / "cache")}
    assert "1.dcm" in reads
    assert found["1.dcm"].attributes["age"] == 51


def test_young_files_are_not_remembered(folder, tmp_path, reads, monkeypatch):
    monkeypatch.setattr(index_cache, "YOUNG", 3600 * 10**9)
    index_folder(folder, cache=tmp_path / "cache")
    index_folder(folder, cache=tmp_path / "cache")
    assert len(reads) == 14


def test_an_interrupted_index_goes_on_where_it_was(folder, tmp_path, reads, monkeypatch):
    monkeypatch.setattr(index, "BATCH", 2)
    halfway = candidates_of(folder, cache=tmp_path / "cache")
    for _ in range(3):
        next(halfway)
    halfway.close()
    done = len(reads)
    assert 0 < done < 7
    reads.clear()
    assert len(index_folder(folder, cache=tmp_path / "cache")) == 7
    assert len(reads) <= 7 - done + 1


def test_another_question_is_answered_anew(folder, tmp_path, reads):
    index_folder(folder, cache=tmp_path / "cache")
    reads.clear()
    found = index_folder(folder, cache=tmp_path / "cache", tags={"time": "StudyTime"}, identifiers=True)
    assert len(reads) == 7
    assert found[0].identifiers


def test_digests_are_added_where_they_were_not_asked_for_before(folder, tmp_path, reads):
    assert index_folder(folder, cache=tmp_path / "cache", digests=False)[0].digest is None
    reads.clear()
    assert index_folder(folder, cache=tmp_path / "cache")[0].digest is not None
    assert len(reads) == 7
    reads.clear()
    index_folder(folder, cache=tmp_path / "cache", digests=False)
    assert reads == ["link"]


def test_it_is_for_its_owner_only(folder, tmp_path):
    index_folder(folder, cache=tmp_path / "cache")
    (kept,) = (tmp_path / "cache").glob("*.sqlite")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_a_damaged_memory_is_started_anew(folder, tmp_path, reads):
    first = index_folder(folder, cache=tmp_path / "cache")
    (kept,) = (tmp_path / "cache").glob("*.sqlite")
    kept.write_bytes(b"rubbish" * 1000)
    assert index_folder(folder, cache=tmp_path / "cache") == first
    reads.clear()
    assert index_folder(folder, cache=tmp_path / "cache") == first
    assert reads == ["link"]


def test_a_memory_that_can_not_be_kept_stops_nothing(folder, tmp_path):
    (tmp_path / "cache").write_text("a file in its place")
    assert len(index_folder(folder, cache=tmp_path / "cache")) == 7


def test_a_memory_that_another_index_holds_is_done_without(folder, tmp_path):
    index_folder(folder, cache=tmp_path / "cache")
    (kept,) = (tmp_path / "cache").glob("*.sqlite")
    other = sqlite3.connect(kept)
    other.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    assert len(index_folder(folder, cache=tmp_path / "cache", identifiers=True)) == 7
    assert time.monotonic() - started < 20
    other.close()
