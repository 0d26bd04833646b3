"""The main job, from DICOM to a verified report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
from typer.testing import CliRunner

from validate.cli.main import app
from validate.errors import EvidenceError
from validate.run_unblinded import Run


def estimates(run: Run) -> list[dict]:
    return json.loads((run.folder / "estimates.json").read_text())["estimates"]


def level(run: Run, endpoint: str, **stratum: str) -> dict:
    (found,) = [
        e for e in estimates(run)
        if e["endpoint"] == endpoint and e["stratum"] == stratum and e["missing_rule"] == "worst_case"
        and e["contrast"] is None and not e["condition"].get("prevalence")
    ]  # fmt: skip
    return found


def test_every_promised_file_is_in_the_run_folder(finished: Run) -> None:
    promised = [
        "protocol.yaml",
        "lock.json",
        "cohort/cases.parquet",
        "cohort/reference.parquet",
        "cohort/exclusions.parquet",
        "cohort/flow.json",
        "results/units.parquet",
        "estimates.json",
        "findings.json",
        "verdict.json",
        "evidence/manifest.json",
        "evidence/audit.jsonl",
        "evidence/environment.json",
        "report/report.pdf",
        "report/report.html",
    ]
    assert [name for name in promised if not (finished.folder / name).is_file()] == []


def test_counts_of_the_flow_add_up_to_every_file_found(finished: Run) -> None:
    cases = pq.read_table(finished.folder / "cohort/cases.parquet")
    exclusions = pq.read_table(finished.folder / "cohort/exclusions.parquet")
    steps = {s["id"]: s for s in json.loads((finished.folder / "cohort/flow.json").read_text())["steps"]}
    assert steps["found"]["files"] == cases.num_rows + exclusions.num_rows
    units = pq.read_table(finished.folder / "results/units.parquet")
    assert units.num_rows == cases.num_rows  # one model, one pass: a failed case is a row, never a missing row
    assert {"failed", "ok"} == set(units["status"].to_pylist())


def test_the_seeded_weak_manufacturer_shows_as_the_weakest(finished: Run) -> None:
    makers = {
        e["stratum"]["manufacturer"]: e["value"]
        for e in estimates(finished)
        if e["endpoint"] == "sensitivity" and set(e["stratum"]) == {"manufacturer"} and e["value"] is not None
    }
    assert min(makers, key=makers.get) == "Fujifilm"
    assert len(makers) >= 4


def test_every_estimate_has_counts_and_either_a_value_or_a_reason(finished: Run) -> None:
    for estimate in estimates(finished):
        assert estimate["n_cases"] >= estimate["n_patients"] >= 0, estimate["id"]
        if estimate["status"] != "ok":
            assert estimate["reason"], estimate["id"]
        else:
            assert estimate["value"] is not None, estimate["id"]


def test_ids_of_estimates_are_unique(finished: Run) -> None:
    ids = [e["id"] for e in estimates(finished)]
    assert len(ids) == len(set(ids))


def test_verification_recomputes_every_number(finished: Run) -> None:
    result = CliRunner().invoke(app, ["verify", str(finished.folder)])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("VERIFIED")


def test_the_whole_sample_is_locked_before_the_first_inference(finished: Run) -> None:
    events = [json.loads(line) for line in (finished.folder / "evidence/audit.jsonl").read_text().splitlines()]
    order = [e["type"] for e in events]
    assert order.index("locked") < order.index("inference_started") < order.index("unblinded") < order.index("computed")


def test_a_second_run_gives_the_same_numbers_and_rows(finished: Run, gallery: Path) -> None:
    import validate

    again = validate.run(gallery / "cxr-opacity-acceptance.yaml", out=gallery / "again")
    for name in ("estimates.json", "findings.json", "verdict.json", "results/units.parquet", "cohort/cases.parquet"):
        assert (again.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name


def test_a_report_made_again_is_sealed_again(finished: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    again = CliRunner().invoke(app, ["report", str(folder), "--profile", "submission", "--format", "html"])
    assert again.exit_code == 0, again.output
    result = CliRunner().invoke(app, ["verify", str(folder)])
    assert result.exit_code == 0, result.output
    events = [json.loads(line) for line in (folder / "evidence/audit.jsonl").read_text().splitlines()]
    assert events[-1]["type"] == "reported"
    assert events[-1]["data"]["profile"] == "submission"


def test_no_report_is_made_of_evidence_that_was_changed(finished: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished.folder, tmp_path / "run"))
    (folder / "verdict.json").write_text((folder / "verdict.json").read_text().replace("INCONCLUSIVE", "PASS"))
    result = CliRunner().invoke(app, ["report", str(folder), "--format", "html"])
    assert isinstance(result.exception, EvidenceError)
    assert "verdict.json: SHA-256 is" in str(result.exception)
