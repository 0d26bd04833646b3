"""Reference lesions and a model's marks → which mark hits which lesion, in every case, kind, model and pass; cases go to threads.

The reference is read here for the first time, after every output is on disk. A reference that can't be read stops the run; marks
that can't be judged make a failed case with its reason.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from validate.casewise.casewise import CaseTables, Casewise, Progress, Question
from validate.casewise.coco_columns import with_coco
from validate.casewise.judge import Judged, judged
from validate.casewise.lesion_source import CaseTruth, LesionSource, Truth, lesion_source
from validate.casewise.mark_source import Marked, MarkSource
from validate.casewise.marked_tables import MARKS, lesion_schema
from validate.casewise.place import Places
from validate.cohort.case import Case
from validate.cohort.lesions import order_of_images
from validate.errors import DataError
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import targets_of

REFERENCE = pa.schema(
    [
        pa.field("target", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # present, missing
        pa.field("label", pa.float64()),  # 1 where there is a lesion of this kind to be found, 0 where there is none
    ]
)
COUNTS = ("lesions", "marks", "hits", "false_marks", "highest", "highest_false")
MEASURED = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("unit", "model", "pass", "target")),
        *(pa.field(name, pa.string()) for name in ("failure", "detail", "empty")),
        *(pa.field(name, pa.float64()) for name in COUNTS),
    ]
)


@dataclass(slots=True)
class _Rows:
    """Of one case, or of all."""

    reference: list[dict[str, Any]] = field(default_factory=list)
    measures: list[dict[str, Any]] = field(default_factory=list)
    marks: list[dict[str, Any]] = field(default_factory=list)
    lesions: list[dict[str, Any]] = field(default_factory=list)


def tables(question: Question, progress: Progress) -> CaseTables:
    """Raises DataError where the reference is unusable, EvidenceError where a stored output is."""
    protocol = question.protocol
    source, marks = lesion_source(protocol, question.base, question.cases), MarkSource(protocol, question.inference)
    count = question.workers or len(os.sched_getaffinity(0))
    together = _Rows()
    with ThreadPoolExecutor(max(1, count)) as pool:
        work = pool.map(lambda case: _Case(protocol, case, source, marks).rows(), question.cases)
        for done, found in enumerate(work, 1):
            for name in ("reference", "measures", "marks", "lesions"):
                getattr(together, name).extend(getattr(found, name))
            progress(done, len(question.cases))
    by_target: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in together.reference:
        by_target[row["target"]].append(row)
    assert protocol.detection is not None
    order = order_of_images(protocol.reference, base=question.base, cases=question.cases)
    with_coco(protocol, together.marks, together.lesions, order)
    return CaseTables(
        reference=pa.Table.from_pylist(
            [row for t in targets_of(protocol) for row in by_target[t.name]], schema=REFERENCE
        ),
        measures=pa.Table.from_pylist(together.measures, schema=MEASURED),
        marks=pa.Table.from_pylist(together.marks, schema=MARKS),
        lesions=pa.Table.from_pylist(together.lesions, schema=lesion_schema(protocol.detection.by_lesion)),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One case: its lesions against every model's marks."""

    protocol: StudyProtocol
    case: Case
    source: LesionSource
    marks: MarkSource

    def rows(self) -> _Rows:
        places = Places(self.case, self.protocol.cohort.geometry, extent=_extent(self.protocol, self.case))
        truth = self.source.truth(self.case, places)
        found = _Rows()
        for target in targets_of(self.protocol):
            there = None if truth is None else truth.of(target.name)
            label = None if there is None else float((~there.ignore).any())
            status = "missing" if label is None else "present"
            found.reference.append({"target": target.name, "unit": self.case.unit, "status": status, "label": label})
        for output in self.marks.outputs(self.case, places):
            for target in targets_of(self.protocol):
                self.add(
                    found, _comparable(output, truth), target.name, None if truth is None else truth.of(target.name)
                )
        return found

    def add(self, found: _Rows, output: Marked, target: str, truth: Truth | None) -> None:
        block = self.protocol.detection
        assert block is not None
        known = {"unit": self.case.unit, "model": output.model, "pass": output.pass_id, "target": target}
        marks = output.of(target)
        decided = judged(block, marks, truth)
        found.measures.append({**known, **_failure(output), **_counts(decided, truth)})
        found.marks.extend({**known, **row} for row in decided.mark_rows(marks))
        if truth is not None:
            found.lesions.extend({**known, **row} for row in decided.lesion_rows(truth))


def _comparable(output: Marked, truth: CaseTruth | None) -> Marked:
    """The output, failed where its marks have another number of coordinates than the lesions."""
    if output.kinds is None or truth is None:
        return output
    for name, marks in output.kinds.items():
        lesions = truth.of(name).objects
        if len(marks.scores) and len(lesions) and marks.objects.centres.shape[1] != lesions.centres.shape[1]:
            told = f"{marks.objects.centres.shape[1]} coordinates, and the lesions {lesions.centres.shape[1]}"
            return replace(output, kinds=None, failure="marks:axes", detail=f"The marks have {told}.")
    return output


def _failure(output: Marked) -> dict[str, str | None]:
    return {"failure": output.failure, "detail": output.detail}


def _counts(decided: Judged, truth: Truth | None) -> dict[str, float | None]:
    """None where a case has no marks at all, or no reference to judge them by."""
    if truth is None or decided.scores is None:
        return {"lesions": None if truth is None else float((~truth.ignore).sum())}
    scores, false = decided.scores, decided.verdicts == "false"
    counted = np.isin(decided.verdicts, ("hit", "repeated", "false"))
    return {
        "lesions": float((~truth.ignore).sum()),
        "marks": float(counted.sum()),
        "hits": float((decided.verdicts == "hit").sum()),
        "false_marks": float(false.sum()),
        "highest": float(scores[counted].max()) if counted.any() else None,
        "highest_false": float(scores[false].max()) if false.any() else None,
    }


def _extent(protocol: StudyProtocol, case: Case) -> tuple[float, ...] | None:
    names: Sequence[str] | None = protocol.detection.extent if protocol.detection is not None else None
    if names is None:
        return None
    values: Mapping[str, Any] = case.attributes
    found = [values.get(name) for name in names]
    if not all(isinstance(value, int | float) and value > 0 for value in found):
        raise DataError(
            f"detection.extent: case {case.unit} does not say how large its image is in {', '.join(names)}."
        )
    return tuple(float(value) for value in found if isinstance(value, int | float))


CASEWISE = Casewise(tables=tables)
