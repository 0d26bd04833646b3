"""An edit of the evidence is found and named, even when the manifest is rewritten to match."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from validate.canonical import file_digest, pretty_json
from validate.cli.main import app
from validate.errors import ValidateError
from validate.run_unblinded import Run


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "run"))


def verify(folder: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", str(folder), *options])
    if isinstance(result.exception, ValidateError):  # what the command's frame prints and returns
        return int(result.exception.exit_code), str(result.exception)
    return result.exit_code, result.output


def reseal(folder: Path) -> None:
    """What an attacker does who knows the format: rewrite every hash (but not the audit chain)."""
    manifest = json.loads((folder / "evidence/manifest.json").read_text())
    for entry in manifest["files"]:
        entry["sha256"] = file_digest(folder / entry["path"])
    (folder / "evidence/manifest.json").write_bytes(pretty_json(manifest))
    seal = json.loads((folder / "evidence/seal.json").read_text())
    seal["manifest"]["sha256"] = file_digest(folder / "evidence/manifest.json")
    (folder / "evidence/seal.json").write_bytes(pretty_json(seal))


def flip_first(path: Path, column: str) -> None:
    table = pq.read_table(path)
    values = table[column].to_pylist()
    index = next(i for i, v in enumerate(values) if v is not None)
    values[index] = 1.0 - values[index]
    place = table.schema.get_field_index(column)
    pq.write_table(
        table.set_column(place, table.schema.field(column), pa.array(values, table.schema.field(column).type)), path
    )


@pytest.mark.parametrize("table", ["results/units.parquet", "cohort/reference.parquet"])
def test_a_flipped_label_with_a_rewritten_manifest_does_not_verify(copy: Path, table: str) -> None:
    flip_first(copy / table, "label")
    reseal(copy)
    code, output = verify(copy)
    assert code == 4
    assert "computed again" in output or "differs" in output


def test_a_changed_estimate_is_named_by_its_address(copy: Path) -> None:
    document = json.loads((copy / "estimates.json").read_text())
    document["estimates"][0]["value"] = 0.999
    (copy / "estimates.json").write_bytes(pretty_json(document))
    reseal(copy)
    code, output = verify(copy)
    assert code == 4
    assert "estimates.json#/estimates/0/value: stored 0.999" in output.replace("\n", "")


def test_a_changed_byte_of_any_file_is_named(copy: Path) -> None:
    for path in sorted(p for p in copy.rglob("*") if p.is_file()):
        original = path.read_bytes()
        changed = bytearray(original)
        changed[len(changed) // 2] ^= 1
        path.write_bytes(bytes(changed))
        code, _output = verify(copy, "--no-recompute")
        assert code == 4, path
        path.write_bytes(original)


def test_a_missing_and_an_added_file_are_named(copy: Path) -> None:
    (copy / "cohort/flow.json").unlink()
    (copy / "results/extra.parquet").write_bytes(b"x")
    code, output = verify(copy, "--no-recompute")
    assert code == 4
    assert "cohort/flow.json: missing" in output
    assert "results/extra.parquet: not in the manifest; it was added later" in output


def test_without_recomputation_the_answer_is_integrity_only(copy: Path) -> None:
    code, output = verify(copy, "--no-recompute")
    assert code == 0
    assert output.startswith("INTEGRITY ONLY")


def test_an_unfinished_folder_is_no_evidence(tmp_path: Path) -> None:
    code, output = verify(tmp_path)
    assert code == 4
    assert "missing from" in output


def test_swapped_scores_of_two_cases_are_found(copy: Path) -> None:
    path = copy / "results/units.parquet"
    table = pq.read_table(path)
    scores = table["score"].to_pylist()
    present = [i for i, s in enumerate(scores) if s is not None]
    a, b = present[0], next(i for i in present if scores[i] != scores[present[0]])
    scores[a], scores[b] = scores[b], scores[a]
    place = table.schema.get_field_index("score")
    pq.write_table(table.set_column(place, table.schema.field("score"), pa.array(scores, pa.float64())), path)
    reseal(copy)
    assert verify(copy)[0] == 4
    assert pc.sum(table["score"]).as_py() is not None
