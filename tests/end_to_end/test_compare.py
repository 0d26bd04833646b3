"""Two models through one run, and two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import validate
from validate.cli.main import app
from validate.compare_runs import compare_runs
from validate.errors import DataError, EvidenceError
from validate.evidence.verify import verify
from validate.numbers import recomputation


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path], on_screen: Callable[[Path], Path]
) -> tuple[Path, Path]:
    """The comparison of the gallery, and the acceptance test of one of its models, on the same cases; HTML only."""
    folder = tmp_path_factory.mktemp("compared")
    gallery = tree(folder)
    found = []
    for name in ("cxr-two-models", "cxr-opacity-acceptance"):
        path = on_screen(gallery / f"{name}.yaml")
        found.append(validate.run(path, out=folder / name).folder)
    return found[0], found[1]


def test_a_declared_comparison_is_decided_verified_and_printed(runs: tuple[Path, Path]) -> None:
    verdict = json.loads((runs[0] / "verdict.json").read_text())
    by_endpoint = {one["endpoint"]: one for one in verdict["criteria"]}
    assert verdict["outcome"] == "PASS"
    assert by_endpoint["auroc"]["hypothesis"] == "noninferiority"
    assert by_endpoint["specificity"]["outcome"] == "FAIL"
    assert by_endpoint["specificity"]["role"] == "secondary"
    assert verify(runs[0], recompute=recomputation).status == "VERIFIED"
    html = (runs[0] / "report/report.html").read_text()
    assert "Who misses what" in html
    assert "OpacityNet 1.1.0 is not inferior to OpacityNet 1.0.0 (margin 0.05)" in html


def test_two_runs_on_the_same_cases_are_compared_and_nothing_decides(runs: tuple[Path, Path]) -> None:
    found = compare_runs(runs)
    assert len(found.models) == 3
    assert not any(estimate.prespecified for estimate in found.differences)
    declared = json.loads((runs[0] / "estimates.json").read_text())["estimates"]
    locked = next(e for e in declared if e["id"] == "brier/quick/clean/minus=careful")
    again = next(e for e in found.differences if e.id == "brier/quick/clean/minus=careful")
    assert again.value == pytest.approx(locked["value"], rel=1e-12)
    shown = CliRunner().invoke(app, ["compare", *map(str, runs)])
    assert shown.exit_code == 0
    assert "Exploratory" in shown.output
    document = json.loads(CliRunner().invoke(app, ["compare", "--json", *map(str, runs)]).output)
    assert document["exploratory"] is True


def test_runs_of_other_cases_or_no_runs_are_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected two or more"):
        compare_runs(runs[:1])
    with pytest.raises(EvidenceError, match="no finished run"):
        compare_runs([runs[0], tmp_path])
