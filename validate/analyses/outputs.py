"""What a model said of each case, as numbers that two cohorts can be compared by.

Of classes, grades and findings the score of each; of masks the volume of each structure; of marks how many there are of a kind
and the highest score among them. Of a model that declares an embedding see analyses/embeddings.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from validate.protocol.passes import CLEAN

SCORE = "score."  # of a column that holds an output: by the model's id, and of several outputs ":" and its name
KINDS = {
    "score": "",
    "case.volume_prediction": "volume",
    "case.marks": "marks",
    "case.highest": "highest score",
}
COUNTED = frozenset({"case.volume_prediction", "case.marks"})


@dataclass(frozen=True, slots=True)
class Output:
    """name : of several, which one; "" where there is one      chance : whether it may be a probability

    values : by unit, None where the model gave none
    """

    name: str
    chance: bool
    values: dict[str, float | None]

    def column(self, model: str) -> str:
        """As tables call it."""
        return f"{SCORE}{model}:{self.name}" if self.name else f"{SCORE}{model}"


def outputs(units: pa.Table, model: str) -> list[Output]:
    """Of the clean pass, those that have a value at all."""
    kinds = [kind for kind in KINDS if kind in units.column_names]
    rows = units.select(["unit", "model", "pass", "target", *kinds]).to_pylist()
    found: dict[tuple[str, str], dict[str, float | None]] = {}
    for row in rows:
        if row["model"] == model and row["pass"] == CLEAN.id:
            for kind in kinds:
                found.setdefault((row["target"], kind), {})[row["unit"]] = row[kind]
    told = {key: values for key, values in found.items() if any(value is not None for value in values.values())}
    several = len(found) > 1  # whatever has a value: another cohort's are called the same
    return [
        Output(f"{target} {KINDS[kind]}".rstrip() if several else "", kind not in COUNTED, values)
        for (target, kind), values in told.items()
    ]
