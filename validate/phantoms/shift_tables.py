"""A study whose weaknesses are known: a maker that blurs, a group that is served worse, a maker that gets the harder patients.

Each is put in by its own number and is nought unless asked for, so that an analysis can be held to both: to find it where it is, and
not to find it where it is not. Scores of cases with the finding lie higher, mild ones less so; nothing else differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.phantoms.stream import stream
from validate.phantoms.tables import write_csv

MAKERS = ("Ansor", "Belmed", "Cortis")
BLURRED = "Cortis"  # loses separation
BUSY = "Belmed"  # is given the mild patients
UNDERSERVED = "F"
SEPARATION = {"mild": 1.6, "severe": 3.0}  # in standard deviations, of cases with the finding
THRESHOLD = 1.0
FOUND_BY_CHANCE = 0.5  # share of mild patients on every maker but the busy one


@dataclass(frozen=True, slots=True)
class Truths:
    """
    blur : standard deviations of separation that are missing on BLURRED      underserved : the same in UNDERSERVED
    confounded : by how much the share of mild patients on BUSY exceeds the others'
    """

    blur: float = 0.0
    underserved: float = 0.0
    confounded: float = 0.0


@dataclass(frozen=True, slots=True)
class ShiftTable:
    """A row an image; patients have one or two."""

    patient: NDArray[np.int64]
    maker: NDArray[np.str_]
    sex: NDArray[np.str_]
    severity: NDArray[np.str_]
    positive: NDArray[np.bool_]
    score: NDArray[np.float64]


def shift_table(truths: Truths, *, seed: int, patients: int = 600) -> ShiftTable:
    """The study with these truths; the same patients, makers and noise for every size of them but for who goes to which maker."""
    random = stream(seed, "shift table")
    owner = np.repeat(np.arange(patients), random.integers(1, 3, patients))
    sex = np.where(random.random(patients) < 0.5, UNDERSERVED, "M")
    maker = np.array(MAKERS)[random.integers(0, len(MAKERS), patients)]
    share = FOUND_BY_CHANCE + np.where(maker == BUSY, truths.confounded, 0.0)
    severity = np.where(random.random(patients) < share, "mild", "severe")
    positive = random.random(patients) < 0.5
    separation = np.where(severity == "mild", SEPARATION["mild"], SEPARATION["severe"])
    separation = separation - truths.blur * (maker == BLURRED) - truths.underserved * (sex == UNDERSERVED)
    latent = (
        (positive * separation)[owner] + random.normal(0.0, 0.6, patients)[owner] + random.normal(0.0, 0.8, len(owner))
    )
    score = 1.0 / (1.0 + np.exp(-(latent - THRESHOLD)))
    return ShiftTable(owner, maker[owner], sex[owner], severity[owner], positive[owner], score)


def write_shift_tables(folder: Path, truths: Truths, *, seed: int, patients: int = 600) -> None:
    """cases.csv with the truth, and predictions.csv."""
    table = shift_table(truths, seed=seed, patients=patients)
    rows = range(len(table.score))
    cases = [
        (f"C{row:05d}", f"P{table.patient[row]:04d}", str(table.maker[row]), str(table.sex[row]), str(table.severity[row]),
         str(int(table.positive[row])))
        for row in rows
    ]  # fmt: skip
    write_csv(folder / "cases.csv", ("case_id", "patient_id", "manufacturer", "sex", "severity", "opacity"), cases)
    scores = [(f"C{row:05d}", f"{table.score[row]:.6f}") for row in rows]
    write_csv(folder / "predictions.csv", ("case_id", "score"), scores)
