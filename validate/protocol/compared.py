"""What a protocol asks of outputs that need no truth: where they must not move, and where the model must not answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from validate.protocol.catalog import Catalog
from validate.protocol.passes import Pass
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol

METAMORPHIC, INPUT_GUARD, SHIFT = "metamorphic", "input_guard", "shift"
Check = Literal[
    "repeat", "batch_size", "device", "precision", "reencoding", "transfer_syntax", "tag_order", "padding", "flip"
]
CHECKS: tuple[Check, ...] = get_args(Check)
TOLERANCES: dict[str, float] = {
    "repeat": 0.0, "batch_size": 1e-4, "device": 1e-3, "precision": 0.01, "reencoding": 0.0, "transfer_syntax": 0.0, "tag_order": 0.0,
    "padding": 0.05, "flip": 0.05,
}  # fmt: skip
Kind = Literal[
    "hand", "abdomen_slice", "photograph", "lateral", "inverted", "noise", "half", "saturated",
    "scout", "reformat", "screen", "phantom", "blank",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
Positive = Annotated[float, Field(ge=0)]


class MetamorphicOptions(BaseModel):
    """
    checks : all unless given      sample : cases, the same ones for every check; 0 for all
    tolerances : of a check, how far a score may move, in its own unit, and still count as the same
    laterality : findings of the left and of the right side, which a mirrored image swaps; all others must stay
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    checks: tuple[Check, ...] = CHECKS
    sample: Annotated[int, Field(ge=0)] = 200
    tolerances: dict[Check, Positive] = {}
    laterality: dict[str, str] = {}

    def tolerance(self, check: str) -> float:
        """The protocol's, else the one that is usual."""
        own = next((value for name, value in self.tolerances.items() if name == check), None)
        return TOLERANCES[check] if own is None else own

    def counterpart(self, target: str) -> str:
        """What a finding is called in the mirror."""
        mirrored = {**self.laterality, **{right: left for left, right in self.laterality.items()}}
        return mirrored.get(target, target)


class InputGuardOptions(BaseModel):
    """
    kinds : of images that the model is not meant for; all unless given      sample : cases whose place they take; 0 for all
    confident : a probability at least so far from undecided counts as an answer with confidence (or 1 less it, of a no)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kinds: tuple[Kind, ...] = KINDS
    sample: Annotated[int, Field(ge=0)] = 50
    confident: Annotated[float, Field(gt=0.5, le=1)] = 0.9


def compared_pass(analysis: str, check: str, sample: int, **more: Any) -> Pass:
    """The pass of one check, whose outputs are held against the clean ones on the same cases. more : what is changed, as Pass has it"""
    return Pass(f"{analysis}.{check}", sample=sample, **more)


def metamorphic_of(protocol: StudyProtocol) -> MetamorphicOptions | None:
    """The options of the protocol's metamorphic checks, or None."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == METAMORPHIC), None)
    return None if found is None else MetamorphicOptions.model_validate(dict(found.options))


def input_guard_of(protocol: StudyProtocol) -> InputGuardOptions | None:
    """The options of the protocol's input guard, or None."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == INPUT_GUARD), None)
    return None if found is None else InputGuardOptions.model_validate(dict(found.options))


def compared_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Names that are not there, and criteria of an analysis that is not asked for."""
    del catalog
    try:
        options = metamorphic_of(protocol)
    except ValidationError:
        options = None  # said by the options' own check
    findings = set(protocol.reference.findings or ())
    if options is not None and options.laterality:
        place = next(index for index, analysis in enumerate(protocol.analyses) if analysis.name == METAMORPHIC)
        for name in (*options.laterality, *options.laterality.values()):
            if name not in findings:
                yield Problem(("analyses", place, "options", "laterality"), unknown("finding", name, findings))
    asked = {analysis.name for analysis in protocol.analyses}
    for index, criterion in enumerate(protocol.acceptance):
        if criterion.analysis is not None and not (criterion.analysis == SHIFT and criterion.endpoint):
            yield from _criterion(
                criterion, ("acceptance", index), asked
            )  # of an endpoint since the accepted run: protocol/shift.py


def _criterion(criterion: Criterion, at: Place, asked: set[str]) -> Iterator[Problem]:
    assert criterion.analysis is not None
    if criterion.analysis not in asked:
        yield Problem((*at, "analysis"), f"needs analyses: {criterion.analysis}")
    foreign = ("worst_of", "gap_of", "perturbation", "holds_up_to", "min_events", "assumed")
    given = [name for name in foreign if getattr(criterion, name) is not None]
    if criterion.endpoint:
        given.append("endpoint")
    for name in given:
        yield Problem((*at, name), f"does not go with analysis: {criterion.analysis}, which has a measure of its own")
    side, limit = ("at_least", "lower") if criterion.analysis == INPUT_GUARD else ("at_most", "upper")
    if getattr(criterion, side) is None or criterion.limit != limit:
        yield Problem(at, f"expected {side} and limit: {limit}, the side that {criterion.analysis} is judged by")
    elif not criterion.rationale.strip():
        yield Problem((*at, "rationale"), "is empty; say why this goal")
