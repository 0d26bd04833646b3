"""What `validate index` says of a folder: counts of everything, values of no identifier."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from validate.cli.main import app
from validate.cohort.index import index_folder
from validate.cohort.summary import index_summary


@pytest.fixture
def folder(archive, tmp_path):
    archive("1.dcm", PatientName="Canary^Bird", StationName="CANARYROOM", Manufacturer="GE Healthcare")
    archive("2.dcm", study="S2", PatientAge="000Y", PixelData=None)
    archive("3.dcm", study="S2", PatientAge="000Y", PixelData=None)
    archive("4.dcm", study="S3", patient="P3", Manufacturer="[red]Acme[/]\x1b[2J")
    archive("5.dcm", study="S3", patient="P4", instance="2")
    (tmp_path / "archive/licence.txt").write_text("text")
    return tmp_path / "archive"


def test_everything_is_counted(folder):
    summary = index_summary(index_folder(folder, identifiers=True))
    assert next(iter(summary.items())) == ("files", 6)
    assert (summary["images"], summary["studies"], summary["patients"]) == (5, 3, 3)
    assert summary["attributes"]["manufacturer"]["GE"] == 1
    assert summary["attributes"]["age"] == {"50": 3, "missing": 2}
    assert summary["missing"]["age"] == {"a placeholder": 2}
    assert summary["not_images"] == {"not_dicom": 1}
    assert summary["defects"] == {"conflicting_patient": 2, "no_pixel_data": 2, "duplicate_sop_instance": 1}
    assert summary["identifiers"]["person"]["PatientID"] == 5
    assert summary["identifiers"]["device"] == {"StationName": 1}


def test_many_values_become_a_range_or_the_most_frequent(archive, tmp_path):
    for number in range(15):
        archive(
            f"{number}.dcm", study=f"S{number}", PatientAge=f"{30 + number:03d}Y", ManufacturerModelName=f"M{number}"
        )
    attributes = index_summary(index_folder(tmp_path / "archive"))["attributes"]
    assert attributes["age"] == {"30 to 44": 15}
    assert attributes["model"]["others"] == 3


def test_the_command_prints_json_that_starts_with_the_number_of_files(folder):
    result = CliRunner().invoke(app, ["index", str(folder), "--json"])
    assert result.exit_code == 0
    assert result.stdout.startswith('{\n  "files": 6')
    assert json.loads(result.stdout)["images"] == 5
    assert "anary" not in result.stdout.lower().replace("\\", "")


def test_the_command_shows_a_table_without_identifiers_or_control_characters(folder):
    result = CliRunner().invoke(app, ["index", str(folder)])
    assert result.exit_code == 0
    assert "6 files" in result.stdout
    assert "Not DICOM" in result.stdout
    assert "PatientName" in result.stdout
    assert "anary" not in result.stdout.lower()
    assert "\x1b[2J" not in result.stdout
    assert "[red]Acme[/]" in result.stdout  # a header's text is no mark-up


def test_a_missing_folder_is_an_error_of_the_data(tmp_path):
    result = CliRunner().invoke(app, ["index", str(tmp_path / "nothing")])
    assert type(result.exception).__name__ == "DataError"
