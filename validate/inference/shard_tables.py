"""A shard as tables: a row for each case and target, and one for each mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from validate.models.prediction import ONLY_TARGET, Boxes, ClassScores, Failure, Inference, Mask

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
EMBEDDING = pa.field("embedding", pa.list_(pa.float64()))  # where the protocol declares one; of the clean pass alone
ROWS_AND_EMBEDDING = ROWS.append(EMBEDDING)
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


def rows_table(
    rows: Iterable[Inference], targets: tuple[str, ...], values: Mapping[str, int], *, embeds: bool = False
) -> pa.Table:
    """A row for each case and target: ROWS; with `embeds` also EMBEDDING, on the row of the first target."""
    found: list[dict[str, Any]] = []
    for result in rows:
        first, *others = _plain(result, targets, values)
        if embeds and isinstance(result.result, ClassScores) and result.result.embedding:
            first["embedding"] = list(result.result.embedding)
        found += [first, *others]
    return pa.Table.from_pylist(found, schema=ROWS_AND_EMBEDDING if embeds else ROWS)


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


def marks_table(rows: Iterable[Inference], targets: tuple[str, ...]) -> pa.Table:
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
