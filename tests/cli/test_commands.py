"""Verbs on small tables and on what is no run: what they print, what they return, what Ctrl-C says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from typer.testing import CliRunner, Result

from validate.cli import main as command_line
from validate.cli.main import app
from validate.errors import DataError
from validate.lock.lock import lock_path
from validate.lock.stored import read_lock

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "sample_data" / "tables"

Stopped = Callable[..., tuple[int, str]]


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Stopped:
    """The exit code and the words on stderr of a whole command line, as a shell sees them."""

    def run(*words: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["validate", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            command_line.main()
        code = end.value.code
        assert isinstance(code, int)
        return int(code), capsys.readouterr().err

    return run


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The gallery's table protocol in a folder of its own, with nothing locked."""
    monkeypatch.setenv("VALIDATE_HOME", str(tmp_path / "home"))
    document = yaml.safe_load((ROOT / "protocols/gallery/cxr-opacity-table.yaml").read_text(encoding="utf-8"))
    document["cohort"]["sources"][0]["table"] = document["reference"]["table"] = str(TABLES / "cases.csv")
    document["models"][0]["path"] = str(TABLES / "predictions.csv")
    for attribute in document["cohort"]["attributes"].values():
        if "table" in attribute:
            attribute["table"] = str(TABLES / Path(attribute["table"]).name)
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def with_strata(path: Path, *strata: str) -> Path:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["strata"] = list(strata)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def test_a_lock_is_written_once_and_refuses_an_edited_protocol(study: Path, stopped: Stopped) -> None:
    first = typed("lock", study)
    assert first.exit_code == 0
    assert read_lock(lock_path(study)).digest in first.output
    assert typed("lock", study).exit_code == 0
    code, said = stopped("lock", with_strata(study, "sex"))
    assert code == 2
    assert "locked, and now different: protocol.blocks.strata" in said
    assert "--amend" in said


@pytest.mark.parametrize("verb", ["check", "lock", "run"])
def test_a_stratum_that_no_case_has_is_refused_before_anything_is_locked(
    study: Path, stopped: Stopped, tmp_path: Path, verb: str
) -> None:
    out = ("--out", tmp_path / "run") if verb == "run" else ()
    code, said = stopped(verb, with_strata(study, "sx"), *out)
    assert code == DataError.exit_code
    assert (
        "no attribute 'sx' to group by; there are age, age_band, follow_up_days, manufacturer, readmitted, sex, site"
        in said
    )
    assert not lock_path(study).exists()
    assert not (tmp_path / "run" / "inference").exists()


def test_an_unknown_engine_is_refused_before_anything_is_read(study: Path, stopped: Stopped, tmp_path: Path) -> None:
    code, said = stopped("run", study, "--engine", "steam", "--out", tmp_path / "run")
    assert code == 2
    assert "there are local" in said
    assert not (tmp_path / "run").exists()


def test_a_check_of_a_table_runs_three_cases(study: Path) -> None:
    found = json.loads(typed("check", study, "--json").output)
    assert found["cases"] == 300
    assert len(found["outputs"]) == 3
    assert not lock_path(study).exists()


@pytest.mark.parametrize("verb", ["report", "verify"])
def test_what_is_no_run_is_said_to_be_none(stopped: Stopped, tmp_path: Path, verb: str) -> None:
    file = tmp_path / "file.txt"
    file.write_text("no folder", encoding="utf-8")
    for place in (tmp_path / "nothing", tmp_path, file):
        code, said = stopped(verb, place)
        assert code == 4
        assert "not a whole run folder" in said


def test_an_interrupt_ends_in_its_code_and_says_how_to_go_on(
    stopped: Stopped, monkeypatch: pytest.MonkeyPatch, study: Path
) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("validate.rehearsal.lock_protocol", interrupted)
    code, said = stopped("lock", study)
    assert code == 130
    assert "--resume" in said


def test_a_mistyped_verb_and_a_mistyped_option_are_mistakes_of_the_command(stopped: Stopped, study: Path) -> None:
    assert stopped("frobnicate")[0] == 2
    assert stopped("run", study, "--faster")[0] == 2
    assert stopped("sample", study.parent / "s", "--only", "nonsense")[0] == 2
