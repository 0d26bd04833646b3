"""The units table as arrays: one model's rows of the clean pass, in case order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.estimation.cases import UNREADABLE
from validate.protocol.passes import CLEAN


@dataclass(frozen=True, slots=True)
class ModelRows:
    """Arrays of equal length.

    labelled, positive, failed : bool; positive is false where there is no label
    unreadable : failed because the file could not be read, before the model saw it
    """

    table: pa.Table
    labelled: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labelled)

    def text(self, column: str) -> list[str | None]:
        """A text column of the units table."""
        values: list[str | None] = self.table[column].to_pylist()
        return values

    def distinct(self, column: str) -> int:
        """How many different values a text column has."""
        return len(set(self.text(column)))

    def where(self, keep: NDArray[np.bool_]) -> ModelRows:
        """The rows that are kept; clusters keep their numbers."""
        return ModelRows(
            table=self.table.filter(pa.array(keep, pa.bool_())),
            labelled=self.labelled[keep],
            positive=self.positive[keep],
            failed=self.failed[keep],
            unreadable=self.unreadable[keep],
        )


def model_rows(units: pa.Table, model: str) -> ModelRows:
    """The clean pass of one model."""
    mask = np.array(
        [
            m == model and p == CLEAN.id
            for m, p in zip(units["model"].to_pylist(), units["pass"].to_pylist(), strict=True)
        ],
        dtype=np.bool_,
    )
    table = units.filter(pa.array(mask, pa.bool_()))
    label = np.array([np.nan if x is None else x for x in table["label"].to_pylist()], dtype=np.float64)
    labelled = np.array([status == "present" for status in table["label_status"].to_pylist()], dtype=np.bool_)
    failures = table["failure"].to_pylist()
    return ModelRows(
        table=table,
        labelled=labelled,
        positive=labelled & (label == 1.0),
        failed=np.array([status == "failed" for status in table["status"].to_pylist()], dtype=np.bool_),
        unreadable=np.array([(reason or "").startswith(UNREADABLE) for reason in failures], dtype=np.bool_),
    )
