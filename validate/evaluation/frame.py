"""A table as callers hold it (pyarrow, pandas, polars, a dictionary of lists) → an arrow table and its patients."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.errors import DataError
from validate.evaluation.questions import Question, column
from validate.protocol.targets import MEASURED

ANSWERS = ("score", "positive", "true", "predicted", "scores")


def arrow_table(frame: Any, name: str = "frame") -> pa.Table:
    """Any table that speaks Arrow, or a dict of columns, without importing the library it came from."""
    if isinstance(frame, pa.Table):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
    elif isinstance(frame, dict):
        table = _from_lists(frame)
    else:
        raise DataError(f"{name}: got {type(frame).__name__}, expected a pandas, polars or Arrow table.")
    if table.num_rows == 0 and name == "frame":
        raise DataError("frame: the table has no rows.")
    return table


def _from_lists(frame: dict[str, Any]) -> pa.Table:
    columns = {}
    for name, values in frame.items():
        try:
            columns[name] = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"column '{name}': values of different kinds ({error}).") from error
    return pa.table(columns)


def patients_of(table: pa.Table, cluster: str | None) -> NDArray[np.int64]:
    """Patients numbered in the order they first appear; every row its own where no column is named."""
    if cluster is None:
        return np.arange(table.num_rows, dtype=np.int64)
    owners = column(table, cluster)
    if owners.null_count:
        raise DataError(f"column '{cluster}': {owners.null_count} of {table.num_rows} rows do not say whose they are.")
    encoded = owners.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def digest_of(found: Sequence[Question], patients: NDArray[np.int64]) -> str:
    content = hashlib.sha256(patients.tobytes())
    for question in found:
        measured = [name for name in question.columns if question.tasks <= MEASURED]
        for name in (*ANSWERS, *measured):
            if name in question.columns:
                content.update(np.ascontiguousarray(question.columns[name]).tobytes())
    return content.hexdigest()
