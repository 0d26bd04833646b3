"""An analysis: estimates (and the rows behind a curve) → one finding. One analysis is one file with an ANALYSIS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from validate.cohort.case import FlowStep
from validate.estimation.estimate import Estimate
from validate.estimation.marked import Tables
from validate.protocol.passes import Pass
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import FITTING, MEASURED

ANSWERED = frozenset(FITTING) - MEASURED  # tasks with a yes-or-no question
EVERY_TASK = frozenset(FITTING)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an analysis may read: everything here is in the sealed run folder, so `verify` can repeat it.

    units : results/units.parquet, to most analyses only the rows on the headline of several targets
    every : the same on all targets      cases : cohort/cases.parquet      cohort_digest : keys the resampling stream
    flow : cohort/flow.json, the participant flow up to inference      identified : cohort/identified.parquet
    marked : of a study of marks, results/marks and lesions.parquet
    """

    protocol: StudyProtocol
    estimates: tuple[Estimate, ...]
    units: pa.Table
    cases: pa.Table
    cohort_digest: str
    flow: tuple[FlowStep, ...] = ()
    every: pa.Table | None = None
    shift: Any = None
    marked: Tables | None = None
    identified: pa.Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answered question.

    statement : the answer in one or two plain sentences, numbers included as printed text
    data : figure and table data; plain JSON, no NaN
    estimates : ids of the estimates it rests on
    status : "ok", or "not_available" with the reason in `statement`
    """

    id: str
    analysis: str
    model: str | None
    title: str
    statement: str
    data: Mapping[str, Any] = field(default_factory=dict)
    estimates: tuple[str, ...] = ()
    status: str = "ok"
    prespecified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """
    always : computed in every run, asked for or not
    passes : the extra passes it needs, said before the lock
    tasks : studies that it says something of; in others it does not run, and must not be asked for
    findings : usually one per model
    """

    OPTIONS: type[BaseModel]
    findings: Callable[[Evidence, Any], tuple[Finding, ...]]
    passes: Callable[[Any], tuple[Pass, ...]] = lambda _options: ()
    always: bool = False
    order: int = 100
    tasks: frozenset[str] = ANSWERED
