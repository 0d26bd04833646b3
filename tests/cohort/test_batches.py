"""A reader that dies, or never ends, costs the one file that it died of; every other file is read."""

from __future__ import annotations

import os
import signal
import time

import pytest

from validate.cohort import batches, index, time_limit
from validate.cohort.batches import BatchReader, read_batch
from validate.cohort.candidate import Question, refused
from validate.cohort.index import candidates_of, index_folder
from validate.cohort.tree import Entry
from validate.imaging.in_time import seconds_for

QUESTION = Question()
FINE = refused("not_dicom")


def hostile(entry, question, earlier):
    """Reads by its name."""
    if entry.relative == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if entry.relative == "endless":
        time_limit.limit(0.05, helper=False)
        while True:
            try:
                time.sleep(60)
            except Exception:  # what a reader does with the errors of a header must not keep it alive
                continue
    if entry.relative == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # as inside a library that never returns
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)
        while True:
            pass
    return FINE


def asked(*names):
    return [(Entry(f"/nowhere/{name}", name, (1, 1, 1, 1)), None) for name in names]


@pytest.fixture
def reader():
    made = BatchReader(QUESTION, 2, read=hostile)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deadly", "deaf"])
def test_a_file_that_its_reader_dies_of_has_a_reason_and_the_others_are_read(reader, kind):
    batch, next_batch = asked("a", kind, "b"), asked("c", "d")
    first, second = reader.begun(batch), reader.begun(next_batch)
    assert reader.finished(batch, first) == [FINE, batches.DIED, FINE]
    assert reader.finished(next_batch, second) == [FINE, FINE]
    assert reader.finished(next_batch, reader.begun(next_batch)) == [FINE, FINE]


def test_a_file_that_kills_its_reader_has_a_reason(reader, monkeypatch):
    monkeypatch.setattr(batches, "TRIES", 1)
    batch = asked("deadly")
    assert reader.finished(batch, reader.begun(batch)) == [batches.DIED]


@pytest.mark.parametrize("helper", [False, True])
def test_a_file_that_never_ends_has_a_reason(helper):
    before = signal.getsignal(signal.SIGALRM)
    found = read_batch(hostile, QUESTION, asked("a", "endless", "b"), helper=helper)
    assert found == [FINE, batches.TIME, FINE]
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_somebody_elses_timer_is_left_alone():
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        assert read_batch(hostile, QUESTION, asked("a")) == [FINE]
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 90
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_where_somebody_else_has_the_timer_a_thread_keeps_the_time(monkeypatch):
    def slow(entry, _question, _earlier):
        while entry.relative == "endless":
            time.sleep(0.001)
        return FINE

    monkeypatch.setattr(batches, "seconds_for", lambda _size: 0.1)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        assert read_batch(slow, QUESTION, asked("a", "endless", "b")) == [FINE, batches.TIME, FINE]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_large_file_that_is_read_whole_has_longer():
    assert seconds_for(0) == 30
    assert seconds_for(16 << 30) > 3600


def test_an_index_whose_workers_are_killed_says_the_same(archive, tmp_path, monkeypatch):
    for number in range(12):
        archive(f"{number}.dcm", study=f"S{number}")
    alone = index_folder(tmp_path / "archive")
    monkeypatch.setattr(index, "FEW", 1)
    monkeypatch.setattr(index, "BATCH", 2)
    made = []
    original = batches.ProcessPoolExecutor
    monkeypatch.setattr(batches, "ProcessPoolExecutor", lambda *a, **o: made.append(original(*a, **o)) or made[-1])
    found = candidates_of(tmp_path / "archive", workers=2)
    together = [next(found)]
    for process in list(made[0]._processes.values()):
        process.kill()
    assert [*together, *found] == alone


def test_what_took_too_long_is_not_remembered(archive, tmp_path, monkeypatch):
    archive("a.dcm")
    os.utime(tmp_path / "archive/a.dcm", (1e9, 1e9))
    monkeypatch.setattr("validate.cohort.index_cache.YOUNG", -(10**12))
    monkeypatch.setattr(batches, "read_facts", lambda *_: batches.TIME)
    (found,) = index_folder(tmp_path / "archive", cache=tmp_path / "cache")
    assert found.reason == "time_limit"
    monkeypatch.undo()
    (found,) = index_folder(tmp_path / "archive", cache=tmp_path / "cache")
    assert found.reason is None
