"""Each verb as it is typed: what it prints and what it returns."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from validate import __version__
from validate.catalog import shipped_catalog
from validate.cli.check import _passes
from validate.cli.junit import write_junit
from validate.cli.main import VERBS, app
from validate.cli.verify import _tell
from validate.errors import CommandError
from validate.evidence.verification import Verification
from validate.protocol.load import load_protocol
from validate.verdict.verdict import CriterionResult, Verdict

SAMPLE = Path(__file__).parents[2] / "sample_data" / "cxr"


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_every_verb_is_in_the_help_with_a_sentence() -> None:
    text = typed("--help").output
    for verb in VERBS:
        assert f"  {verb} " in text
    assert "10 FAIL" in text


def test_the_version_is_printed() -> None:
    assert typed("--version").output == f"validate {__version__}\n"


def test_the_schema_is_json() -> None:
    assert json.loads(typed("schema").output)["title"] == "validate protocol, version 1"


@pytest.mark.parametrize("source", ["dicom", "table"])
def test_a_new_protocol_loads_and_is_never_overwritten(tmp_path: Path, source: str) -> None:
    path = tmp_path / "study.yaml"
    assert typed("new", path, "--source", source).exit_code == 0
    assert load_protocol(path, catalog=shipped_catalog()).protocol.task == "classification"
    again = typed("new", path)
    assert isinstance(again.exception, CommandError)
    assert "nothing is overwritten" in str(again.exception)


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    refused = typed("new", tmp_path / "x.yaml", "--task", "dowsing")
    assert "got 'dowsing', expected classification" in str(refused.exception)


def test_an_index_begins_with_the_number_of_files() -> None:
    output = typed("index", SAMPLE, "--json").output
    assert output.replace(" ", "").replace("\n", "").startswith('{"files":')
    found = json.loads(output)
    assert found["files"] == sum(path.is_file() for path in SAMPLE.rglob("*"))


def test_doctor_names_what_works(monkeypatch: pytest.MonkeyPatch) -> None:
    result = typed("doctor", "--json")
    states = {symptom["subject"]: symptom["state"] for symptom in json.loads(result.output)}
    assert states["numpy"] == "works"
    assert states["PDF"] in {"works", "broken"}
    assert result.exit_code == (5 if "broken" in states.values() else 0)


def test_a_check_tells_passes_that_came_out_alike_in_one_line() -> None:
    passes = [
        ("a", "jpeg-1", "3 of 3 with an output"),
        ("a", "crop-1", "2 of 3 with an output, 1 of 3 without one: perturb:failed"),
        ("a", "jpeg-2", "3 of 3 with an output"),
    ]
    assert list(_passes(passes)) == [
        "a, 2 passes over changed files, images or settings (jpeg-1, jpeg-2): 3 of 3 with an output",
        "a, pass (crop-1): 2 of 3 with an output, 1 of 3 without one: perturb:failed",
    ]


def test_criteria_become_junit_cases(tmp_path: Path) -> None:
    def criterion(outcome: str, reason: str) -> CriterionResult:
        return CriterionResult(
            id="acceptance[0]", model="m", endpoint="auroc", outcome=outcome, reason=reason, sentence=f"It is {outcome}.",  # type: ignore[arg-type]
            goal=0.8, direction="at_least", limit="lower", estimate=None,
        )  # fmt: skip

    criteria = (
        criterion("PASS", "limit_meets_goal"),
        criterion("FAIL", "limit_misses_goal"),
        criterion("INCONCLUSIVE", "too_few"),
    )
    for exploratory, counts in ((False, ("1", "1", "0")), (True, ("0", "0", "3"))):
        verdict = Verdict(outcome="FAIL", exploratory=exploratory, sentence="s", criteria=criteria)
        write_junit(tmp_path / "junit.xml", verdict, title="a study")
        suite = ET.parse(tmp_path / "junit.xml").getroot()
        assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == counts
        assert suite.get("tests") == "3"


def test_verify_names_every_number_that_has_no_second_way_of_counting(capsys: pytest.CaptureFixture[str]) -> None:
    addresses = ("findings.json#/findings/0/data/a", "findings.json#/findings/3/data/b/0")
    _tell(Verification("VERIFIED", (), files=3, events=2, numbers=10, uncounted=addresses))
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("  2 numbers of findings have no second way of counting:")
    assert lines[at + 1 : at + 3] == [f"    {address}" for address in addresses]
