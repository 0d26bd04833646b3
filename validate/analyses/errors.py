"""Which cases it gets wrong: every missed finding and false alarm counted by cause, the surest of them by pseudonym.

data: {
 "cause": attribute | null,                              that the protocol names as holding the cause (report.gallery.cause)
 "threshold",
 "sides": [{"side": "missed"|"false_alarm", "wrong", "of", "confident",
   "causes": [{"cause", "rows", "patients"}],             by that attribute; empty where none is named
   "worst": [{"case", "score", "cause", "confident", "levels": {attribute: level}}]}]}   the surest first
confident : the score lies in the outer half of its side: under half the threshold, or over half-way from it to 1; null
where scores are no probabilities. Cases without an output are not here: they stand with the missing ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.analyses.analysis import ANSWERED, Analysis, Evidence, Finding
from validate.analyses.rows import ModelRows, model_rows
from validate.analyses.wording import attribute_words, count_of, plural
from validate.estimation.threshold import Threshold, threshold_of
from validate.protocol.model import Model
from validate.protocol.targets import headline
from validate.results.levels import level_text

MOST = 12  # cases of each side that are named
SIDES = (("missed", "missed"), ("false_alarm", "flagged without the finding"))
AGREED = {"missed": "not flagged", "false_alarm": "flagged"}  # against a comparator nobody knows who is right


class Options(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def findings(evidence: Evidence, _options: Options) -> tuple[Finding, ...]:
    """One finding per model that has an operating point."""
    return tuple(found for model in evidence.protocol.models if (found := _finding(evidence, model)) is not None)


def _finding(evidence: Evidence, model: Model) -> Finding | None:
    threshold = threshold_of(model, headline(evidence.protocol).name)
    if threshold is None:
        return None
    gallery = evidence.protocol.report.gallery
    named = gallery.cause if gallery is not None else None
    rows = model_rows(evidence.units, model.id)
    causes = _causes(evidence, rows, named)
    sides = [_side(evidence, model, rows, threshold, causes, side) for side, _ in SIDES]
    return Finding(
        id=f"errors/{model.id}",
        analysis="errors",
        model=model.id,
        title="Which cases it gets wrong",
        statement=_statement(evidence, sides, named),
        data={"cause": named, "threshold": threshold.value, "sides": sides},
    )


def _causes(evidence: Evidence, rows: ModelRows, named: str | None) -> list[str | None]:
    """The cause that the protocol's attribute gives for each row."""
    if named is None:
        return [None] * len(rows)
    column = f"by.{named}"
    if column in rows.table.column_names:
        return rows.text(column)
    if named not in evidence.cases.column_names:
        return [None] * len(rows)
    values = dict(zip(evidence.cases["unit"].to_pylist(), evidence.cases[named].to_pylist(), strict=True))
    return [level_text(values.get(unit)) for unit in rows.text("unit")]


def _side(
    evidence: Evidence, model: Model, rows: ModelRows, threshold: Threshold, causes: list[str | None], side: str
) -> dict[str, Any]:
    score = np.array([np.nan if x is None else x for x in rows.table["score"].to_pylist()], np.float64)
    answered = rows.labelled & ~rows.failed & ~np.isnan(score)
    flagged = np.zeros(len(rows), np.bool_)
    flagged[answered] = threshold.flags(score[answered])
    mine = answered & (rows.positive if side == "missed" else ~rows.positive)
    wrong = mine & (~flagged if side == "missed" else flagged)
    sure = _sure(score, threshold, side) if model.output.kind == "probability" else None
    places = np.flatnonzero(wrong).tolist()
    patients, units = rows.text("patient"), rows.text("unit")
    counted = Counter(causes[place] for place in places if causes[place] is not None)
    order = sorted(places, key=lambda place: (score[place] if side == "missed" else -score[place], units[place]))
    return {
        "side": side,
        "wrong": len(places),
        "of": int(mine.sum()),
        "confident": None if sure is None else int((wrong & sure).sum()),
        "causes": [
            {"cause": cause, "rows": count, "patients": len({patients[p] for p in places if causes[p] == cause})}
            for cause, count in sorted(counted.items(), key=lambda item: (-item[1], str(item[0])))
        ],
        "worst": list(_worst(evidence, rows, score, causes, sure, order[:MOST])),
    }


def _sure(score: NDArray[np.float64], threshold: Threshold, side: str) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        if side == "missed":
            return np.asarray(score < threshold.value / 2)
        return np.asarray(score > (1 + threshold.value) / 2)


def _worst(
    evidence: Evidence, rows: ModelRows, score: NDArray[np.float64], causes: list[str | None],
    sure: NDArray[np.bool_] | None, order: list[int],
) -> Iterator[Mapping[str, Any]]:  # fmt: skip
    units = rows.text("unit")
    levels = {
        name: rows.text(f"by.{name}") for name in evidence.protocol.strata if f"by.{name}" in rows.table.column_names
    }
    for place in order:
        yield {
            "case": units[place],
            "score": float(score[place]),
            "cause": causes[place],
            "confident": None if sure is None else bool(sure[place]),
            "levels": {name: values[place] for name, values in levels.items()},
        }


def _statement(evidence: Evidence, sides: list[dict[str, Any]], named: str | None) -> str:
    unit = evidence.protocol.cohort.unit
    said = []
    against = evidence.protocol.reference.kind == "comparator"
    for (name, usual), side, kind in zip(SIDES, sides, ("positive", "negative"), strict=True):
        words = AGREED[name] if against else usual
        text = f"{side['wrong']:,} of {count_of(side['of'], f'{kind} {unit}')} with an output {plural(side['wrong'], 'is')} {words}"
        if side["confident"]:
            text += f", {side['confident']:,} of them by a score far from the threshold"
        said.append(f"{text}.")
    if named is None:
        said.append(
            "No attribute of the protocol holds the cause of an error (report.gallery.cause), so none is named."
        )
    else:
        said.append(f"Causes are those of the attribute {attribute_words(named)}.")
    return " ".join(said)


ANALYSIS = Analysis(OPTIONS=Options, findings=findings, always=True, order=62, tasks=ANSWERED)
