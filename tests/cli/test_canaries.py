"""No identifier of a patient on the terminal, in a page of `validate index` or in an error: canaries are put in and looked for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from canaries import PERSON, plant
from typer.testing import CliRunner

from validate.cli.main import app

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data/cxr"


def told(*arguments: Any) -> str:
    """Everything a command prints, and the error where it ends in one."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return f"{done.output} {done.stderr} {done.exception or ''}"


def leaks(text: str, canaries: set[str], *, folder: Path) -> list[str]:
    """Canaries in a text, but for the path that was given on the command line itself."""
    shown = text.replace(str(folder), "").replace(folder.name, "")
    return sorted(one for one in canaries if one in shown)


def test_what_index_says_and_its_page_hold_no_identifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "images"
    canaries = plant(SAMPLE.rglob("*.dcm"), folder, most=6, torn=True)
    for extra in ((), ("--json",), ("--html", tmp_path / "page.html")):
        output = told("index", folder, "--workers", 1, *extra)
        assert "6" in output
        assert leaks(output, canaries, folder=folder) == [], output
    page = (tmp_path / "page.html").read_text()
    assert leaks(re.sub(r"base64,[A-Za-z0-9+/=]+", "", page), canaries, folder=folder) == []
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*.json") if path.is_file())
    assert not [one for one in PERSON.values() if one.encode() in kept]


@pytest.mark.slow
def test_no_verb_prints_an_identifier_whether_it_ends_well_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    gallery = tmp_path / "protocols/gallery"
    gallery.mkdir(parents=True)
    text = (ROOT / "protocols/gallery/cxr-opacity-acceptance.yaml").read_text()
    protocol = gallery / "study.yaml"
    protocol.write_text(re.sub(r"formats: \[pdf, html[^\]]*\]", "formats: [html]", text))
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data", ignore=shutil.ignore_patterns("cxr"))
    folder = tmp_path / "sample_data/cxr"
    canaries = plant(SAMPLE.rglob("*.dcm"), folder, most=60, torn=True)
    for table in SAMPLE.glob("*.csv"):
        shutil.copyfile(table, folder / table.name)
    run = tmp_path / "run"
    for arguments in (
        ("check", protocol),
        ("run", protocol, "--out", run),
        ("run", protocol, "--out", run),  # refused: the folder is there
        ("verify", run),
        ("verify", run, "--json"),
        ("replay", run, protocol),
        ("runs",),
        ("runs", "--json"),
    ):
        output = told(*arguments)
        assert leaks(output, canaries, folder=folder) == [], (arguments, output)
