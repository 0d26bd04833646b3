"""What a protocol says of comparisons and of the error over several: names that exist, margins with reasons."""

from __future__ import annotations

from collections.abc import Iterator

from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Comparison
from validate.protocol.schema import StudyProtocol

# Analytic limits of a paired difference → what the endpoint's metric must offer for them.
FITS = {"delong": "delong", "obuchowski": "obuchowski", "tango": "wilson", "newcombe": "wilson"}
NEEDS_SAME_ROWS = {"tango": ("ppv", "npv"), "newcombe": ("ppv", "npv")}  # their denominators are chosen by the models


def comparison_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Problems of `comparisons` and `multiplicity`."""
    seen: set[tuple[str, str, str]] = set()
    for index, comparison in enumerate(protocol.comparisons):
        place: Place = ("comparisons", index)
        yield from _names(protocol, comparison, place)
        yield from _margin(comparison, place)
        yield from _metric(protocol, comparison, place, catalog)
        pair = (*sorted((comparison.test, comparison.reference)), comparison.endpoint)
        if pair in seen:
            yield Problem(
                place, f"'{comparison.endpoint}' of these two models is compared already; one hypothesis decides"
            )
        seen.add((pair[0], pair[1], pair[2]))
    yield from _family(protocol)


def _names(protocol: StudyProtocol, comparison: Comparison, place: Place) -> Iterator[Problem]:
    models = [model.id for model in protocol.models]
    for name in ("test", "reference"):
        if getattr(comparison, name) not in models:
            yield Problem((*place, name), unknown("model", getattr(comparison, name), models))
    if comparison.test == comparison.reference:
        yield Problem((*place, "reference"), f"'{comparison.reference}' is compared with itself; name another model")
    endpoints = {endpoint.id: endpoint for endpoint in protocol.endpoints}
    if comparison.endpoint not in endpoints:
        yield Problem((*place, "endpoint"), unknown("endpoint", comparison.endpoint, endpoints))
    elif endpoints[comparison.endpoint].role == "exploratory" and comparison.role == "primary":
        message = f"'{comparison.endpoint}' is exploratory, and what is exploratory decides nothing"
        yield Problem((*place, "endpoint"), message)


def _margin(comparison: Comparison, place: Place) -> Iterator[Problem]:
    if comparison.hypothesis != "superiority" and comparison.margin is None:
        message = f"{comparison.hypothesis} needs a margin: how large a difference still does not matter, and why"
        yield Problem((*place, "margin"), message)
    if not comparison.rationale.strip():
        yield Problem((*place, "rationale"), "is empty; say why this margin, on clinical grounds")


def _metric(protocol: StudyProtocol, comparison: Comparison, place: Place, catalog: Catalog) -> Iterator[Problem]:
    endpoint = next((e for e in protocol.endpoints if e.id == comparison.endpoint), None)
    metric = catalog.metrics.get(endpoint.metric) if endpoint is not None else None
    if metric is None or endpoint is None:
        return
    low, high = metric.bounds
    if comparison.margin is not None and comparison.margin >= high - low:
        message = f"got {comparison.margin:g}, but no two values of {metric.title} are so far apart"
        yield Problem((*place, "margin"), message)
    if metric.better == "neither" and comparison.hypothesis != "equivalence":
        message = f"{metric.title} has no better direction; it can only be tested for equivalence"
        yield Problem((*place, "hypothesis"), message)
    method = comparison.interval
    short = endpoint.metric.rpartition(".")[2]
    if method in FITS and (FITS[method] not in metric.intervals or short in NEEDS_SAME_ROWS.get(method, ())):
        yield Problem((*place, "interval"), f"'{method}' does not fit a difference of {metric.title}; use bootstrap")
    if metric.prevalence_dependent and protocol.cohort.sampling == "enriched" and comparison.role == "primary":
        message = f"{metric.title} depends on prevalence and the sampling is enriched: it can't decide"
        yield Problem((*place, "endpoint"), message)


def _family(protocol: StudyProtocol) -> Iterator[Problem]:
    if protocol.multiplicity is None:
        return
    place: Place = ("multiplicity", "order")
    compared = [comparison.endpoint for comparison in protocol.comparisons]
    for index, name in enumerate(protocol.multiplicity.order):
        if name not in compared:
            yield Problem((*place, index), unknown("compared endpoint", name, compared))
        elif compared.count(name) > 1:
            yield Problem(
                (*place, index), f"'{name}' is compared more than once, so its place in the family is not clear"
            )
        elif name in protocol.multiplicity.order[:index]:
            yield Problem((*place, index), f"'{name}' stands twice")
    alphas = {c.alpha_one_sided for c in protocol.comparisons if c.endpoint in protocol.multiplicity.order}
    if len(alphas) > 1:
        yield Problem(place, f"the family has different alphas ({', '.join(map(str, sorted(alphas)))}); expected one")
