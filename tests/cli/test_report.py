"""`validate report` as a user types it, on a folder that holds no run."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from validate.cli.report import command
from validate.errors import EvidenceError

app = typer.Typer()
app.command()(command)


def test_a_folder_without_a_run_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"evidence/seal.json: missing from .*not a whole run folder"):
        CliRunner().invoke(app, [str(tmp_path)], catch_exceptions=False)


def test_an_unknown_profile_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, [str(tmp_path), "--profile", "glossy"])
    assert answer.exit_code == 2
