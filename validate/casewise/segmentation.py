"""Reference and predicted masks → the measures of each case, structure, model and pass; cases go to threads.

The reference is read here for the first time, after every output is on disk. A reference that can't be read, or holds a value
that the protocol does not name, stops the run; a prediction that can't be compared is a failed case with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from validate.casewise.casewise import CaseTables, Casewise, Progress, Question
from validate.casewise.ejection import with_ejection_fractions
from validate.casewise.mask_pair import Compared, compared
from validate.casewise.measure import COLUMNS
from validate.cohort.case import Case
from validate.cohort.mask_reference import MaskFinder, mask_finder
from validate.cohort.reference_mask import reference_mask
from validate.errors import DataError, EvidenceError
from validate.imaging.mask import Grid, LabelMap
from validate.imaging.nifti import read_mask
from validate.imaging.volume import DecodeFailure
from validate.inference.store import mask_file, read_inference
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import structures

REFERENCE = pa.schema(
    [
        pa.field("target", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # present, missing
        pa.field("label", pa.float64()),  # 1 where the reference holds the structure, 0 where it does not
    ]
)
MEASURED = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("unit", "model", "pass", "target")),
        pa.field("failure", pa.string()),  # code of a prediction that can't be compared
        pa.field("detail", pa.string()),
        pa.field(
            "empty", pa.string()
        ),  # neither, reference, prediction, both; null without a reference or a prediction
        *(pa.field(name, pa.float64()) for name in COLUMNS),
    ]
)


@dataclass(frozen=True, slots=True)
class _Output:
    """One row of the inference, of all structures together."""

    model: str
    pass_id: str
    failed: bool


def tables(question: Question, progress: Progress) -> CaseTables:
    """Raises DataError where a reference mask is unusable, EvidenceError where a stored mask is."""
    outputs: dict[str, list[_Output]] = {case.unit: [] for case in question.cases}
    first = next(iter(structures(question.protocol.reference)))
    rows = read_inference(question.inference).select(["unit", "model", "pass", "target", "status"])
    for row in rows.to_pylist():
        if row["target"] == first:
            outputs[row["unit"]].append(_Output(row["model"], row["pass"], row["status"] == "failed"))
    count = question.workers or len(os.sched_getaffinity(0))
    find = mask_finder(question.protocol.reference, question.base)
    with ThreadPoolExecutor(max(1, count)) as pool:
        found = []
        for done, one in enumerate(
            pool.map(lambda case: _Measured(question, case, outputs[case.unit], find).rows(), question.cases), 1
        ):
            found.append(one)
            progress(done, len(question.cases))
    reference = [labels for labels, _ in found]
    measures = [row for _, of_case in found for row in of_case]
    with_ejection_fractions(question.protocol, question.cases, measures)
    targets = list(structures(question.protocol.reference))
    ordered = [labels[target] for target in targets for labels in reference]
    return CaseTables(
        reference=pa.Table.from_pylist(ordered, schema=REFERENCE),
        measures=pa.Table.from_pylist(measures, schema=MEASURED),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """One case: its reference against every output."""

    question: Question
    case: Case
    outputs: Sequence[_Output]
    find: MaskFinder

    def rows(self) -> tuple[dict[str, dict[str, object]], list[dict[str, object]]]:
        """(reference row by structure, rows of measures)."""
        reference = self._reference()
        values = structures(self.question.protocol.reference)
        labels = {name: self._label(reference, name, value) for name, value in values.items()}
        rows = []
        for output in self.outputs:
            pair = self._pair(reference, output)
            for name in values:
                known = {"unit": self.case.unit, "model": output.model, "pass": output.pass_id, "target": name}
                rows.append({**known, **pair(name)})
        return labels, rows

    def _label(self, reference: LabelMap | None, name: str, value: int) -> dict[str, object]:
        known: dict[str, object] = {"target": name, "unit": self.case.unit}
        if reference is None:
            return {**known, "status": "missing", "label": None}
        return {**known, "status": "present", "label": float(bool((reference.labels == value).any()))}

    def _reference(self) -> LabelMap | None:
        block = self.question.protocol.reference
        geometry = self.question.protocol.cohort.geometry
        mask = reference_mask(block, self.question.base, self.case, geometry, find=self.find)
        if mask is None:
            return None
        if (strange := foreign_value(mask, structures(block).values())) is not None:
            raise DataError(
                f"reference mask of case {self.case.unit}: holds the value {strange}, which reference.classes does not name. "
                "Name every structure, or take it out of the mask."
            )
        return mask

    def _pair(self, reference: LabelMap | None, output: _Output) -> Callable[[str], dict[str, object]]:
        """What is said of each structure of this output."""
        if reference is None:
            return lambda _name: {}
        protocol = self.question.protocol
        values = structures(protocol.reference)
        lesions = protocol.segmentation.lesions if protocol.segmentation is not None else None
        nothing = {name: Compared(reference, values[name], lesions).without_prediction() for name in values}
        if output.failed:
            return lambda name: nothing[name]
        prediction, failure = self._prediction(protocol, reference, output)
        if prediction is None:
            reason, detail = failure
            return lambda name: {**nothing[name], "failure": reason, "detail": detail}
        return lambda name: compared(protocol, name, reference, prediction)

    def _prediction(
        self, protocol: StudyProtocol, reference: LabelMap, output: _Output
    ) -> tuple[LabelMap | None, tuple[str, str]]:
        path = mask_file(self.question.inference, output.model, output.pass_id, self.case.unit)
        try:
            mask = read_mask(path)
        except (DecodeFailure, OSError) as error:
            raise EvidenceError(f"{path}: is not the mask that was stored there. Run again in a new folder.") from error
        if (strange := foreign_value(mask, structures(protocol.reference).values())) is not None:
            return None, (
                "mask:unknown_class",
                f"The mask holds the value {strange}, which the protocol does not name.",
            )
        if mask.grid.is_same(reference.grid):
            return mask, ("", "")
        if protocol.segmentation is not None and protocol.segmentation.grid == "nearest":
            return mask.on(reference.grid), ("", "")
        return None, ("mask:grid", f"{difference(mask.grid, reference.grid)} segmentation.grid is refuse.")


def foreign_value(mask: LabelMap, known: Iterable[int]) -> int | None:
    """The smallest value besides 0 that is none of the known ones."""
    allowed = {0, *known}
    return next((int(value) for value in np.unique(mask.labels) if int(value) not in allowed), None)


def difference(mask: Grid, other: Grid, what: str = "reference") -> str:
    """In words, without a number that could identify a scan."""
    if mask.shape != other.shape:
        shapes = [" × ".join(map(str, one.shape)) for one in (mask, other)]
        return f"The mask has {shapes[0]} voxels (z, y, x), the {what} {shapes[1]}."
    return f"The mask lies elsewhere in space than its {what}, or is turned or scaled."


CASEWISE = Casewise(tables=tables)
