"""What a protocol asks of groups of patients: which gaps are looked at, against whom, and how large a gap still does not matter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from validate.protocol.allowance import Allowance, allowed
from validate.protocol.schema import StudyProtocol

NAME = "fairness"
LARGEST = "largest"


class FairnessOptions(BaseModel):
    """
    attributes : sensitive ones, whose groups are compared      endpoints : ids of endpoints whose gaps are looked at
    reference : "largest" (most patients), or the group of each attribute that the others are held against
    margin : how large a difference still does not matter, in the endpoint's own unit, with its rationale: one number, or one
        for each endpoint; without one nothing is called equal, and nothing decides
    min_events : under which a group is not compared
    intersections : attributes crossed with each other, shown only
    adjust_for : covariates such as the scanner, over which gaps are standardised (proportions) and weighted (AUROC too)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    attributes: tuple[str, ...] = Field(min_length=1)
    endpoints: tuple[str, ...] = Field(min_length=1)
    reference: Literal["largest"] | dict[str, str] = "largest"
    margin: Allowance | None = None
    rationale: str | None = None
    min_events: Annotated[int, Field(ge=1)] = 10
    intersections: tuple[tuple[str, str], ...] = ()
    adjust_for: tuple[str, ...] = ()

    def margin_of(self, endpoint: str) -> float | None:
        """None where none was fixed for it."""
        return allowed(self.margin, endpoint)


def fairness_of(protocol: StudyProtocol) -> FairnessOptions | None:
    """The options of the protocol's fairness analysis, or None where it asks for none."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == NAME), None)
    return None if found is None else FairnessOptions.model_validate(dict(found.options))
