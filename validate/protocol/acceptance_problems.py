"""What decides: do criteria name endpoints, strata and goals that can be judged?"""

from __future__ import annotations

from collections.abc import Iterator

from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Criterion, Endpoint
from validate.protocol.schema import StudyProtocol


def acceptance_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    endpoints = {endpoint.id: endpoint for endpoint in protocol.endpoints}
    for index, criterion in enumerate(protocol.acceptance):
        place: Place = ("acceptance", index)
        if criterion.analysis is not None:
            continue  # judged by that analysis' own problems
        if not criterion.endpoint:
            yield Problem((*place, "endpoint"), "is missing; name the endpoint that is judged")
            continue
        if criterion.endpoint not in endpoints:
            yield Problem((*place, "endpoint"), unknown("endpoint", criterion.endpoint, endpoints))
            continue
        if criterion.plain:
            yield from _goal(criterion, place)
        elif not criterion.rationale.strip():
            yield Problem((*place, "rationale"), "is empty; say why the groups must not differ more")
        yield from _criterion(protocol, criterion, endpoints[criterion.endpoint], place, catalog)
    judged = {criterion.endpoint for criterion in protocol.acceptance}
    judged |= {comparison.endpoint for comparison in protocol.comparisons}
    for index, endpoint in enumerate(protocol.endpoints):
        if endpoint.role == "primary" and endpoint.id not in judged:
            message = f"primary endpoint '{endpoint.id}' has no acceptance criterion, so it decides nothing"
            yield Problem(("endpoints", index, "role"), message, "warning")


def _goal(criterion: Criterion, place: Place) -> Iterator[Problem]:
    if (criterion.at_least is None) == (criterion.at_most is None):
        yield Problem(place, "expected one goal: at_least (with limit: lower) or at_most (with limit: upper)")
    elif criterion.limit is None or (criterion.at_least is not None) != (criterion.limit == "lower"):
        side = "at_least" if criterion.at_least is not None else "at_most"
        needed = "lower" if side == "at_least" else "upper"
        yield Problem(
            (*place, "limit"), f"got '{criterion.limit}' with {side}; that goal is judged by the {needed} limit"
        )
    if not criterion.rationale.strip():
        yield Problem((*place, "rationale"), "is empty; say why this goal")


def _criterion(
    protocol: StudyProtocol, criterion: Criterion, endpoint: Endpoint, place: Place, catalog: Catalog
) -> Iterator[Problem]:
    models = [model.id for model in protocol.models]
    if criterion.worst_of is not None and criterion.worst_of not in protocol.strata:
        yield Problem((*place, "worst_of"), unknown("stratum", criterion.worst_of, protocol.strata))
    if criterion.model is not None and criterion.model not in models:
        yield Problem((*place, "model"), unknown("model", criterion.model, models))
    metric = catalog.metrics.get(endpoint.metric)
    if metric is None:
        return
    low, high = metric.bounds
    for name in ("at_least", "at_most", "assumed"):
        value = getattr(criterion, name)
        if value is not None and not low <= value <= high:
            yield Problem((*place, name), f"got {value}, but {metric.title} lies between {low:g} and {high:g}")
    if metric.prevalence_dependent and protocol.cohort.sampling == "enriched":
        yield Problem(place, f"{metric.title} depends on prevalence and the sampling is enriched: it can't decide")
