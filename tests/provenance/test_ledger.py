"""The ledger remembers every look at a test set, under concurrent runs, and cannot be edited in silence."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from validate.errors import CommandError, EvidenceError, MachineError
from validate.provenance.event import checked
from validate.provenance.ledger import Ledger, members


def looked(ledger: Ledger, *patients: str, kind: str = "unblinded") -> str:
    group = members("patient", patients)
    return ledger.append(kind, {"run": "r", "members": {"patient": group.digest}}, (group,))


def test_looks_that_share_a_patient_are_found_with_their_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    looked(ledger, "P-1", "P-2", "P-3")
    looked(ledger, "P-9")
    looked(ledger, "P-3", kind="started")  # no look at labels
    found = ledger.earlier_looks((members("patient", ["P-2", "P-3", "P-4"]),))
    assert [dict(use.shared) for use in found] == [{"patient": 2}]


def test_members_do_not_depend_on_order_or_repeats() -> None:
    assert members("case", ["a", "b", "a"]).digest == members("case", ["b", "a"]).digest
    assert members("case", ["a"]).digest != members("patient", ["a"]).digest
    assert np.all(np.diff(members("case", map(str, range(50))).hashes.astype(object)) > 0)
    assert members("case", []).hashes.size == 0


def test_forty_runs_at_once_leave_one_whole_chain(tmp_path: Path) -> None:
    def run(number: int) -> str:
        return looked(Ledger(tmp_path, actor=f"runner {number}"), f"P-{number}")

    with ThreadPoolExecutor(8) as pool:
        hashes = list(pool.map(run, range(40)))
    chain = checked(Ledger(tmp_path).lines())
    assert (chain.events, chain.problems) == (40, ())
    assert len(set(hashes)) == 40
    assert chain.head in hashes


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM entries WHERE seq = 1",
        "DELETE FROM entries WHERE seq = 0",
        "UPDATE entries SET line = replace(line, 'P', 'Q') WHERE seq = 1",
        "UPDATE entries SET seq = 9 WHERE seq = 0",
        "UPDATE entries SET line = x'00' WHERE seq = 2",
    ],
)
def test_an_edited_ledger_is_refused(tmp_path: Path, edit: str) -> None:
    ledger = Ledger(tmp_path)
    for number in range(3):
        ledger.append("unblinded", {"run": f"P{number}"})
    with sqlite3.connect(ledger.path) as connection:
        connection.execute(edit)
    connection.close()
    with pytest.raises(EvidenceError, match="was edited"):
        ledger.entries()


def test_an_edited_list_of_members_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    looked(ledger, "P-1", "P-2")
    with sqlite3.connect(ledger.path) as connection:
        connection.execute("UPDATE members SET hashes = x'0000000000000001'")
    connection.close()
    with pytest.raises(EvidenceError, match="was edited"):
        ledger.earlier_looks((members("patient", ["P-1"]),))


def test_a_clock_that_went_back_is_told_in_the_entry(tmp_path: Path) -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    Ledger(tmp_path, clock=lambda: now).append("unblinded", {})
    Ledger(tmp_path, clock=lambda: now - timedelta(days=2)).append("unblinded", {})
    assert Ledger(tmp_path).entries()[1]["data"] == {"clock_went_back_from": "2026-03-03T00:00:00.000000+00:00"}


def test_an_export_is_a_chain_of_its_own_and_never_overwrites(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "home")
    looked(ledger, "P-1")
    assert ledger.export(tmp_path / "ledger.jsonl") == 1
    assert checked((tmp_path / "ledger.jsonl").read_bytes().splitlines()).problems == ()
    with pytest.raises(CommandError, match="exists already"):
        ledger.export(tmp_path / "ledger.jsonl")


def test_what_is_no_database_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database at all, but long enough to be looked at")
    with pytest.raises(MachineError, match="Restore it from a backup"):
        Ledger(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="Set VALIDATE_HOME"):
        Ledger(tmp_path / "file" / "home")
