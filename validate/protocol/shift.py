"""What a protocol asks of shift: against which cohort, in what, and how far the accepted performance may fall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from validate.protocol.allowance import Allowance, allowance_problems, allowed
from validate.protocol.catalog import Catalog
from validate.protocol.compared import SHIFT
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol

NAME = SHIFT
OF_A_REFERENCE = (
    "sha256", "embedding_components", "metadata", "order_by", "alpha", "permutations", "endpoints", "tolerance", "allowance", "decision",
)  # fmt: skip


class ShiftOptions(BaseModel):
    """
    reference : none, and nothing is compared, but the image statistics of this cohort are kept, so that later ones can be held against it;
        or a finished run folder, such as the accepted one, or a CSV or Parquet table of the development cohort, one row a case:
        columns called as the attributes here, "patient", "score" (of several outputs "score:" and the class, grade, finding or
        structure), as the image statistics, or, of an embedding, as the protocol calls its columns or embedding.0, embedding.1, …;
        paths are relative to the protocol
    sha256 : of the reference's manifest (a run) or file (a table); another one is refused
    embedding_components : of a model that declares an embedding, along which of its leading axes the cohorts are compared
    metadata : attributes that are compared; all that both have unless given      images : whether image statistics are
    order_by : an attribute whose order is that of time, such as a month, for the chart over time
    alpha : under which an adjusted p value counts as a shift      permutations : behind each p value
    endpoints, tolerance, rationale : how far an accepted endpoint may fall, in its own unit, and the acceptance still stands: one
        number, or one for each
    allowance, decision : of the CUSUM chart, in standard deviations
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    reference: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    metadata: tuple[str, ...] = ()
    images: bool = True
    embedding_components: Annotated[int, Field(ge=1, le=50)] = 8
    order_by: str | None = None
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    permutations: Annotated[int, Field(ge=99, le=9999)] = 999
    endpoints: tuple[str, ...] = ()
    tolerance: Allowance | None = None
    rationale: str | None = None
    allowance: Annotated[float, Field(gt=0)] = 0.5
    decision: Annotated[float, Field(gt=0)] = 5.0

    def tolerance_of(self, endpoint: str) -> float | None:
        """None where none was fixed for it."""
        return allowed(self.tolerance, endpoint)


def shift_of(protocol: StudyProtocol) -> ShiftOptions | None:
    """The options of the protocol's shift analysis, or None where it asks for none."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == NAME), None)
    return None if found is None else ShiftOptions.model_validate(dict(found.options))


def shift_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Endpoints that are not there, and a tolerance without a reason."""
    try:
        options = shift_of(protocol)
    except ValidationError:
        return  # said by the options' own check
    for index, criterion in enumerate(protocol.acceptance):
        if criterion.analysis == NAME and criterion.endpoint:
            yield from _criterion(options, criterion, ("acceptance", index))
    if options is None:
        return
    place = next(index for index, analysis in enumerate(protocol.analyses) if analysis.name == NAME)
    at: Place = ("analyses", place, "options")
    yield from _alone(protocol, options, at)
    endpoints = [endpoint.id for endpoint in protocol.endpoints]
    for name in options.endpoints:
        if name not in endpoints:
            yield Problem((*at, "endpoints"), unknown("endpoint", name, endpoints))
    yield from allowance_problems(protocol, catalog, (*at, "tolerance"), options.tolerance, options.endpoints)
    if any(options.tolerance_of(name) is None for name in options.endpoints):
        yield Problem(
            (*at, "tolerance"), "is missing; how far may an accepted endpoint fall and the acceptance still stand?"
        )
    if options.tolerance is not None and not (options.rationale or "").strip():
        yield Problem((*at, "rationale"), "is missing; a tolerance needs a reason: why does a smaller fall not matter?")


def _alone(protocol: StudyProtocol, options: ShiftOptions, at: Place) -> Iterator[Problem]:
    """Without a reference nothing is compared, so nothing can be said of how."""
    if options.reference is not None:
        return
    for name in OF_A_REFERENCE:
        if name in options.model_fields_set:
            yield Problem((*at, name), "needs a reference: a finished run folder, or a table of the development cohort")
    for index, criterion in enumerate(protocol.acceptance):
        if criterion.analysis == NAME and not criterion.endpoint:
            yield Problem(("acceptance", index, "analysis"), "needs analyses: shift with a reference")
    if not options.images:
        yield Problem((*at, "images"), "got false without a reference, so nothing would be kept and nothing compared")


def _criterion(options: ShiftOptions | None, criterion: Criterion, at: Place) -> Iterator[Problem]:
    """Of an endpoint, whose acceptance must still stand."""
    foreign = (
        "limit",
        "at_least",
        "at_most",
        "worst_of",
        "gap_of",
        "perturbation",
        "holds_up_to",
        "min_events",
        "assumed",
    )
    for name in foreign:
        if getattr(criterion, name) is not None:
            yield Problem(
                (*at, name),
                "does not go with analysis: shift and an endpoint, whose tolerance stands in analyses: shift",
            )
    if options is None or options.reference is None:
        yield Problem((*at, "analysis"), "needs analyses: shift with a reference, this endpoint and a tolerance")
    elif criterion.endpoint not in options.endpoints:
        yield Problem((*at, "endpoint"), f"'{criterion.endpoint}' is not among the endpoints of analyses: shift")
    if not criterion.rationale.strip():
        yield Problem((*at, "rationale"), "is empty; say why the acceptance must still stand")
