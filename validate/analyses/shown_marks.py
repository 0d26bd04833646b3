"""What the pictures of a study of marks are of: the worst cases of each model, with their lesions and their marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from validate.analyses.analysis import Finding
from validate.casewise.mark_pictures import Shape, WantedMarks
from validate.cohort.case import Case
from validate.estimation.threshold import Threshold, threshold_of
from validate.protocol.passes import CLEAN
from validate.protocol.schema import StudyProtocol
from validate.results.marked import read_marked

MOST_PICTURES = 6  # of each model and kind of lesion


def wanted_marks(
    folder: Path, protocol: StudyProtocol, cases: Iterable[Case], findings: Iterable[Finding]
) -> list[WantedMarks]:
    """What is drawn of the worst cases of each model and kind of lesion: lesions, and marks that reach the operating point."""
    known = {case.unit: case for case in cases}
    marks, lesions = (
        table.select(["unit", "model", "pass", "target", "score", "shape", "geometry", which]).to_pylist()
        for table, which in zip(read_marked(folder), ("verdict", "ignore"), strict=True)
    )
    found = []
    for finding in findings:
        if finding.analysis != "marks":
            continue
        model = next(one for one in protocol.models if one.id == finding.model)
        for target in finding.data["targets"]:
            point = threshold_of(model, target["name"])
            for one in target["worst"][:MOST_PICTURES]:
                key = (one["case"], model.id, CLEAN.id, target["name"])
                sides = [
                    [row for row in rows if (row["unit"], row["model"], row["pass"], row["target"]) == key]
                    for rows in (lesions, marks)
                ]
                there = [
                    Shape(row["shape"], row["geometry"], _reaches(point, row["score"]))
                    for row in sides[0]
                    if not row["ignore"]
                ]
                made = [
                    Shape(row["shape"], row["geometry"], row["verdict"] != "false")
                    for row in sides[1]
                    if _reaches(point, row["score"])
                ]
                found.append(WantedMarks(model.id, target["name"], known[one["case"]], there, made))
    return found


def _reaches(point: Threshold | None, score: float | None) -> bool:
    return score is not None and (point is None or bool(point.flags(np.array([score]))[0]))
