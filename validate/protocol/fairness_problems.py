"""Does the fairness analysis name what is there, and do criteria on gaps rest on a margin that was given a reason?"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from validate.protocol.allowance import allowance_problems
from validate.protocol.catalog import Catalog
from validate.protocol.fairness import NAME, FairnessOptions, fairness_of
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Criterion
from validate.protocol.scanner_shift import scanner_shift_of
from validate.protocol.schema import StudyProtocol


def fairness_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Problems of `analyses: fairness` and of criteria with `gap_of`."""
    try:
        options = fairness_of(protocol)
    except ValidationError:
        return  # said by the options' own check
    if options is not None:
        place = next(index for index, analysis in enumerate(protocol.analyses) if analysis.name == NAME)
        yield from _options(protocol, options, ("analyses", place, "options"), catalog)
    for index, criterion in enumerate(protocol.acceptance):
        if criterion.gap_of is not None and not _of_scanner(protocol, criterion):
            yield from _criterion(options, criterion, ("acceptance", index))


def _of_scanner(protocol: StudyProtocol, criterion: Criterion) -> bool:
    """Whether the gap is between scanners, by the margin of analyses: scanner_shift."""
    try:
        options = scanner_shift_of(protocol)
    except ValidationError:
        return True  # said by the options' own check
    return (
        options is not None
        and options.margin_of(str(criterion.endpoint)) is not None
        and criterion.gap_of in options.attributes
        and criterion.endpoint in options.endpoints
    )


def _options(protocol: StudyProtocol, options: FairnessOptions, place: Place, catalog: Catalog) -> Iterator[Problem]:
    yield from _endpoints(protocol, options, place, catalog)
    for index, name in enumerate(options.attributes):
        if name in options.attributes[:index]:
            yield Problem((*place, "attributes", index), f"'{name}' stands twice")
        if name not in protocol.strata:
            message = f"'{name}' is not among the strata; its groups must be estimated: add it to strata"
            yield Problem((*place, "attributes", index), message)
    named: list[tuple[Place, str]] = [
        (("intersections", index), name) for index, pair in enumerate(options.intersections) for name in pair
    ]
    if isinstance(options.reference, dict):
        named += [(("reference", name), name) for name in options.reference]
        lacking = [name for name in options.attributes if name not in options.reference]
        if lacking:
            yield Problem(
                (*place, "reference"), f"names no group of {', '.join(lacking)}; name one of each, or say largest"
            )
    for at, name in named:
        if name not in options.attributes:
            yield Problem((*place, *at), unknown("attribute", name, options.attributes))
    if options.margin is not None and not (options.rationale or "").strip():
        yield Problem((*place, "rationale"), "is missing; a margin needs a reason: why does a smaller gap not matter?")


def _endpoints(protocol: StudyProtocol, options: FairnessOptions, place: Place, catalog: Catalog) -> Iterator[Problem]:
    endpoints = {endpoint.id: endpoint for endpoint in protocol.endpoints}
    for index, name in enumerate(options.endpoints):
        if name not in endpoints:
            yield Problem((*place, "endpoints", index), unknown("endpoint", name, endpoints))
    yield from allowance_problems(protocol, catalog, (*place, "margin"), options.margin, options.endpoints)


def _criterion(options: FairnessOptions | None, criterion: Criterion, place: Place) -> Iterator[Problem]:
    given = [
        name
        for name in ("at_least", "at_most", "limit", "worst_of", "min_events")
        if getattr(criterion, name) is not None
    ]
    if given:
        yield Problem((*place, given[0]), "does not go with gap_of, whose margin stands in analyses: fairness")
    if options is None:
        yield Problem(
            (*place, "gap_of"),
            "needs analyses: fairness, or scanner_shift, with this attribute, this endpoint and a margin",
        )
        return
    if options.margin_of(str(criterion.endpoint)) is None:
        yield Problem((*place, "gap_of"), "needs a margin in analyses: fairness, with its rationale")
    if criterion.gap_of not in options.attributes:
        yield Problem((*place, "gap_of"), unknown("attribute", criterion.gap_of, options.attributes))
    if criterion.endpoint not in options.endpoints:
        yield Problem((*place, "endpoint"), f"'{criterion.endpoint}' is not among the endpoints of analyses: fairness")
