"""`write_sample` and `validate sample`: refusals, repeatability, and a folder as a hospital would send it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from validate.cli.sample import command
from validate.errors import CommandError
from validate.phantoms.manifest import differences
from validate.phantoms.sample import write_sample

application = typer.Typer()
application.command()(command)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_sample(folder, seed=5, patients=40)
    return folder


def test_equal_seeds_give_equal_bytes_and_others_do_not(small: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again", seed=5, patients=40)
    write_sample(tmp_path / "other", seed=6, patients=40)
    assert contents(tmp_path / "again") == contents(small)
    assert contents(tmp_path / "other")["cxr/reference.csv"] != contents(small)["cxr/reference.csv"]


def test_without_a_weak_maker_only_that_makers_pixels_differ(small: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, seed=5, patients=40, weak_manufacturer=None)
    before, after = contents(small), contents(tmp_path)
    changed = {name for name in before if before[name] != after[name]} - {"truth.csv", "MANIFEST.sha256"}
    weak = {f"cxr/{row['file']}" for row in rows(small / "truth.csv") if row["in_poor_order"] == "1"}
    assert changed <= weak
    assert len(changed) > 0.8 * len(weak)  # those without pixels and the sturdiest do not change
    assert {row["in_poor_order"] for row in rows(tmp_path / "truth.csv")} == {"0"}


def test_without_defects_every_file_is_a_clean_image(tmp_path: Path) -> None:
    write_sample(tmp_path, seed=5, patients=40, defects=False, parts=("cxr",))
    assert {row["defect"] for row in rows(tmp_path / "truth.csv")} == {""}
    assert len(list((tmp_path / "cxr").rglob("*.dcm"))) == len(rows(tmp_path / "truth.csv"))


def test_progress_counts_every_exposure(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample(tmp_path, seed=5, patients=40, parts=("cxr",), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, len(seen)) for n in range(1, len(seen) + 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weak_manufacturer": "Acme"}, "no manufacturer 'Acme'.*GE, Siemens, Philips, Fujifilm"),
        ({"patients": 39}, "39 patients.*ask for 40"),
        ({"parts": ("mri",)}, "parts of the sample are cxr, tables.*; got mri"),
        ({"parts": ()}, "got none"),
    ],
)
def test_what_can_not_be_made_is_refused(arguments: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=message):
        write_sample(tmp_path / "new", **arguments)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_not_touched(small: Path) -> None:
    before = contents(small)
    with pytest.raises(CommandError, match="already holds files"):
        write_sample(small, patients=40)
    assert contents(small) == before


def test_the_table_study_has_300_cases_of_220_patients_and_two_empty_scores(small: Path) -> None:
    cases, scores = rows(small / "tables" / "cases.csv"), rows(small / "tables" / "predictions.csv")
    assert list(cases[0]) == ["case_id", "patient_id", "sex", "age", "manufacturer", "site", "opacity"]
    assert [row["case_id"] for row in cases] == [row["case_id"] for row in scores]
    assert (len(cases), len({row["patient_id"] for row in cases})) == (300, 220)
    assert sum(row["score"] == "" for row in scores) == 2
    assert all(0.0 < float(row["score"]) < 1.0 for row in scores if row["score"])
    positives = sum(int(row["opacity"]) for row in cases)
    assert 120 < positives < 180


def test_the_command_writes_one_part_and_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(application, [str(tmp_path / "s"), "--only", "tables"])
    assert result.exit_code == 0, result.output
    assert "synthetic" in result.output
    assert (tmp_path / "s" / "tables" / "cases.csv").is_file()
    assert not (tmp_path / "s" / "cxr").exists()
    assert differences(tmp_path / "s") == ()


def test_the_command_leaves_an_intact_sample_and_refuses_a_changed_one(small: Path, tmp_path: Path) -> None:
    arguments = [str(tmp_path / "s"), "--only", "tables", "--if-missing"]
    assert CliRunner().invoke(application, arguments).exit_code == 0
    again = CliRunner().invoke(application, arguments)
    assert "there and intact" in again.output
    (tmp_path / "s" / "tables" / "cases.csv").write_text("changed\n")
    changed = CliRunner().invoke(application, arguments)
    assert isinstance(changed.exception, CommandError)
    assert "tables/cases.csv" in str(changed.exception)


def test_none_is_a_weak_manufacturer_of_the_command(tmp_path: Path) -> None:
    arguments = [str(tmp_path), "--only", "cxr", "--patients", "40", "--weak-manufacturer", "none"]
    assert CliRunner().invoke(application, arguments).exit_code == 0
    assert {row["in_poor_order"] for row in rows(tmp_path / "truth.csv")} == {"0"}
