"""An exported ledger against the head that a run noted: cut, begun anew, edited, or another site's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from validate.canonical import pretty_json
from validate.cli.main import app
from validate.errors import EvidenceError
from validate.evidence.ledger_fit import LEDGER, ledger_differences
from validate.evidence.manifest import AUDIT
from validate.evidence.seal import write_manifest, write_seal
from validate.provenance.audit import AuditTrail
from validate.provenance.ledger import Ledger


@pytest.fixture
def ledger(reported: Path, tmp_path: Path) -> Ledger:
    """A ledger with another run before and a look after; the run's evidence holds its head as it was between them."""
    ledger = Ledger(tmp_path / "home")
    ledger.append("unblinded", {"run": "other"})
    ledger.append("started", {"run": "this"})
    head = ledger.append("unblinded", {"run": "this"})
    (reported / LEDGER).write_bytes(pretty_json({"run": "this", "entries": 3, "head": head}))
    with AuditTrail(reported / AUDIT) as trail:
        write_manifest(reported, inputs={}, created="2026-03-03T00:00:00Z")
        write_seal(reported, audit_head=trail.head)
    ledger.append("reported", {"run": "this"})
    return ledger


def told(run: Path, export: Path) -> str:
    return " ".join(ledger_differences(run, export))


def test_the_ledger_that_the_run_stood_in_fits_however_it_went_on(
    reported: Path, ledger: Ledger, tmp_path: Path
) -> None:
    export = tmp_path / "ledger.jsonl"
    ledger.export(export)
    assert told(reported, export) == ""
    done = CliRunner().invoke(app, ["verify", str(reported), "--no-recompute", "--ledger", str(export)])
    assert done.exit_code == 0, done.output
    assert "the ledger is whole, and this run stands in it" in done.output


def test_a_ledger_that_was_cut_emptied_edited_or_is_another_is_named(
    reported: Path, ledger: Ledger, tmp_path: Path
) -> None:
    export = tmp_path / "ledger.jsonl"
    ledger.export(export)
    lines = export.read_bytes().splitlines(keepends=True)
    cut = "does not hold the head"
    for content, message in (
        (b"".join(lines[:2]), cut),
        (b"", cut),
        (b"".join([*lines[:1], *lines[2:]]), "a gap or another order"),
        (lines[0] + lines[1].replace(b"started", b"stopped") + lines[2], "line 2 was edited"),
    ):
        export.write_bytes(content)
        assert message in told(reported, export)
        done = CliRunner().invoke(app, ["verify", str(reported), "--no-recompute", "--ledger", str(export)])
        assert (done.exit_code, "DIFFERS" in done.output) == (4, True)
    anew = Ledger(tmp_path / "anew")
    for _ in range(4):
        anew.append("unblinded", {"run": "this"})
    anew.export(tmp_path / "anew.jsonl")
    assert cut in told(reported, tmp_path / "anew.jsonl")
    with pytest.raises(EvidenceError, match="can't be read"):
        told(reported, tmp_path / "nowhere.jsonl")


def test_a_ledger_that_does_not_know_of_the_look_is_named(reported: Path, ledger: Ledger, tmp_path: Path) -> None:
    export = tmp_path / "ledger.jsonl"
    ledger.export(export)
    head = ledger.entries()[1]["hash"]
    (reported / LEDGER).write_bytes(pretty_json({"run": "this", "entries": 2, "head": head}))
    assert "does not know that this run looked at the labels" in told(reported, export)
