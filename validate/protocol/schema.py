"""The protocol as data: what contracts.md promises, one frozen pydantic model per block.

Format- and plug-in-specific keys (of models, analyses) are kept in `options` here and checked against the
plug-in's own OPTIONS by `protocol.lint` with a catalog that is handed in from above.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from validate.protocol.block import Block
from validate.protocol.cohort import Cohort
from validate.protocol.detection import Detection
from validate.protocol.model import Inference, Model
from validate.protocol.question import Analysis, Comparison, Criterion, Endpoint, Multiplicity, Resampling
from validate.protocol.reference import Reference
from validate.protocol.segmentation import Segmentation
from validate.protocol.words import Claim, Report, Statements


class StudyProtocol(Block):
    schema_version: Literal["1"]
    id: str
    version: str
    title: str
    profile: Literal["acceptance", "submission", "comparison"]
    intended_use: str
    task: Literal["classification", "multiclass", "multilabel", "ordinal", "segmentation", "detection"]
    seed: Annotated[int, Field(ge=0)]
    data_are_synthetic: bool = False
    cohort: Cohort
    reference: Reference
    segmentation: Segmentation | None = None
    detection: Detection | None = None
    models: tuple[Model, ...] = Field(min_length=1)
    inference: Inference = Inference()
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)
    strata: tuple[str, ...] = ()
    analyses: tuple[Analysis, ...] = ()
    acceptance: tuple[Criterion, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    multiplicity: Multiplicity | None = None
    resampling: Resampling = Resampling()
    claims: tuple[Claim, ...] = ()
    statements: Statements = Statements()
    report: Report = Report()
