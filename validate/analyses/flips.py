"""Whose answer changes: each case's answer in a pass against its answer in the clean one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.estimation.threshold import Threshold
from validate.protocol.passes import CLEAN


@dataclass(frozen=True, slots=True)
class Outputs:
    """Of one model and target: (pass, case) scores, NaN where failed or not in the pass; asked : (pass, case) in the pass."""

    passes: tuple[str, ...]
    units: tuple[str, ...]
    scores: NDArray[np.float64]
    failed: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    failures: NDArray[np.object_]

    def place(self, name: str) -> int:
        """Of a pass."""
        return self.passes.index(name)


def outputs_of(units: pa.Table, model: str, target: str | None = None) -> Outputs:
    """Every case of the table, labelled or not, in the order of the clean pass."""
    names = ["model", "pass", "target", "unit", "score", "status", "failure"]
    columns = {name: units[name].to_pylist() for name in names}
    rows = [
        place for place, (one, of) in enumerate(zip(columns["model"], columns["target"], strict=True))
        if one == model and target in (None, of)
    ]  # fmt: skip
    passes = tuple(dict.fromkeys(columns["pass"][row] for row in rows))
    order = tuple(dict.fromkeys(columns["unit"][row] for row in rows if columns["pass"][row] == CLEAN.id))
    at = {unit: place for place, unit in enumerate(order)}
    shape = (len(passes), len(order))
    scores = np.full(shape, np.nan)
    failed, asked = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    failures = np.full(shape, None, np.object_)
    number = {name: place for place, name in enumerate(passes)}
    for row in rows:
        where = number[columns["pass"][row]], at[columns["unit"][row]]
        asked[where] = True
        failed[where] = columns["status"][row] == "failed"
        failures[where] = columns["failure"][row]
        if columns["score"][row] is not None and not failed[where]:
            scores[where] = columns["score"][row]
    return Outputs(passes, order, scores, failed, asked, failures)


def flips(outputs: Outputs, threshold: Threshold, passes: Sequence[str]) -> NDArray[np.bool_]:
    """(pass, case) whether the answer is another one than the clean one; a case without an output in either has none."""
    clean = outputs.scores[outputs.place(CLEAN.id)]
    known = ~np.isnan(clean)
    before = threshold.flags(clean)
    found = np.zeros((len(passes), len(outputs.units)), np.bool_)
    for place, name in enumerate(passes):
        scores = outputs.scores[outputs.place(name)]
        found[place] = known & ~np.isnan(scores) & (threshold.flags(scores) != before)
    return found
