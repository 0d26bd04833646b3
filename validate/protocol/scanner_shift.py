"""What a protocol asks of acquisition: whether the model holds on every scanner, and whether scanner or case mix is to blame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from validate.protocol.allowance import Allowance, allowance_problems, allowed
from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.schema import StudyProtocol

NAME = "scanner_shift"


class ScannerShiftOptions(BaseModel):
    """
    by : acquisition attributes, such as manufacturer      endpoints : ids of endpoints that are looked at
    adjust_for : covariates of the patients, over which differences are standardised (proportions) and weighted (AUROC too)
    margin : how far a level may differ from all others and it still does not matter, in the endpoint's own unit, with its
        rationale: one number, or one for each endpoint; without one nothing decides      min_events : under which a level is not compared
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    by: str | tuple[str, ...]
    endpoints: tuple[str, ...] = Field(min_length=1)
    adjust_for: tuple[str, ...] = ()
    margin: Allowance | None = None
    rationale: str | None = None
    min_events: Annotated[int, Field(ge=1)] = 10

    @property
    def attributes(self) -> tuple[str, ...]:
        """`by` as a list."""
        return (self.by,) if isinstance(self.by, str) else self.by

    def margin_of(self, endpoint: str) -> float | None:
        """None where none was fixed for it."""
        return allowed(self.margin, endpoint)


def scanner_shift_of(protocol: StudyProtocol) -> ScannerShiftOptions | None:
    """The options of the protocol's scanner-shift analysis, or None where it asks for none."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == NAME), None)
    return None if found is None else ScannerShiftOptions.model_validate(dict(found.options))


def scanner_shift_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Names that are not there."""
    for index, analysis in enumerate(protocol.analyses):
        if analysis.name != NAME:
            continue
        place: Place = ("analyses", index, "options")
        try:
            options = ScannerShiftOptions.model_validate(dict(analysis.options))
        except ValidationError:
            return  # said by the options' own check
        endpoints = [endpoint.id for endpoint in protocol.endpoints]
        for name in options.endpoints:
            if name not in endpoints:
                yield Problem((*place, "endpoints"), unknown("endpoint", name, endpoints))
        yield from allowance_problems(protocol, catalog, (*place, "margin"), options.margin, options.endpoints)
        if options.margin is not None and not (options.rationale or "").strip():
            message = "is missing; a margin needs a reason: why does a smaller difference not matter?"
            yield Problem((*place, "rationale"), message)
        for name in options.attributes:
            if name not in protocol.strata:
                message = f"'{name}' is not among the strata; its levels must be estimated: add it to strata"
                yield Problem((*place, "by"), message)
            if name in options.adjust_for:
                yield Problem((*place, "adjust_for"), f"'{name}' can't be held constant while it is compared")
