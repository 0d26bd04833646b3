"""The labelled rows of one model and structure with what was measured of each, as it counts under the locked rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.samples import ModelSamples, model_samples
from validate.estimation.sample import RULES, measured_columns
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.results.units import STRATUM_PREFIX


@dataclass(frozen=True, slots=True)
class MaskRows:
    """In table order. units : pseudonyms      empty : which mask holds nothing of the structure; None where failed
    levels : by attribute that rows are grouped by
    """

    samples: ModelSamples
    units: Sequence[str]
    empty: Sequence[str | None]
    levels: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.units)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Rows without an output."""
        return self.samples.cases.failed

    def values(self, name: str) -> NDArray[np.float64]:
        """(n,) as it counts: failed rows as the lock says; NaN where there is no value."""
        protocol = self.samples.protocol
        found = measured_columns(
            self.samples.cases,
            (name,),
            unreadable=RULES[protocol.cohort.on_unreadable],
            failure=RULES[protocol.inference.on_failure],
        )
        return found[name]

    def output(self, name: str) -> NDArray[np.float64]:
        """(n,) of outputs alone; NaN where there is none."""
        measures = self.samples.cases.measures
        assert measures is not None
        return np.where(self.failed, np.nan, measures[name])


def mask_rows(evidence: Evidence, model: Model, target: str) -> MaskRows:
    """The model's clean pass on one structure."""
    samples = model_samples(evidence, model, target)
    units = evidence.every if evidence.every is not None else evidence.units
    columns = zip(*(units[name].to_pylist() for name in ("model", "pass", "target", "label_status")), strict=True)
    mine = units.filter(pa.array([key == (model.id, CLEAN.id, target, "present") for key in columns]))
    levels = {
        name.removeprefix(STRATUM_PREFIX): mine[name].to_pylist()
        for name in mine.column_names
        if name.startswith(STRATUM_PREFIX)
    }
    return MaskRows(samples, mine["unit"].to_pylist(), mine["empty"].to_pylist(), levels)
