"""What a protocol says and nothing would heed, or what would decide twice: refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from validate.protocol.catalog import Catalog
from validate.protocol.cohort import AttributeSource
from validate.protocol.model import Model
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Criterion, Endpoint
from validate.protocol.schema import StudyProtocol

# Named in the protocol's format, not built in this version.
FORESEEN = {"comparison"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


def unheeded(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Problems of a protocol whose blocks each make sense alone."""
    yield from _cohort(protocol, catalog)
    for index, model in enumerate(protocol.models):
        yield from _model(model, ("models", index), catalog)
    yield from _precision(protocol, catalog)
    yield from _resampling(protocol)
    for index, endpoint in enumerate(protocol.endpoints):
        yield from _endpoint(endpoint, ("endpoints", index), catalog)
    yield from _twice([analysis.name for analysis in protocol.analyses], "analyses")
    yield from _acceptance(protocol)
    yield from _claims(protocol)
    if not protocol.report.formats:
        yield Problem(("report", "formats"), "got an empty list, expected pdf, html or both")
    yield from _twice(protocol.report.formats, "report", "formats")


def _precision(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Half precision only of what can be computed so here, and held against full precision."""
    if protocol.inference.precision == "float32":
        return
    at = ("inference", "precision")
    for model in protocol.models:
        entry = catalog.formats.get(model.format)
        if entry is not None and entry.needs_pixels and not entry.halves:
            yield Problem(
                at, f"model '{model.id}' of format '{model.format}' can't be run in half precision; say float32"
            )
    if not any(one.name == "determinism" and "full" in one.options.get("checks", ()) for one in protocol.analyses):
        yield Problem(
            at,
            "half precision changes the numbers and must be held against full: add to analyses determinism: {checks: [again, full]}",
        )


def foreseen(what: str, got: str, known: Iterable[str]) -> str:
    """No analysis 'fairnes'; …, or that a later version will have it."""
    if got in FORESEEN:
        return f"{what} '{got}' is not in this version of validate yet; remove it"
    return unknown(what, got, known)


def _cohort(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    cohort = protocol.cohort
    for side in ("include", "exclude"):
        for index, rule in enumerate(getattr(cohort, side)):
            for operator in ("one_of", "none_of"):
                if getattr(rule, operator) == ():
                    yield Problem(
                        ("cohort", side, index, operator), "got an empty list, expected values to compare with"
                    )
    if cohort.prevalence is not None and not cohort.prevalence.values:
        yield Problem(("cohort", "prevalence", "values"), "got an empty list, expected prevalences such as [0.08]")
    headers = any(source.dicom is not None for source in cohort.sources)
    yield from _headers_only(protocol, headers=headers)
    for name in cohort.attributes:
        place: Place = ("cohort", "attributes", name)
        if headers and name in catalog.attributes:
            yield Problem(place, f"'{name}' is read from headers already; give this attribute another name")
        if circle := _circle(name, cohort.attributes):
            yield Problem((*place, "of"), f"made of itself: {' → '.join(circle)}")


def _headers_only(protocol: StudyProtocol, *, headers: bool) -> Iterator[Problem]:
    """What is about DICOM headers, in a study without any."""
    cohort = protocol.cohort
    for name in ("vendors", "privacy"):
        if getattr(cohort, name) is not None and not headers:
            yield Problem(("cohort", name), "is about DICOM headers, and no source is DICOM: remove it")
    if cohort.privacy is not None and cohort.privacy.pixels and cohort.privacy.burned_in == "allow":
        yield Problem(
            ("cohort", "privacy", "pixels"), "looks for text that burned_in allows: say warn, exclude or refuse there"
        )


def _circle(name: str, attributes: dict[str, AttributeSource]) -> tuple[str, ...]:
    """The way from an attribute through what it is made of back to itself; empty where there is none."""
    way = [name]
    while (following := attributes.get(way[-1])) is not None and following.of is not None:
        way.append(following.of)
        if way[-1] in way[:-1]:
            return tuple(way) if way[-1] == name else ()
    return ()


def _model(model: Model, place: Place, catalog: Catalog) -> Iterator[Problem]:
    entry = catalog.formats.get(model.format)
    if model.input == {}:
        yield Problem((*place, "input"), "got an empty mapping, expected image, or {aggregate: {to: …, score: …}}")
    if entry is not None and not entry.needs_pixels and model.preprocess:
        yield Problem((*place, "preprocess"), f"format '{model.format}' reads no image, so there is nothing to prepare")
    if model.sliding_window is not None and model.input != "series":
        yield Problem((*place, "sliding_window"), "goes over a volume: say input: series, or remove it")
    if model.postprocess and model.output.kind not in {"mask", "balls", "points"}:
        yield Problem(
            (*place, "postprocess"),
            f"makes masks or marks of voxels, and output.kind is {model.output.kind}: remove it",
        )
    point = model.operating_point
    if point is not None and not point.source.strip():
        yield Problem((*place, "operating_point", "source"), "is empty; say who fixed the threshold")


def _resampling(protocol: StudyProtocol) -> Iterator[Problem]:
    resampling = protocol.resampling
    if resampling.at_most is not None and resampling.at_most < resampling.replicates:
        message = f"got {resampling.at_most}, fewer than the {resampling.replicates} replicates that are drawn first"
        yield Problem(("resampling", "at_most"), message)
    if resampling.stratify_by is not None and protocol.cohort.sampling != "enriched":
        message = (
            f"classes were not sampled apart (cohort.sampling: {protocol.cohort.sampling}), so they must not be drawn apart: "
            "the limits would be too narrow"
        )
        yield Problem(("resampling", "stratify_by"), message)


def _endpoint(endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    if not NAME.match(endpoint.id):
        yield Problem((*place, "id"), f"got '{endpoint.id}', expected letters, digits, '-', '_' and '.'")
    metric = catalog.metrics.get(endpoint.metric)
    for key, value in endpoint.options.items() if metric is not None else ():
        if metric is not None and key not in metric.options:
            yield Problem((*place, "options", key), unknown("option", key, metric.options))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield Problem((*place, "options", key), f"got {value!r}, expected a number")
            return
    if metric is not None and metric.check_options is not None:
        numbers = {key: float(value) for key, value in endpoint.options.items() if key in metric.options}
        if wrong := metric.check_options(numbers):
            yield Problem((*place, "options"), wrong)


def _acceptance(protocol: StudyProtocol) -> Iterator[Problem]:
    exploratory = {endpoint.id for endpoint in protocol.endpoints if endpoint.role == "exploratory"}
    seen: dict[tuple[str | None, ...], int] = {}
    for index, criterion in enumerate(protocol.acceptance):
        place: Place = ("acceptance", index)
        if criterion.endpoint in exploratory:
            yield Problem(
                (*place, "endpoint"), f"'{criterion.endpoint}' is exploratory, and what is exploratory decides nothing"
            )
        judged = (
            criterion.endpoint, criterion.model, criterion.worst_of, criterion.limit, criterion.gap_of, criterion.perturbation,
            criterion.analysis,
        )  # fmt: skip
        if judged in seen:
            yield Problem(place, f"judges the same as acceptance[{seen[judged]}]; one goal decides")
        seen.setdefault(judged, index)
        yield from _assumed(criterion, place)


def _claims(protocol: StudyProtocol) -> Iterator[Problem]:
    yield from _twice([claim.id for claim in protocol.claims], "claims")
    endpoints, models = [e.id for e in protocol.endpoints], [m.id for m in protocol.models]
    for index, claim in enumerate(protocol.claims):
        if claim.endpoint is not None and claim.endpoint not in endpoints:
            yield Problem(("claims", index, "endpoint"), unknown("endpoint", claim.endpoint, endpoints))
        if claim.model is not None and claim.model not in models:
            yield Problem(("claims", index, "model"), unknown("model", claim.model, models))


def _assumed(criterion: Criterion, place: Place) -> Iterator[Problem]:
    assumed, goal = criterion.assumed, criterion.at_least if criterion.limit == "lower" else criterion.at_most
    if assumed is None or goal is None:
        return
    if (assumed <= goal) if criterion.limit == "lower" else (assumed >= goal):
        message = f"got {assumed}, which does not meet the goal of {goal}: no study is large enough to show it"
        yield Problem((*place, "assumed"), message, "warning")


def _twice(names: Sequence[str], *place: str) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem((*place, index), f"'{name}' stands twice")
