"""What differs from the lock is refused, or goes on in the open; the ledger remembers who had looked by then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import validate
from validate.cohort.privacy import home
from validate.errors import CommandError, ExitCode, ProtocolError
from validate.lock.amendment import Amendment
from validate.provenance.ledger import Ledger
from validate.rehearsal import lock_protocol
from validate.run_unblinded import Run
from validate.uses import run_rows

NAME = "cxr-opacity-table.yaml"


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VALIDATE_ACTOR", "Dr A. Example")


def changed(gallery: Path, old: str, new: str) -> None:
    path = gallery / NAME
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def run(gallery: Path, out: Path, amendment: Amendment | None = None) -> Run:
    return validate.run(gallery / NAME, out=out, amendment=amendment)


def lock_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "lock.json").read_text())  # type: ignore[no-any-return]


def test_an_amendment_before_unblinding_is_printed_and_decides_as_ever(gallery: Path, tmp_path: Path) -> None:
    lock_protocol(gallery / NAME)
    changed(gallery, "seed: ", "seed: 1")
    with pytest.raises(ProtocolError, match=r"protocol\.blocks\.seed: locked .*\n(.*\n)*.*--amend"):
        run(gallery, tmp_path / "refused")
    done = run(gallery, tmp_path / "run", Amendment("The seed was mistyped.", "major"))
    (record,) = lock_of(done.folder)["amendments"]
    assert (record["when"], record["severity"], record["actor"]) == (
        "before_unblinding",
        "major",
        "Dr A. Example (stated)",
    )
    assert any(line.startswith("protocol.blocks.seed: locked") for line in record["what"])
    assert not done.verdict.exploratory
    page = (done.folder / "report/report.html").read_text()
    assert "The seed was mistyped." in page
    assert "before the labels were seen" in page


def test_a_major_amendment_after_looking_makes_every_number_exploratory(gallery: Path, tmp_path: Path) -> None:
    run(gallery, tmp_path / "first")
    changed(gallery, "seed: ", "seed: 1")
    done = run(gallery, tmp_path / "second", Amendment("Other replicates.", "major"))
    assert lock_of(done.folder)["amendments"][0]["when"] == "after_unblinding"
    assert done.exit_code == ExitCode.EXPLORATORY
    assert done.verdict.exploratory
    from validate.evidence.verify import verify
    from validate.numbers import recomputation

    assert verify(done.folder, recompute=recomputation).status == "VERIFIED"


def test_a_minor_amendment_changes_words_only(gallery: Path, tmp_path: Path) -> None:
    run(gallery, tmp_path / "first")
    changed(gallery, "title: ", "title: Corrected. ")
    done = run(gallery, tmp_path / "second", Amendment("A word in the title.", "minor"))
    assert not done.verdict.exploratory
    changed(gallery, "seed: ", "seed: 1")
    with pytest.raises(CommandError, match=r"called minor, but numbers depend on what changed: protocol\.blocks\.seed"):
        run(gallery, tmp_path / "third", Amendment("Just a word.", "minor"))


def test_an_amendment_needs_a_reason_a_lock_and_a_difference(gallery: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no lock to amend"):
        run(gallery, tmp_path / "one", Amendment("why not", "major"))
    lock_protocol(gallery / NAME)
    with pytest.raises(CommandError, match="nothing differs from the lock"):
        run(gallery, tmp_path / "two", Amendment("why not", "major"))
    changed(gallery, "seed: ", "seed: 1")
    with pytest.raises(CommandError, match="the reason is empty"):
        run(gallery, tmp_path / "three", Amendment("  ", "major"))
    with pytest.raises(CommandError, match="exploratory run has no lock to amend"):
        validate.run(gallery / NAME, out=tmp_path / "four", exploratory=True, amendment=Amendment("x", "major"))


def test_the_second_look_at_the_same_cases_knows_of_the_first(gallery: Path, tmp_path: Path) -> None:
    first = run(gallery, tmp_path / "first")
    second = run(gallery, tmp_path / "second")
    before = json.loads((first.folder / "evidence/ledger.json").read_text())
    after = json.loads((second.folder / "evidence/ledger.json").read_text())
    assert before["earlier_looks"] == 0
    assert (after["earlier_looks"], after["of_the_same_model"], after["never_reported"]) == (1, 1, 0)
    (look,) = after["looks"]
    assert look["shared_cases"] > 0
    assert look["actor"] == "Dr A. Example (stated)"
    assert look["outcome"] == first.verdict.outcome
    entries = Ledger(home()).entries()
    assert [row["state"] for row in run_rows(entries)] == ["reported", "reported"]
    assert "looked at before" in (second.folder / "report/report.html").read_text()
    assert "looked at before" not in (first.folder / "report/report.html").read_text()


def test_a_look_at_another_threshold_warns_of_optimism(gallery: Path, tmp_path: Path) -> None:
    run(gallery, tmp_path / "first")
    changed(gallery, "threshold: 0.5", "threshold: 0.4")
    done = run(gallery, tmp_path / "second", Amendment("Another threshold.", "major"))
    ledger = json.loads((done.folder / "evidence/ledger.json").read_text())
    assert ledger["at_another_threshold"] == 1
    assert "too favourable" in (done.folder / "report/report.html").read_text()


def test_a_lock_records_earlier_looks_at_its_cases(gallery: Path, tmp_path: Path) -> None:
    run(gallery, tmp_path / "first")
    (gallery / NAME).rename(gallery / "again.yaml")
    _path, lock = lock_protocol(gallery / "again.yaml")
    assert lock.document["earlier_uses"]["earlier_looks"] == 1


def test_a_look_in_a_notebook_counts_where_patients_are_named(gallery: Path, tmp_path: Path) -> None:
    import csv

    with (gallery / "../../sample_data/tables/cases.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    frame = pa.table(
        {
            "patient": [row["patient_id"] for row in rows],
            "label": [index % 2 for index in range(len(rows))],
            "score": [index / len(rows) for index in range(len(rows))],
        }
    )
    validate.evaluate(frame, truth="label", score="score", metrics=["auroc"], replicates=200)
    assert Ledger(home()).entries() == []  # nobody is named, so nobody can be counted
    validate.evaluate(frame, truth="label", score="score", cluster="patient", metrics=["auroc"], replicates=200)
    (entry,) = Ledger(home()).entries()
    assert (entry["type"], entry["data"]["cases"], entry["actor"]) == ("evaluated", len(rows), "Dr A. Example (stated)")
    done = run(gallery, tmp_path / "run")
    ledger = json.loads((done.folder / "evidence/ledger.json").read_text())
    assert ledger["earlier_looks"] == 1
    assert ledger["looks"][0]["how"] == "notebook"
    assert ledger["looks"][0]["shared_patients"] > 0


def test_a_notebook_without_a_place_for_a_ledger_keeps_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "file" / "home"))
    frame = pa.table({"p": [1, 2, 3, 4], "label": [0, 1, 0, 1], "score": [0.1, 0.9, 0.2, 0.8]})
    with pytest.warns(UserWarning, match="not counted in a ledger"):
        found = validate.evaluate(frame, truth="label", score="score", cluster="p", metrics=["auroc"], replicates=200)
    assert len(found) == 1
