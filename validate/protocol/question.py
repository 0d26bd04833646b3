"""Blocks of a protocol: what is measured, and what decides."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from validate.protocol.block import Block, Scalar


class Interval(Block):
    method: Literal[
        "bootstrap",
        "delong",
        "delong_logit",
        "obuchowski",
        "wilson",
        "wilson_effective_n",
        "clopper_pearson",
        "clopper_pearson_effective_n",
        "jeffreys",
        "jeffreys_effective_n",
        "cluster_robust",
    ]
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    kind: Literal["percentile", "bca", "studentised"] | None = None  # of a bootstrap; percentile unless said


class Endpoint(Block):
    id: str
    metric: str
    role: Literal["primary", "secondary", "exploratory"]
    target: Scalar | None = None  # the class, finding or "at_least_<grade>" it is of; "each" stands for all of them
    interval: Interval | None = None  # the metric's own default where the protocol says nothing
    options: dict[str, Any] = {}
    rationale: str | None = None


class Criterion(Block):
    """One goal. With `analysis` its own measure is judged, and no endpoint; of shift with an endpoint, whether that acceptance stands."""

    endpoint: str = ""
    limit: Literal["lower", "upper"] | None = None  # which limit decides; none of a gap, which both do
    at_least: float | None = None
    at_most: float | None = None
    worst_of: str | None = None
    gap_of: str | None = None  # the attribute whose groups may differ by the fairness analysis' margin at most
    perturbation: str | None = None  # of analyses: robustness; "every" for all of them
    holds_up_to: Annotated[int, Field(ge=1)] | None = None  # severity up to which the drop stays within its tolerance
    analysis: Literal["metamorphic", "input_guard", "shift"] | None = (
        None  # whose own measure is judged, of no endpoint
    )
    min_events: Annotated[int, Field(ge=1)] | None = None
    model: str | None = None
    assumed: float | None = None  # value assumed when planning; sizes the new study an INCONCLUSIVE asks for
    rationale: str

    @property
    def plain(self) -> bool:
        """Whether one goal is held against an endpoint's own estimate, and no gap, drop or other measure is judged."""
        return self.gap_of is None and self.perturbation is None and self.holds_up_to is None and self.analysis is None


class Comparison(Block):
    """One model against another on the same cases. The difference is test less reference.

    margin : how much worse (non-inferiority) or other (equivalence) still counts as no worse; for superiority, how much
    better it must be (0 unless given). In the endpoint's own unit: 0.05 is five percentage points of sensitivity.
    """

    test: str
    reference: str
    endpoint: str
    hypothesis: Literal["superiority", "noninferiority", "equivalence"]
    margin: Annotated[float, Field(gt=0)] | None = None
    rationale: str
    alpha_one_sided: Annotated[float, Field(gt=0, lt=0.5)] = 0.025
    interval: Literal["bootstrap", "delong", "obuchowski", "tango", "newcombe"] | None = None
    role: Literal["primary", "secondary"] = "primary"


class Multiplicity(Block):
    """How the error over several comparisons is held. `order`: endpoints of the family; for fixed_sequence, in turn.

    Criteria of `acceptance` and primary comparisons that are not in the family are co-primary: all must be met, and each
    is tested at full alpha (intersection–union).
    """

    method: Literal["fixed_sequence", "holm", "benjamini_hochberg"]
    order: tuple[str, ...] = Field(min_length=1)


class Analysis(Block):
    name: str
    options: dict[str, Any] = {}


class Resampling(Block):
    """How often clusters are drawn, and when more are added.

    at_most : where a limit that faces a goal, or the margin of a declared comparison, lies within `settle` of its Monte-Carlo
        errors of it, the replicates are doubled, the first ones staying as they were, until it does not or twice as many
        would be more than this (eight times `replicates` unless given)
    stratify_by : "class" draws clusters with the finding, without it and with both apart; only where the sampling did so
    """

    replicates: Annotated[int, Field(ge=200, le=1_000_000)] = 2000
    at_most: Annotated[int, Field(ge=200, le=1_000_000)] | None = None
    settle: Annotated[float, Field(ge=0, le=10)] = 3.0
    stratify_by: Literal["class"] | None = None
