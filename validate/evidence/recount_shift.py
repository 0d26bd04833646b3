"""How well this cohort can be told from the accepted one, once more: the features, a regression on four of five folds, and the area.

The fold of each patient is a draw from the seed that the study states, and is drawn the same way; the rest is done anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from validate.cohort.manifest import KEYS
from validate.evidence.recount_moved import CLEAN, options_of
from validate.evidence.recount_table import Table
from validate.evidence.recount_yes_no import Found, Row, auroc

IMAGES, REFERENCE = "shift/images.parquet", "shift/reference.parquet"
CASES, UNITS = "cohort/cases.parquet", "results/units.parquet"
KIND, IMAGE, SCORE = "shift", "image.", "score."
SEED, FOLDS, RIDGE = 20261122, 5, 1e-2
FEWEST, MOST_LEVELS, EDGE, FARTHEST = 5, 40, 1e-6, 35.0
INNER, AXES, MOST_ROWS = "embedding", 8, 4000
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cohorts:
    """features : (n, d) standardised      second : of this cohort, not of the accepted one      fold : (n,) 0 to 4"""

    features: Floats
    second: NDArray[np.bool_]
    fold: NDArray[np.int64]


def asked(one: Mapping[str, Any]) -> bool:
    """Whether an estimate is such an area."""
    return bool((one["contrast"] or {}).get("kind") == KIND)


def told_apart(table: Table, model: str) -> Found:
    both = cohorts_of(table, model)
    said = np.zeros(both.second.size)
    for fold in range(FOLDS):
        held = both.fold == fold
        if held.any():
            said[held] = _said(both.features[held], _fitted(both.features[~held], both.second[~held]))
    return auroc([Row(truth, score) for truth, score in zip(both.second.tolist(), said.tolist(), strict=True)])


def _fitted(features: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Logistic regression in which both cohorts weigh alike, by Newton's method."""
    design = np.column_stack((np.ones(len(features)), features))
    half = len(features) / 2
    weight = np.where(truth, half / max(truth.sum(), 1), half / max((~truth).sum(), 1))
    penalty = np.diag([0.0, *[RIDGE * len(features)] * features.shape[1]])
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        chance = _chance(design @ beta)
        slope = design.T @ (weight * (truth - chance)) - penalty @ beta
        step = np.linalg.lstsq((design.T * (weight * chance * (1 - chance))) @ design + penalty, slope, rcond=None)[0]
        beta = beta + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-11:
            break
    return beta


def _chance(linear: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(linear, -FARTHEST, FARTHEST))))


def _said(features: Floats, beta: Floats) -> Floats:
    chance = _chance(beta[0] + features @ beta[1:])
    return np.asarray(np.log(chance / (1 - chance)))


def cohorts_of(table: Table, model: str) -> Cohorts:
    """The accepted cohort, then this one."""
    both: Cohorts = table.once(("told apart", model), lambda: _both(table, model))
    return both


def _both(table: Table, model: str) -> Cohorts:
    before = pq.read_table(table.folder / REFERENCE).to_pylist()
    now = pq.read_table(table.folder / CASES).to_pylist()
    images = {row["unit"]: row for row in pq.read_table(table.folder / IMAGES).to_pylist()}
    scores: dict[str, float | None] = {}
    for row in table.rows:
        if row["model"] == model and row["pass"] == CLEAN:
            scores.setdefault(row["unit"], row["score"])
    own = SCORE + model
    here = [
        {
            **{k: v for k, v in row.items() if k not in KEYS},
            **_of_image(images.get(row["unit"], {}), images),
            own: scores.get(row["unit"]),
        }
        for row in now
    ]
    there = [{**row, own: row.get(own, row.get("score"))} if own in row or "score" in row else row for row in before]
    second = np.repeat([False, True], [len(before), len(now)])
    patients = [str(row.get("patient", f"row {place}")) for place, row in enumerate(before)]
    patients += [str(row["patient"]) for row in now]
    options = options_of(table.protocol, KIND)
    block = next(one for one in table.protocol["models"] if one["id"] == model)["output"].get(INNER)
    inner = [] if block is None else _inner(table, model, block, before, [row["unit"] for row in now])
    names = [name for name in (here[0] if here else {}) if block is None or name not in (block.get("columns") or ())]
    common = [name for name in names if there and name in there[0] and _wanted(options, name, own)]
    columns = {name: [row[name] for row in (*there, *here)] for name in common}
    columns |= _axes(inner, int(options.get("embedding_components", AXES)))
    return Cohorts(_standardised(columns, second, own), second, _folds(second, patients))


def _inner(
    table: Table, model: str, block: Mapping[str, Any], before: Sequence[Mapping[str, Any]], units: Sequence[str]
) -> list[Any]:
    """The embedding of each case, the accepted cohort first; [] where that has none."""
    names = block.get("columns") or ()
    numbered = [f"{INNER}.{place}" for place in range(len(names) or int(block.get("size") or 0))]
    of_run = f"{INNER}.{model}"
    there = before[0].keys() if before else ()
    chosen = next(
        (some for some in ((of_run,), tuple(names), tuple(numbered)) if some and set(some) <= set(there)), None
    )
    stored = pq.read_table(table.folder / UNITS)
    if chosen is None or INNER not in stored.column_names:
        return []
    known = {
        row["unit"]: row[INNER]
        for row in stored.select(["unit", "model", "pass", INNER]).to_pylist()
        if row["model"] == model and row["pass"] == CLEAN and row[INNER] is not None
    }
    was = [row[of_run] if chosen == (of_run,) else [row[name] for name in chosen] for row in before]
    was = [None if one is None or None in one else one for one in was]
    return [*was, *(known.get(unit) for unit in units)]


def _axes(inner: Sequence[Any], wanted: int) -> dict[str, list[float | None]]:
    """Along the directions in which both cohorts together spread most: eigenvectors of their covariance."""
    there = [place for place, one in enumerate(inner) if one is not None]
    if not there or len({len(inner[place]) for place in there}) != 1:
        return {}
    values = np.array([inner[place] for place in there], np.float64)
    order = np.random.Generator(np.random.Philox(key=SEED)).permutation(len(there))[:MOST_ROWS]
    chosen = values[np.sort(order)]
    middle = chosen.mean(axis=0)
    spread, directions = np.linalg.eigh((chosen - middle).T @ (chosen - middle))
    found: dict[str, list[float | None]] = {}
    for number in range(min(wanted, *chosen.shape)):
        if spread[-1 - number] <= 1e-12 * spread[-1]:
            break
        column: list[float | None] = [None] * len(inner)
        for place, value in zip(there, ((values - middle) @ directions[:, -1 - number]).tolist(), strict=True):
            column[place] = value
        found[f"{INNER} along direction {number}"] = column
    return found


def _of_image(row: Mapping[str, Any], images: Mapping[str, Any]) -> dict[str, Any]:
    names: Mapping[str, Any] = next(iter(images.values()), {})
    return {name: row.get(name) for name in names if name != "unit"}


def _wanted(options: Mapping[str, Any], name: str, own: str) -> bool:
    if name.startswith(IMAGE):
        return bool(options.get("images", True))
    if name.startswith(SCORE):
        return name == own
    return not options.get("metadata") or name in options["metadata"]


def _standardised(columns: Mapping[str, Sequence[Any]], second: NDArray[np.bool_], own: str) -> Floats:
    """Numbers by the accepted cohort's mean; what is missing is at the mean, and a column says so; words as 0 and 1."""
    numbers, words = list[Floats](), list[Floats]()
    for name, values in columns.items():
        if all(value is None or isinstance(value, int | float) for value in values):
            column = np.array([np.nan if value is None else value for value in values], np.float64)
            known = ~np.isnan(column)
            if min(known[second].sum(), known[~second].sum()) < FEWEST:
                continue
            if name == own and column[known].min() >= 0 and column[known].max() <= 1:
                column = np.log(np.clip(column, EDGE, 1 - EDGE)) - np.log1p(-np.clip(column, EDGE, 1 - EDGE))
            middle, spread = column[known & ~second].mean(), column[known].std()
            if spread > 0:
                numbers.append(np.where(known, (column - middle) / spread, 0.0))
            if not known.all():
                numbers.append((~known).astype(np.float64))
        elif _grouped(values, second):
            levels = [None if value is None else str(value) for value in values]
            for level in dict.fromkeys(levels):
                hot = np.array([value == level for value in levels], np.float64)
                if 0 < hot.sum() < hot.size:
                    words.append((hot - hot.mean()) / hot.std())
    parts = [*numbers, *words]
    return np.column_stack(parts) if parts else np.zeros((second.size, 0))


def _grouped(values: Sequence[Any], second: NDArray[np.bool_]) -> bool:
    """Whether words are groups: few of them, and known of enough rows of both cohorts."""
    there = np.array([value is not None for value in values])
    enough = min(there[second].sum(), there[~second].sum()) >= FEWEST
    return bool(enough) and any(isinstance(value, str) for value in values) and len(set(values)) <= MOST_LEVELS


def _folds(second: NDArray[np.bool_], patients: Sequence[str]) -> NDArray[np.int64]:
    """By patient, dealt apart in each cohort; one who is in both has one fold."""
    code = np.unique(np.array(patients), return_inverse=True)[1]
    fold = np.zeros(second.size, np.int64)
    for side in (False, True):
        own = np.unique(code[second == side])
        deal = np.random.Generator(np.random.Philox(key=SEED + side)).permutation(own.size) % FOLDS
        dealt = dict(zip(own.tolist(), deal.tolist(), strict=True))
        fold[second == side] = [dealt[one] for one in code[second == side].tolist()]
    for one in set(code[second].tolist()) & set(code[~second].tolist()):
        fold[code == one] = one % FOLDS
    return fold
