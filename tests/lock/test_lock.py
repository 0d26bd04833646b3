"""The lock: everything frozen, every difference named, an edited lock refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from validate.cohort.case import Case, Cohort
from validate.errors import DataError, ProtocolError
from validate.lock.lock import check_lock, lock_path, make_lock, write_lock
from validate.lock.stored import Lock, read_lock
from validate.models.adapter import ModelIdentity
from validate.protocol.load import LoadedProtocol, load_protocol
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.starter import starter

CASE = Case("U-1", "P-1", "S-1", "E-1", "d" * 64, {"sex": "F"}, has_label=True)
COHORT = Cohort((CASE,), (), (), "c" * 64)
MODEL = ModelIdentity("candidate", "onnx", "a" * 64, "CPUExecutionProvider", "onnxruntime 1")


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedProtocol:
    (tmp_path / "reference.csv").write_text("accession_number,opacity\n1,1\n")
    path = tmp_path / "study.yaml"
    path.write_text(starter("classification", "dicom"))
    return load_protocol(path)


def lock(loaded: LoadedProtocol, cohort: Cohort = COHORT, model: ModelIdentity = MODEL, *passes: Pass) -> Lock:
    return make_lock(
        loaded, cohort, {"candidate": model}, passes or (CLEAN,), clock=lambda: datetime(2026, 3, 3, tzinfo=UTC)
    )


def test_the_same_study_has_the_same_lock_at_any_time(loaded: LoadedProtocol) -> None:
    later = make_lock(loaded, COHORT, {"candidate": MODEL}, (CLEAN,))
    assert later.digest == lock(loaded).digest
    assert check_lock(lock(loaded), later) == ()


def test_where_a_model_runs_is_no_part_of_the_lock(loaded: LoadedProtocol) -> None:
    elsewhere = replace(MODEL, provider="CUDAExecutionProvider", runtime="onnxruntime 2")
    assert check_lock(lock(loaded), lock(loaded, COHORT, elsewhere)) == ()


@pytest.mark.parametrize(
    ("cohort", "model", "passes", "place"),
    [
        (replace(COHORT, digest="e" * 64), MODEL, (CLEAN,), "cohort.sha256: locked cccccccccccc…, now eeeeeeeeeeee…"),
        (replace(COHORT, cases=(CASE, CASE)), MODEL, (CLEAN,), "cohort.cases: locked 1, now 2"),
        (COHORT, replace(MODEL, digest="b" * 64), (CLEAN,), "models.candidate.sha256: locked aaaaaaaaaaaa…"),
        (COHORT, MODEL, (CLEAN, Pass("noise-1")), "passes: locked"),
    ],
)
def test_each_difference_is_named(
    loaded: LoadedProtocol, cohort: Cohort, model: ModelIdentity, passes: tuple[Pass, ...], place: str
) -> None:
    differences = check_lock(lock(loaded), lock(loaded, cohort, model, *passes))
    assert len(differences) == 1
    assert differences[0].startswith(place)


def test_a_changed_label_table_is_a_difference(loaded: LoadedProtocol) -> None:
    before = lock(loaded)
    (loaded.base / "reference.csv").write_text("accession_number,opacity\n1,0\n")
    assert [d.split(":")[0] for d in check_lock(before, lock(loaded))] == ["reference.sha256"]


def test_another_cohort_to_hold_this_one_against_is_a_difference(loaded: LoadedProtocol) -> None:
    def held(sha256: str) -> Lock:
        shift = {"kind": "run", "sha256": sha256, "cases": 200}
        return make_lock(loaded, COHORT, {"candidate": MODEL}, (CLEAN,), shift=shift)

    assert check_lock(held("a" * 64), held("a" * 64)) == ()
    assert check_lock(held("a" * 64), held("b" * 64)) == (
        "reference.shift.sha256: locked aaaaaaaaaaaa…, now bbbbbbbbbbbb…",
    )
    assert check_lock(lock(loaded), held("a" * 64)) == ("reference.shift: not in the lock",)


def test_a_changed_protocol_is_a_difference(loaded: LoadedProtocol) -> None:
    loaded.path.write_text(loaded.source.replace("at_least: 0.80", "at_least: 0.70"))
    assert [d.split(":")[0] for d in check_lock(lock(loaded), lock(load_protocol(loaded.path)))] == [
        "protocol.blocks.acceptance",
        "protocol.sha256",
    ]


def test_a_comment_is_no_change(loaded: LoadedProtocol) -> None:
    loaded.path.write_text(loaded.source + "\n# a note\n")
    assert check_lock(lock(loaded), lock(load_protocol(loaded.path))) == ()


def test_a_model_that_was_not_locked_is_named(loaded: LoadedProtocol) -> None:
    other = make_lock(loaded, COHORT, {"other": MODEL}, (CLEAN,))
    assert check_lock(lock(loaded), other) == (
        "models.candidate: locked, but not here now",
        "models.other: not in the lock",
    )


def test_an_edited_lock_is_refused(loaded: LoadedProtocol, tmp_path: Path) -> None:
    path = tmp_path / "study.lock.json"
    write_lock(lock(loaded), path)
    assert read_lock(path).digest == lock(loaded).digest
    document = json.loads(path.read_text())
    document["models"]["candidate"]["sha256"] = "f" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(ProtocolError, match="the lock was edited"):
        read_lock(path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"lock_sha256": 1}', "not json", "[" * 100_000])
def test_what_is_no_lock_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.lock.json"
    path.write_text(content)
    with pytest.raises(ProtocolError, match="not a lock that this version can read"):
        read_lock(path)


def test_a_missing_reference_table_is_said(loaded: LoadedProtocol) -> None:
    (loaded.base / "reference.csv").unlink()
    with pytest.raises(DataError, match="reference table can't be read: No such file"):
        lock(loaded)


def test_the_lock_lies_beside_the_protocol() -> None:
    assert lock_path(Path("a/cxr.yaml")) == Path("a/cxr.lock.json")
