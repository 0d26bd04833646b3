"""How much still does not matter, in the endpoint's own unit: one number for all endpoints of an analysis, or one for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.schema import StudyProtocol

Positive = Annotated[float, Field(gt=0)]
Allowance = Positive | dict[str, Positive]


def allowed(allowance: float | Mapping[str, float] | None, endpoint: str) -> float | None:
    """Of this endpoint; None where nothing was fixed for it."""
    return allowance.get(endpoint) if isinstance(allowance, Mapping) else allowance


def allowance_problems(
    protocol: StudyProtocol, catalog: Catalog, place: Place, allowance: float | Mapping[str, float] | None, endpoints: Sequence[str]
) -> Iterator[Problem]:  # fmt: skip
    """A number for what is not looked at, one beyond what a measure can differ by, and one for measures of different scales.

    place : of the allowance in the protocol      endpoints : ids that the analysis looks at
    """
    if isinstance(allowance, Mapping):
        yield from (
            Problem((*place, name), unknown("endpoint", name, endpoints)) for name in allowance if name not in endpoints
        )
    named = {endpoint.id: endpoint.metric for endpoint in protocol.endpoints if endpoint.id in endpoints}
    metrics = {name: catalog.metrics[metric] for name, metric in named.items() if metric in catalog.metrics}
    for name, metric in metrics.items():
        value = allowed(allowance, name)
        if value is not None and value >= metric.bounds[1] - metric.bounds[0]:
            yield Problem(place, f"got {value:g}, but no two values of {metric.title} are so far apart")
    shares = all(metric.bounds[0] >= -1 and metric.bounds[1] <= 1 for metric in metrics.values())
    if isinstance(allowance, int | float) and not shares and len(set(named.values())) > 1:
        told = ", ".join(f"{name}: …" for name in named)
        yield Problem(
            place, f"got {allowance:g} for measures of different scales; give one for each, in its own unit: {{{told}}}"
        )
