"""Shards: stable bytes, checked before they are believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from validate.errors import CommandError, EvidenceError
from validate.inference.plan import InferencePlan, Shard
from validate.inference.shard_tables import ROWS
from validate.inference.store import Store, open_store, read_inference, stored_batch_sizes
from validate.inference.timings import Timing, read_timings
from validate.models.prediction import ClassScores, Failure, Inference

Make = Callable[..., Any]


@pytest.fixture
def work(plan: Make, study: Make, tmp_path: Path) -> InferencePlan:
    return plan(tmp_path, study(tmp_path / "dicom", 4), shard_size=2)  # type: ignore[no-any-return]


@pytest.fixture
def store(work: InferencePlan, tmp_path: Path) -> Store:
    return open_store(tmp_path / "out", work.document(), {"m": 4})


def _shards(work: InferencePlan) -> list[Shard]:
    return [shard for stretch in work.stretches() for shard in stretch.shards]


def _rows(shard: Shard) -> list[Inference]:
    results = [ClassScores({"score": 0.25}, (1.5, -2.0)), Failure("nan_output", "No.")]
    return [
        Inference(case.unit, "m", "clean", result, {"decoder": "pydicom"})
        for case, result in zip(shard.cases, results, strict=True)
    ]


def test_what_is_written_is_read_again(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    for shard in _shards(work):
        store.write(shard, _rows(shard))
    table = read_inference(tmp_path / "out")
    assert table.schema.equals(ROWS)
    assert table.to_pylist()[:2] == [
        {
            "unit": "u0000",
            "model": "m",
            "pass": "clean",
            "target": "opacity",
            "status": "ok",
            "failure": None,
            "detail": None,
            "score": 0.25,
            "raw": [1.5, -2.0],
            "decoder": "pydicom",
            "geometry": None,
        },
        {
            "unit": "u0001",
            "model": "m",
            "pass": "clean",
            "target": "opacity",
            "status": "failed",
            "failure": "nan_output",
            "detail": "No.",
            "score": None,
            "raw": None,
            "decoder": "pydicom",
            "geometry": None,
        },
    ]


def test_the_same_rows_make_the_same_bytes(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    (shard, _) = _shards(work)
    store.write(shard, _rows(shard))
    path = tmp_path / "out/m/clean/shard-00000.parquet"
    before = path.read_bytes()
    store.write(shard, _rows(shard))
    assert path.read_bytes() == before


def test_a_shard_of_another_plan_is_not_taken(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    (shard, _) = _shards(work)
    store.write(shard, _rows(shard))
    assert store.rows_of(shard) is not None
    assert Store(tmp_path / "out", "f" * 64).rows_of(shard) is None


def test_a_damaged_shard_is_refused_when_the_results_are_read(
    store: Store, work: InferencePlan, tmp_path: Path
) -> None:
    first, second = _shards(work)
    for shard in (first, second):
        store.write(shard, _rows(shard))
    folder = tmp_path / "out/m/clean"
    (folder / "shard-00001.parquet").write_bytes((folder / "shard-00000.parquet").read_bytes())
    with pytest.raises(EvidenceError, match=r"shard-00001\.parquet does not hold the rows that were written there"):
        read_inference(tmp_path / "out")


def test_a_changed_score_is_seen(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (shard, _) = _shards(work)
    store.write(shard, _rows(shard))
    path = tmp_path / "out/m/clean/shard-00000.parquet"
    table = pq.ParquetFile(str(path)).read(use_threads=False)
    place = table.schema.get_field_index("score")
    pq.write_table(table.set_column(place, ROWS.field("score"), pa.array([0.75, None])), str(path))
    assert store.rows_of(shard) is None


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="This is not a run's inference folder"):
        read_inference(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"plan": {}, "batch_sizes": 7}', '{"plan": {}, "batch_sizes": {"m": "x"}}']
)
def test_a_damaged_plan_is_not_resumed(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(CommandError, match=r"plan\.json is damaged: .*Choose another --out"):
        stored_batch_sizes(tmp_path, {}, resume=True)


def test_the_plan_is_plain_json_beside_the_results(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    stored = json.loads((tmp_path / "out/plan.json").read_text())
    assert stored["batch_sizes"] == {"m": 4}
    assert stored["plan"]["models"][0]["digest"] == work.models[0].loaded.identity.digest
    assert store.batch_sizes == {"m": 4}


def test_timings_survive_a_torn_table(store: Store, work: InferencePlan, tmp_path: Path) -> None:
    first, second = _shards(work)
    store.write(first, _rows(first))
    timing = Timing(0, 2, 1, 4, 0.1, 0.0, 0.2)
    store.add_timing(first, timing)
    (tmp_path / "out/m/clean/timing.parquet").write_bytes(b"torn")
    store.add_timing(second, Timing(1, 2, 1, 4, 0.1, 0.0, 0.2))
    assert [row["shard"] for row in read_timings(tmp_path / "out").to_pylist()] == [1]
