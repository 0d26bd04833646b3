"""What a task measures of each case. A task is one file with a CASEWISE."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from validate.cohort.case import Case
from validate.protocol.schema import StudyProtocol

Progress = Callable[[int, int | None], None]


def ignore_progress(done: int, total: int | None) -> None:
    """For a run that nobody watches."""
    del done, total


@dataclass(frozen=True, slots=True)
class Question:
    """What there is to measure.

    base : what the protocol's paths start from      inference : folder of the models' outputs
    cases : in cohort order, with their files      workers : 0 for one per core; no number depends on it
    """

    protocol: StudyProtocol
    base: Path
    inference: Path
    cases: Sequence[Case] = field(repr=False)
    workers: int = 0


@dataclass(frozen=True, slots=True)
class CaseTables:
    """reference : what is true of each case, as results.join expects it
    measures : unit, model, pass, target, failure, detail, empty, and a float64 column for each measure
    marks, lesions : where marks are judged: casewise.marked_tables.MARKS and LESIONS
    """

    reference: pa.Table
    measures: pa.Table
    marks: pa.Table | None = None
    lesions: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Casewise:
    """The reference is read here, after every output is on disk."""

    tables: Callable[[Question, Progress], CaseTables]
