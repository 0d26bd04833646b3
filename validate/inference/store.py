"""Crash-safe results: one Parquet file per shard, written whole or not at all, and checked before it is believed.

RUN/inference/plan.json, and per model and pass MODEL/PASS/shard-00000.parquet … and timing.parquet; masks lie beside them, one
file a case, and marks, one file a shard. A shard's footer carries the digest of its plan and of its rows: a torn, altered or
foreign file is not taken for a result, it is redone.
The bytes of a shard hold no time, no machine and no worker, so a resumed run ends in the bytes of an unbroken one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.canonical import canonical_json, digest, pretty_json, write_atomically
from validate.errors import CommandError, EvidenceError, MachineError
from validate.inference.plan import Shard
from validate.models.prediction import ONLY_TARGET, Boxes, Failure, Inference, Mask

ROWS = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("pass", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # ok|failed
        pa.field("failure", pa.string()),  # code; null when ok
        pa.field("detail", pa.string()),  # sentence; null when ok
        pa.field("score", pa.float64()),  # null when failed
        pa.field("raw", pa.list_(pa.float64())),  # before the activation; null when failed
        pa.field("decoder", pa.string()),  # null where no image was read
        pa.field("geometry", pa.string()),  # what a series was irregular in, and what was done; null where in nothing
    ]
)
MARKS = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("shape", pa.string(), nullable=False),  # box|point|ball
        pa.field("space", pa.string(), nullable=False),  # mm|mm_ras|pixels|voxels
        pa.field("geometry", pa.list_(pa.float64()), nullable=False),  # models.prediction.Boxes
    ]
)
TIMINGS = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("cases", pa.int32(), nullable=False),
        pa.field("failures", pa.int32(), nullable=False),
        pa.field("batch_size", pa.int32(), nullable=False),
        pa.field(
            "decode_seconds", pa.float64(), nullable=False
        ),  # summed over workers, shared by all models and passes
        pa.field("wait_seconds", pa.float64(), nullable=False),  # the model waited for images, shared likewise
        pa.field("predict_seconds", pa.float64(), nullable=False),
        # parts of decode_seconds, and of predict_seconds; storing is on a thread of its own
        *(
            pa.field(f"{name}_seconds", pa.float64(), nullable=False)
            for name in ("perturb", "preprocess", "postprocess", "store")
        ),
    ]
)
PLAN = "plan.json"
CONDEMNED = "contradicted.json"
TIMING = "timing.parquet"
_PLAN_KEY, _SHARD_KEY, _ROWS_KEY = b"validate.plan", b"validate.shard", b"validate.rows"


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the seconds of one shard went."""

    shard: int
    cases: int
    failures: int
    batch_size: int
    decode_seconds: float
    wait_seconds: float
    predict_seconds: float
    perturb_seconds: float = 0.0
    preprocess_seconds: float = 0.0
    postprocess_seconds: float = 0.0
    store_seconds: float = 0.0


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
                _put(mask_file(self.folder, row.model, row.pass_id, row.unit), row.result.content)
        if any(isinstance(row.result, Boxes) for row in rows):
            _put(
                self._path(shard).with_name(f"marks-{shard.index:05d}.parquet"),
                _parquet(_marks(rows, shard.model.targets)),
            )
        table = _table(rows, shard.model.targets, shard.model.values)
        content = digest(table.to_pylist())
        stamps = {_PLAN_KEY: self.plan.encode(), _SHARD_KEY: _name(shard).encode(), _ROWS_KEY: content.encode()}
        _put(self._path(shard), _parquet(table.replace_schema_metadata(stamps)))
        return content

    def add_timing(self, shard: Shard, timing: Timing) -> None:
        """Add one shard's row to the table of timings, which no result depends on."""
        path = self._path(shard).with_name(TIMING)
        known = [row for row in _timings(path) if row["shard"] != timing.shard]
        row = {name: getattr(timing, name) for name in TIMINGS.names}
        rows = sorted([*known, row], key=lambda row: row["shard"])
        _put(path, _parquet(pa.Table.from_pylist(rows, schema=TIMINGS)), durable=False)

    def condemn(self, reason: str) -> None:
        """No run goes on from here any more: what is stored has turned out to be doubtful."""
        _put(self.folder / CONDEMNED, pretty_json({"schema_version": "1", "reason": reason}))

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
        _put(path, pretty_json(content))
    return Store(folder, digest(content), dict(batch_sizes))


def read_inference(folder: Path) -> pa.Table:
    """Every row of a finished or unfinished run, by pass, model and shard: unit, model, pass, target, status, …

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
    return pa.concat_tables(tables)


def read_timings(folder: Path) -> pa.Table:
    """Timings of all models and passes, with columns model and pass in front."""
    rows = [
        {"model": path.parent.parent.name, "pass": path.parent.name, **row}
        for path in sorted(folder.glob(f"*/*/{TIMING}"))
        for row in _timings(path)
    ]
    named = [pa.field("model", pa.string(), nullable=False), pa.field("pass", pa.string(), nullable=False)]
    return pa.Table.from_pylist(rows, schema=pa.schema([*named, *TIMINGS]))


def _name(shard: Shard) -> str:
    return f"{shard.model.id}/{shard.pass_.id}/{shard.index}"


def _read(path: Path, *, plan: str, name: str) -> pa.Table | None:
    try:
        table = _stored(path)
    except (pa.ArrowException, OSError):
        return None
    stamps = table.schema.metadata or {}
    if stamps.get(_PLAN_KEY) != plan.encode() or stamps.get(_SHARD_KEY) != name.encode():
        return None
    table = table.replace_schema_metadata(None)
    if not table.schema.equals(ROWS) or stamps.get(_ROWS_KEY) != digest(table.to_pylist()).encode():
        return None
    return table


def mask_file(folder: Path, model: str, pass_id: str, unit: str) -> Path:
    """Where the mask of a case lies under RUN/inference."""
    return folder / model / pass_id / "masks" / f"{unit}.nii.gz"


def read_marks(folder: Path, model: str, pass_id: str) -> pa.Table:
    """Every mark of a model's pass, in the order of the cohort: MARKS. Raises EvidenceError where a file is not what was written."""
    tables = [MARKS.empty_table()]
    for path in sorted((folder / model / pass_id).glob("marks-*.parquet")):
        try:
            table = _stored(path)
        except (pa.ArrowException, OSError) as error:
            raise EvidenceError(f"{path} does not hold the marks that were written there: {error}.") from error
        if not table.schema.equals(MARKS):
            raise EvidenceError(f"{path} does not hold the marks that were written there: its columns are others.")
        tables.append(table)
    return pa.concat_tables(tables)


def _marks(rows: Iterable[Inference], targets: tuple[str, ...]) -> pa.Table:
    """A row for each mark; where there is one kind of lesion, marks that name none are of that kind."""
    found = [
        {"unit": row.unit, "target": name or targets[0], "score": score, "shape": row.result.shape, "space": row.result.space,
         "geometry": place}
        for row in rows
        if isinstance(row.result, Boxes)
        for name, score, place in zip(
            row.result.targets, row.result.scores.tolist(), row.result.geometry.tolist(), strict=True
        )
    ]  # fmt: skip
    return pa.Table.from_pylist(found, schema=MARKS)


def _table(rows: Iterable[Inference], targets: tuple[str, ...], values: Mapping[str, int]) -> pa.Table:
    return pa.Table.from_pylist([row for result in rows for row in _plain(result, targets, values)], schema=ROWS)


def _plain(row: Inference, targets: tuple[str, ...], values: Mapping[str, int]) -> list[dict[str, Any]]:
    """One row for each target, in their order; of a mask its volume in ml, of marks how many there are."""
    known = {"unit": row.unit, "model": row.model, "pass": row.pass_id, "decoder": row.source.get("decoder")}
    known["geometry"] = row.source.get("geometry")
    if isinstance(row.result, Failure):
        failed = {"status": "failed", "failure": row.result.reason, "detail": row.result.detail}
        return [{**known, "target": target, **failed} for target in targets]
    if isinstance(row.result, Mask):
        volumes = {target: row.result.volumes.get(values[target], 0.0) for target in targets}
        return [{**known, "target": target, "status": "ok", "score": volumes[target]} for target in targets]
    if isinstance(row.result, Boxes):
        names = [name or targets[0] for name in row.result.targets]
        return [{**known, "target": target, "status": "ok", "score": float(names.count(target))} for target in targets]
    scores, raw = row.result.scores, list(row.result.raw)
    if len(targets) == 1 and ONLY_TARGET in scores:
        return [{**known, "target": targets[0], "status": "ok", "score": scores[ONLY_TARGET], "raw": raw}]
    return [{**known, "target": target, "status": "ok", "score": scores[target], "raw": raw} for target in targets]


def _timings(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows: list[dict[str, Any]] = _stored(path).to_pylist()
    except pa.ArrowException:
        return []  # timings prove nothing: a torn table is begun again
    return rows


def _stored(path: Path) -> pa.Table:
    # By path and on this thread: pyarrow's own threads let go of a Python file object late, and a program that ends
    # just then is aborted ("terminate called without an active exception", pyarrow 26).
    with pq.ParquetFile(str(path)) as file:
        return file.read(use_threads=False)


def _parquet(table: pa.Table) -> bytes:
    """Bytes that depend on the rows and the library's version only."""
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False, write_statistics=False, version="2.6")
    return bytes(buffer.getvalue().to_pybytes())


def _put(path: Path, content: bytes, *, durable: bool = True) -> None:
    try:
        if durable:
            write_atomically(path, content)
        else:
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
    except OSError as error:
        raise MachineError(
            f"{path} can't be written: {error.strerror}. Every finished shard is kept: make room or mend the disk, "
            "then run again with --resume."
        ) from error


def _differences(begun: Any, document: Mapping[str, Any]) -> list[str]:
    if not isinstance(begun, dict):
        return ["everything"]
    plain = json.loads(canonical_json(document))
    return sorted(name for name in {**begun, **plain} if begun.get(name) != plain.get(name))
