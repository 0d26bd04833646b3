"""What goes wrong on a real machine ends in a sentence and an exit code, never in a wrong number."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
import unittest.mock
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pacsv
import pytest

from validate.cli.main import main

PROTOCOL = "cxr-opacity-acceptance.yaml"
TABLE = "cxr-opacity-table.yaml"


def run(protocol: Path, out: Path, *options: str) -> tuple[int, str]:
    """The command in this process, as its frame prints and ends it: a new one would import everything again."""
    said = io.StringIO()
    words = ["validate", "run", str(protocol), "--out", str(out), *options]
    with (
        unittest.mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as end,
    ):
        main()
    assert "Traceback" not in said.getvalue(), said.getvalue()
    return int(end.value.code or 0), said.getvalue()


def edited(protocol: Path, **replacements: str) -> Path:
    """The protocol with lines `key: …` replaced; keys may repeat, the first is meant."""
    text = protocol.read_text()
    for key, value in replacements.items():
        text, count = re.subn(rf"(?m)^(\s*(?:- )?){key}:.*$", rf"\g<1>{key}: {value}", text, count=1)
        assert count == 1, key
    protocol.write_text(text)
    return protocol


def no_data_folder(gallery: Path) -> Path:
    shutil.rmtree(gallery / "../../sample_data/cxr")
    return gallery / PROTOCOL


def empty_data_folder(gallery: Path) -> Path:
    no_data_folder(gallery)
    folder = gallery / "../../sample_data"
    (folder / "cxr").mkdir()
    for name in ("sites.csv", "reference.csv"):
        shutil.copy(Path(__file__).parents[2] / "sample_data" / "cxr" / name, folder / name)
    return gallery / PROTOCOL


def no_model(gallery: Path) -> Path:
    (gallery / "../../sample_data/models/opacity.onnx").unlink()
    return gallery / PROTOCOL


def other_model_bytes(gallery: Path) -> Path:
    path = gallery / "../../sample_data/models/opacity.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    return gallery / PROTOCOL


def labels_of_other_studies(gallery: Path) -> Path:
    path = gallery / "../../sample_data/cxr/reference.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *("X" + row for row in rows)]) + "\n")
    return gallery / PROTOCOL


def one_class_only(gallery: Path) -> Path:
    path = gallery / "../../sample_data/tables/cases.csv"
    table = pacsv.read_csv(path)
    keep = [value == 0 for value in table["opacity"].to_pylist()]
    pacsv.write_csv(table.filter(keep), path)
    cases = set(pacsv.read_csv(path)["case_id"].to_pylist())
    predictions = gallery / "../../sample_data/tables/predictions.csv"
    header, *rows = predictions.read_text().splitlines()
    predictions.write_text("\n".join([header, *(r for r in rows if r.split(",")[0].strip('"') in cases)]) + "\n")
    return edited(
        gallery / TABLE,
    )


def a_score_above_one(gallery: Path) -> Path:
    path = gallery / "../../sample_data/tables/predictions.csv"
    lines = path.read_text().splitlines()
    lines[1] = lines[1].split(",")[0] + ",87.5"
    path.write_text("\n".join(lines) + "\n")
    return gallery / TABLE


def wrong_input_shape(gallery: Path) -> Path:
    text = (gallery / PROTOCOL).read_text().replace("size: [128, 128]", "size: [96, 64]")
    (gallery / PROTOCOL).write_text(text)
    return gallery / PROTOCOL


def cuda_that_is_not_here(gallery: Path) -> Path:
    text = (gallery / PROTOCOL).read_text().replace("device: auto", "device: cuda")
    (gallery / PROTOCOL).write_text(text)
    return gallery / PROTOCOL


def unknown_key(gallery: Path) -> Path:
    path = gallery / PROTOCOL
    path.write_text(path.read_text() + "\nacceptence: []\n")
    return path


CASES: list[tuple[Callable[[Path], Path], int, str]] = [
    (no_data_folder, 3, "cxr"),
    (empty_data_folder, 3, "no"),
    (no_model, 3, "opacity.onnx"),
    (other_model_bytes, 3, "sha256|SHA-256"),
    (labels_of_other_studies, 3, "label"),
    (a_score_above_one, 3, "87.5"),
    (wrong_input_shape, 3, "128"),
    (cuda_that_is_not_here, 3, "(?i)cuda"),
    (unknown_key, 2, "acceptence.*[Dd]id you mean 'acceptance'"),
]


@pytest.mark.parametrize(("spoil", "code", "message"), CASES, ids=lambda v: v.__name__ if callable(v) else "")
def test_bad_input_ends_in_a_sentence_and_its_exit_code(
    gallery: Path, tmp_path: Path, spoil: Callable[[Path], Path], code: int, message: str
) -> None:
    got, output = run(spoil(gallery), tmp_path / "run")
    assert got == code, output
    assert re.search(message, output, re.DOTALL), output


def test_one_class_only_is_inconclusive_and_says_why(gallery: Path, tmp_path: Path) -> None:
    code, output = run(one_class_only(gallery), tmp_path / "run")
    assert code == 11, output
    assert "positive" in output


def test_a_missing_protocol_is_a_wrong_command(tmp_path: Path) -> None:
    code, output = run(tmp_path / "nowhere.yaml", tmp_path / "run")
    assert code == 2
    assert "nowhere.yaml" in output


def test_a_protocol_edited_after_its_lock_is_refused(gallery: Path, tmp_path: Path) -> None:
    assert run(gallery / TABLE, tmp_path / "first")[0] in {0, 10, 11}
    protocol = gallery / TABLE
    protocol.write_text(protocol.read_text().replace("at_least: 0.", "at_least: 0.1", 1))
    code, output = run(protocol, tmp_path / "second")
    assert code == 2, output
    assert "lock" in output


def test_a_finished_run_is_not_overwritten(gallery: Path, tmp_path: Path) -> None:
    assert run(gallery / TABLE, tmp_path / "run")[0] in {0, 10, 11}
    before = (tmp_path / "run/estimates.json").read_bytes()
    code, output = run(gallery / TABLE, tmp_path / "run")
    assert code == 2
    assert "--resume" in output
    assert (tmp_path / "run/estimates.json").read_bytes() == before


def test_an_exploratory_run_never_passes(gallery: Path, tmp_path: Path) -> None:
    code, output = run(gallery / TABLE, tmp_path / "run", "--exploratory")
    assert code == 12, output
    assert "EXPLORATORY" in output


def test_a_full_disk_is_the_machines_fault_and_resume_works(gallery: Path, tmp_path: Path) -> None:
    script = "ulimit -f 8; exec {} -m validate run {} --out {}".format(
        sys.executable, gallery / TABLE, tmp_path / "run"
    )  # a file larger than 4 KiB (8 blocks) can't be written, as on a disk that is full
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode in {5, -25, 153}, done.stderr
    code, output = run(gallery / TABLE, tmp_path / "run", "--resume")
    assert code in {0, 10, 11}, output


def test_a_study_that_can_not_be_run_is_not_locked_and_says_once_why(gallery: Path, tmp_path: Path) -> None:
    path = gallery / TABLE
    path.write_text(path.read_text().replace("analyses:\n", "analyses:\n  - metamorphic: {}\n", 1))
    code, output = run(path, tmp_path / "run")
    assert code == 2, output
    said = " ".join(output.split())
    assert said.count("is not given its pixels here, so a disturbed image would never reach it") == 1
    assert re.search(r"\d+ passes \('metamorphic\.\w+', 'metamorphic\.", said)
    assert not path.with_suffix(".lock.json").exists() and not (tmp_path / "run/lock.json").exists()
    path.write_text(path.read_text().replace("  - metamorphic: {}\n", ""))  # so that it can be mended and run
    assert run(path, tmp_path / "again")[0] == 0
