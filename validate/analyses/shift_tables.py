"""The tables behind `analyses: shift`, kept in the run folder so that every number can be computed again from it alone.

RUN/shift/images.parquet : image statistics of this cohort      reference.parquet : the cohort that it is held against, a row a case
RUN/shift/reference.json : what the reference is, and of a run its estimates and its verdict
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from validate.analyses.shift_reference import IMAGES, PREFIX, REFERENCE, TOLD
from validate.cohort.case import Case
from validate.cohort.manifest import write_table
from validate.errors import EvidenceError
from validate.imaging.in_time import decoded_in_time
from validate.imaging.statistics import NAMES, image_statistics
from validate.imaging.volume import DecodeFailure, Volume
from validate.protocol.schema import StudyProtocol
from validate.protocol.shift import shift_of


@dataclass(frozen=True, slots=True)
class ShiftTables:
    """here : a row a case of this cohort, in its order      reference : of the other      facts : reference.json"""

    here: pa.Table
    reference: pa.Table
    facts: Mapping[str, Any]


def write_image_statistics(
    folder: Path, protocol: StudyProtocol, cases: Iterable[Case], advance: Callable[[int, int], None] | None = None
) -> None:
    """RUN/shift/images.parquet, of a protocol that asks for a shift analysis."""
    options = shift_of(protocol)
    if options is None:
        return
    known = list(cases)
    rows = []
    for place, case in enumerate(known, start=1):
        rows.append({"unit": case.unit, **(_statistics(case) if options.images else {})})
        if advance is not None:
            advance(place, len(known))
    schema = pa.schema([("unit", pa.string()), *((f"{PREFIX}{name}", pa.float64()) for name in NAMES)])
    write_table(pa.Table.from_pylist(rows, schema=schema), folder / IMAGES)


def read_shift_tables(folder: Path) -> ShiftTables | None:
    """None where the run has none. Raises EvidenceError where a table can't be read."""
    if not (folder / TOLD).is_file():
        return None
    try:
        images = pq.read_table(folder / IMAGES)
        reference = pq.read_table(folder / REFERENCE)
        facts = json.loads((folder / TOLD).read_text(encoding="utf-8"))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise EvidenceError(
            f"{(folder / TOLD).parent}: the tables of the shift analysis can't be read: {error}"
        ) from error
    return ShiftTables(images, reference, facts)


def _statistics(case: Case) -> dict[str, float | None]:
    """Of the middle image of a case; none where it can't be read."""
    volume = _volume(case)
    found = dict.fromkeys(NAMES) if volume is None else image_statistics(volume)
    return {f"{PREFIX}{name}": value for name, value in found.items()}


def _volume(case: Case) -> Volume | None:
    from validate.imaging.dicom import read_image
    from validate.imaging.nifti import read_nifti

    if not case.files:
        return None
    path = case.files[len(case.files) // 2]
    try:
        read = read_nifti if path.name.endswith((".nii", ".nii.gz")) else read_image
        return decoded_in_time(partial(read, path))
    except (DecodeFailure, OSError):
        return None
