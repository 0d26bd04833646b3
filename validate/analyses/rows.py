"""The units table as arrays: one model's rows of the clean pass, in case order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.protocol.passes import CLEAN
from validate.protocol.schema import Model


@dataclass(frozen=True, slots=True)
class ModelRows:
    """Arrays of equal length.

    labelled, positive, failed : bool; positive is false where there is no label
    score : float64, NaN where failed (in memory only)      cluster : number of the cluster, in table order
    """

    table: pa.Table
    labelled: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    score: NDArray[np.float64]
    cluster: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labelled)

    def text(self, column: str) -> list[str | None]:
        """A text column of the units table."""
        values: list[str | None] = self.table[column].to_pylist()
        return values

    def distinct(self, column: str) -> int:
        """How many different values a text column has."""
        return len(set(self.text(column)))

    def flagged(self, model: Model) -> NDArray[np.bool_]:
        """Which rows the operating point flags; a failed row is not flagged. Raises ValueError without one."""
        if model.operating_point is None:
            raise ValueError(f"models.{model.id}: no operating_point")
        with np.errstate(invalid="ignore"):
            reached = np.greater_equal if model.operating_point.rule == ">=" else np.greater
            return np.asarray(reached(self.score, model.operating_point.threshold), dtype=np.bool_)

    def where(self, keep: NDArray[np.bool_]) -> ModelRows:
        """The rows that are kept; clusters keep their numbers."""
        return ModelRows(
            table=self.table.filter(pa.array(keep, pa.bool_())),
            labelled=self.labelled[keep],
            positive=self.positive[keep],
            failed=self.failed[keep],
            score=self.score[keep],
            cluster=self.cluster[keep],
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
    names = table["cluster"].to_pylist()
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return ModelRows(
        table=table,
        labelled=labelled,
        positive=labelled & (label == 1.0),
        failed=np.array([status == "failed" for status in table["status"].to_pylist()], dtype=np.bool_),
        score=np.array([np.nan if x is None else x for x in table["score"].to_pylist()], dtype=np.float64),
        cluster=np.array([number[name] for name in names], dtype=np.int64),
    )
