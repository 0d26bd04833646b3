"""A study without images: cases and the scores that somebody else's model gave them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.phantoms.population import SITES
from validate.phantoms.stream import stream
from validate.phantoms.vendors import MAKES

PATIENTS = 220
EXTRA_CASES = 80
EMPTY_SCORES = 2
LOST = 5
_CASES = ("case_id", "patient_id", "sex", "age", "manufacturer", "site", "opacity")


def write_tables(folder: Path, *, seed: int) -> None:
    """cases.csv, predictions.csv and follow_up.csv: 300 cases of 220 patients, two of them without a score.

    Patients' scores share a random effect, so that rows of one patient are not independent.
    """
    random = stream(seed, "tables")
    owner = np.concatenate([np.arange(PATIENTS), random.choice(PATIENTS, EXTRA_CASES, replace=True)])
    owner.sort()
    sex = random.choice(("F", "M", ""), PATIENTS, p=(0.48, 0.48, 0.04))
    age = np.clip(np.rint(random.normal(60.0, 17.0, PATIENTS)), 18, 95).astype(int)
    site = random.choice(len(SITES), PATIENTS, p=(0.40, 0.25, 0.35))
    opacity = random.permutation(np.arange(PATIENTS) % 2)
    own = random.normal(0.0, 0.7, PATIENTS)
    make = random.choice(len(MAKES), len(owner))
    logit = np.where(opacity[owner] == 1, 1.7, -1.7) + own[owner] + random.normal(0.0, 1.1, len(owner))
    score = 1.0 / (1.0 + np.exp(-logit))
    empty = set(random.choice(len(owner), EMPTY_SCORES, replace=False).tolist())
    cases = [
        (f"C{row:04d}", f"P{who:03d}", str(sex[who]), str(age[who]), MAKES[make[row]], SITES[site[who]],
         str(opacity[who]))
        for row, who in enumerate(owner.tolist())
    ]  # fmt: skip
    scores = [(f"C{row:04d}", "" if row in empty else f"{score[row]:.6f}") for row in range(len(owner))]
    write_csv(folder / "cases.csv", _CASES, cases)
    write_csv(folder / "predictions.csv", ("case_id", "score"), scores)
    _write_follow_up(folder, opacity, own, seed=seed)


def _write_follow_up(folder: Path, opacity: NDArray[np.int64], own: NDArray[np.float64], *, seed: int) -> None:
    """follow_up.csv: days until a readmission, or until last heard of; sooner with an opacity, and not known of five patients."""
    random = stream(seed, "follow_up")
    until = random.exponential(700.0 * np.exp(-1.0 * opacity - 0.3 * own))
    known = random.uniform(90.0, 720.0, PATIENTS)
    days = np.maximum(np.ceil(np.minimum(until, known)), 1.0).astype(int)
    lost = set(random.choice(PATIENTS, LOST, replace=False).tolist())
    rows = [
        (f"P{who:03d}", str(days[who]), "yes" if until[who] <= known[who] else "no")
        for who in range(PATIENTS)
        if who not in lost
    ]
    write_csv(folder / "follow_up.csv", ("patient_id", "days", "readmitted"), rows)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table with a header line, the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
