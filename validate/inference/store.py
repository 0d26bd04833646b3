"""Crash-safe results: one Parquet file per shard, written whole or not at all, and checked before it is believed.

RUN/inference/plan.json, and per model and pass MODEL/PASS/shard-00000.parquet … and timing.parquet; masks lie beside them, one
file a case, and marks, one file a shard. A shard's footer carries the digest of its plan and of its rows: a torn, altered or
foreign file is not taken for a result, it is redone.
The bytes of a shard hold no time, no machine and no worker, so a resumed run ends in the bytes of an unbroken one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from validate.canonical import canonical_json, digest, pretty_json
from validate.errors import CommandError, EvidenceError
from validate.inference.plan import Shard
from validate.inference.shard_tables import MARKS, ROWS, ROWS_AND_EMBEDDING, marks_table, rows_table
from validate.inference.stored_files import parquet_bytes, put, stored_table
from validate.inference.timings import TIMING, TIMINGS, Timing, stored_timings
from validate.models.prediction import Boxes, Inference, Mask
from validate.protocol.passes import CLEAN

PLAN = "plan.json"
CONDEMNED = "contradicted.json"
_PLAN_KEY, _SHARD_KEY, _ROWS_KEY = b"validate.plan", b"validate.shard", b"validate.rows"


@dataclass(frozen=True, slots=True)
class Store:
    """The inference folder of one run.

    plan : digest of the plan and the batch sizes; every shard carries it
    batch_sizes : by model, as probed or stated, once for the whole run
    """

    folder: Path
    plan: str
    batch_sizes: Mapping[str, int] = field(default_factory=dict)

    def rows_of(self, shard: Shard) -> pa.Table | None:
        """The finished shard, or None where it is missing, torn, altered or another plan's."""
        return _read(self._path(shard), plan=self.plan, name=_name(shard))

    def write(self, shard: Shard, rows: Sequence[Inference]) -> str:
        """Store a finished shard; returns the digest of its rows. Raises MachineError when the disk can't take it."""
        for row in rows:
            if isinstance(row.result, Mask):
                put(mask_file(self.folder, row.model, row.pass_id, row.unit), row.result.content)
        if any(isinstance(row.result, Boxes) for row in rows):
            put(
                self._path(shard).with_name(f"marks-{shard.index:05d}.parquet"),
                parquet_bytes(marks_table(rows, shard.model.targets)),
            )
        embeds = shard.pass_.id == CLEAN.id and shard.model.block.output.embedding is not None
        table = rows_table(rows, shard.model.targets, shard.model.values, embeds=embeds)
        content = digest(table.to_pylist())
        stamps = {_PLAN_KEY: self.plan.encode(), _SHARD_KEY: _name(shard).encode(), _ROWS_KEY: content.encode()}
        put(self._path(shard), parquet_bytes(table.replace_schema_metadata(stamps)))
        return content

    def add_timing(self, shard: Shard, timing: Timing) -> None:
        """Add one shard's row to the table of timings, which no result depends on."""
        path = self._path(shard).with_name(TIMING)
        known = [row for row in stored_timings(path) if row["shard"] != timing.shard]
        row = {name: getattr(timing, name) for name in TIMINGS.names}
        rows = sorted([*known, row], key=lambda row: row["shard"])
        put(path, parquet_bytes(pa.Table.from_pylist(rows, schema=TIMINGS)), durable=False)

    def condemn(self, reason: str) -> None:
        """No run goes on from here any more: what is stored has turned out to be doubtful."""
        put(self.folder / CONDEMNED, pretty_json({"schema_version": "1", "reason": reason}))

    def _path(self, shard: Shard) -> Path:
        return self.folder / shard.model.id / shard.pass_.id / f"shard-{shard.index:05d}.parquet"


def stored_batch_sizes(folder: Path, document: Mapping[str, Any], *, resume: bool) -> dict[str, int] | None:
    """Batch sizes that this folder was begun with, or None where nothing was begun.

    Raises CommandError where the folder holds results and `resume` is false, or where they are another plan's.
    """
    path = folder / PLAN
    if not path.exists():
        return None
    if not resume:
        raise CommandError(f"{folder} already holds results. Continue them with --resume, or choose another --out.")
    if (folder / CONDEMNED).exists():
        raise CommandError(
            f"{folder}: a stored answer of a model was contradicted by a later one ({CONDEMNED} says by which), so nothing can be "
            "resumed here. Run anew with another --out."
        )
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        begun, sizes = stored["plan"], {str(name): int(size) for name, size in stored["batch_sizes"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{path} is damaged: {error!r}. Choose another --out; nothing here can be resumed."
        ) from error
    if canonical_json(begun) != canonical_json(document):
        raise CommandError(
            f"{folder} was begun with another plan: it differs in {', '.join(_differences(begun, document))}. "
            "Resume needs the same protocol, cohort, models, versions and device; otherwise choose another --out."
        )
    return sizes


def open_store(folder: Path, document: Mapping[str, Any], batch_sizes: Mapping[str, int]) -> Store:
    """A store for this plan: plan.json is written first, and what a broken run left half-written is cleared away."""
    content = {"plan": dict(document), "batch_sizes": dict(batch_sizes)}
    for partial in folder.glob("**/.*.partial"):
        partial.unlink(missing_ok=True)
    path = folder / PLAN
    if not path.exists() or path.read_bytes() != pretty_json(content):
        put(path, pretty_json(content))
    return Store(folder, digest(content), dict(batch_sizes))


def mask_file(folder: Path, model: str, pass_id: str, unit: str) -> Path:
    """Where the mask of a case lies under RUN/inference."""
    return folder / model / pass_id / "masks" / f"{unit}.nii.gz"


def read_inference(folder: Path) -> pa.Table:
    """Every row of a finished or unfinished run, by pass, model and shard: unit, model, pass, target, status, …, and the embedding
    where a model of the run has one.

    Raises EvidenceError where a shard does not hold what was written.
    """
    try:
        stored = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        plan, passes, models = digest(stored), stored["plan"]["passes"], stored["plan"]["models"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"{folder / PLAN} can't be read: {error!r}. This is not a run's inference folder."
        ) from error
    tables = [ROWS.empty_table()]
    for pass_id, model_id in ((pass_["id"], model["id"]) for pass_ in passes for model in models):
        for path in sorted((folder / model_id / pass_id).glob("shard-*.parquet")):
            name = f"{model_id}/{pass_id}/{int(re.sub(r'[^0-9]', '', path.stem))}"
            table = _read(path, plan=plan, name=name)
            if table is None:
                raise EvidenceError(f"{path} does not hold the rows that were written there: torn, altered or foreign.")
            tables.append(table)
    return pa.concat_tables(tables, promote_options="default")


def read_marks(folder: Path, model: str, pass_id: str) -> pa.Table:
    """Every mark of a model's pass, in the order of the cohort: MARKS. Raises EvidenceError where a file is not what was written."""
    tables = [MARKS.empty_table()]
    for path in sorted((folder / model / pass_id).glob("marks-*.parquet")):
        try:
            table = stored_table(path)
        except (pa.ArrowException, OSError) as error:
            raise EvidenceError(f"{path} does not hold the marks that were written there: {error}.") from error
        if not table.schema.equals(MARKS):
            raise EvidenceError(f"{path} does not hold the marks that were written there: its columns are others.")
        tables.append(table)
    return pa.concat_tables(tables)


def _name(shard: Shard) -> str:
    return f"{shard.model.id}/{shard.pass_.id}/{shard.index}"


def _read(path: Path, *, plan: str, name: str) -> pa.Table | None:
    try:
        table = stored_table(path)
    except (pa.ArrowException, OSError):
        return None
    stamps = table.schema.metadata or {}
    if stamps.get(_PLAN_KEY) != plan.encode() or stamps.get(_SHARD_KEY) != name.encode():
        return None
    table = table.replace_schema_metadata(None)
    if not any(table.schema.equals(known) for known in (ROWS, ROWS_AND_EMBEDDING)):
        return None
    if stamps.get(_ROWS_KEY) != digest(table.to_pylist()).encode():
        return None
    return table


def _differences(begun: Any, document: Mapping[str, Any]) -> list[str]:
    if not isinstance(begun, dict):
        return ["everything"]
    plain = json.loads(canonical_json(document))
    return sorted(name for name in {**begun, **plain} if begun.get(name) != plain.get(name))
