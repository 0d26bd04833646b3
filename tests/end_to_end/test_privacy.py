"""No identifier of a patient reaches any file of a run: canaries are put in, and looked for everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from canaries import found_in, plant, searchable
from typer.testing import CliRunner

from validate.cli.main import app


def test_no_identifier_reaches_any_file_or_the_terminal_of_a_run(
    gallery: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    protocol = gallery / "cxr-opacity-acceptance.yaml"
    protocol.write_text(protocol.read_text().replace("formats: [html]", "formats: [pdf, html]"))
    folder = (gallery / "../../sample_data/cxr").resolve()
    planted = plant(folder.rglob("*.dcm"), folder, most=40)
    out = gallery / "run"
    capfd.readouterr()
    caplog.clear()  # planting is not silent
    ended = CliRunner().invoke(app, ["run", str(protocol), "--out", str(out)])
    assert (out / "verdict.json").exists(), ended.output
    flow = {step["id"]: step["files"] for step in json.loads((out / "cohort/flow.json").read_text())["steps"]}
    ruled_out = sum(files for step, files in flow.items() if step.startswith("excluded:rule:study_date"))
    assert ruled_out > 5  # canaries in what decides, too
    assert flow["eligible"] > 300  # and the others went all the way
    leaks = [
        (str(path.relative_to(out)), value)
        for path in sorted(p for p in out.rglob("*") if p.is_file())
        for value in found_in(searchable(path), planted)
    ]
    assert leaks == []
    printed = ended.output + "".join(capfd.readouterr()) + caplog.text
    assert len(printed) > 200
    assert found_in(printed.encode(), planted) == []


def test_no_identifier_reaches_the_terminal_the_page_or_the_document_of_an_index(gallery: Path, tmp_path: Path) -> None:
    folder = (gallery / "../../sample_data/cxr").resolve()
    planted = plant(folder.rglob("*.dcm"), folder, most=12)
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(app, ["index", str(folder), "--html", str(page), "--no-cache"])
    document = CliRunner().invoke(app, ["index", str(folder), "--json", "--no-cache"])
    assert (shown.exit_code, document.exit_code) == (0, 0)
    for content in (shown.output.encode(), document.output.encode(), page.read_bytes()):
        assert len(content) > 500
        assert found_in(content, planted) == []
