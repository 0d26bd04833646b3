"""Where the seconds of each shard went: beside the results, which depend on none of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from validate.inference.stored_files import stored_table

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
TIMING = "timing.parquet"


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


def read_timings(folder: Path) -> pa.Table:
    """Timings of all models and passes, with columns model and pass in front."""
    rows = [
        {"model": path.parent.parent.name, "pass": path.parent.name, **row}
        for path in sorted(folder.glob(f"*/*/{TIMING}"))
        for row in stored_timings(path)
    ]
    named = [pa.field("model", pa.string(), nullable=False), pa.field("pass", pa.string(), nullable=False)]
    return pa.Table.from_pylist(rows, schema=pa.schema([*named, *TIMINGS]))


def stored_timings(path: Path) -> list[dict[str, Any]]:
    """Rows of one table of timings; none where there is none that can be read."""
    if not path.exists():
        return []
    try:
        rows: list[dict[str, Any]] = stored_table(path).to_pylist()
    except pa.ArrowException:
        return []  # timings prove nothing: a torn table is begun again
    return rows
