"""What a protocol asks of disturbed images: which causes, how strong, and how large a drop still does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from validate.protocol.allowance import Allowance, allowance_problems, allowed
from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, options_problems, unknown
from validate.protocol.question import Criterion
from validate.protocol.schema import StudyProtocol

NAME = "robustness"
EVERY = "every"
Severity = Annotated[int, Field(ge=1, le=5)]
SEED = 20261122  # of the noise; one stream for all severities of a cause, so that curves are smooth


class RobustnessOptions(BaseModel):
    """
    suite : radiography, mammography, ct, mr, ultrasound, fundus, dermoscopy, any, or several of them
    perturbations : only these causes, by name; all of the suite unless given
    severities : which of the five anchored ones      custom : of a cause, its own strengths instead, mild to severe
    endpoints : ids of endpoints that are looked at      by : strata that have curves of their own
    tolerance : how large a drop still does not matter, in the endpoint's own unit, with its rationale: one number, or one for each
        endpoint; without one nothing holds and nothing breaks
    pictures : whether disturbed images of one case may leave the site with the report
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    suite: str | tuple[str, ...]
    perturbations: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = (1, 2, 3, 4, 5)
    custom: dict[str, tuple[dict[str, Any], ...]] = {}
    endpoints: tuple[str, ...] = Field(min_length=1)
    by: str | tuple[str, ...] = ()
    tolerance: Allowance | None = None
    rationale: str | None = None
    pictures: bool = False

    @property
    def suites(self) -> tuple[str, ...]:
        """`suite` as a list."""
        return (self.suite,) if isinstance(self.suite, str) else self.suite

    @property
    def strata(self) -> tuple[str, ...]:
        """`by` as a list."""
        return (self.by,) if isinstance(self.by, str) else self.by

    def tolerance_of(self, endpoint: str) -> float | None:
        """None where none was fixed for it."""
        return allowed(self.tolerance, endpoint)


def robustness_of(protocol: StudyProtocol) -> RobustnessOptions | None:
    """The options of the protocol's robustness analysis, or None where it asks for none."""
    found = next((analysis for analysis in protocol.analyses if analysis.name == NAME), None)
    return None if found is None else RobustnessOptions.model_validate(dict(found.options))


def pass_name(cause: str, severity: int) -> str:
    """As in "quantum_noise-3"."""
    return f"{cause}-{severity}"


def severity_of(pass_id: str) -> tuple[str, int] | None:
    """The cause and severity that a pass is of; None for other passes."""
    cause, dash, number = pass_id.rpartition("-")
    return (cause, int(number)) if dash and number.isdigit() else None


def robustness_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Names that are not there, tolerances without a reason, and criteria that rest on neither."""
    try:
        options = robustness_of(protocol)
    except ValidationError:
        return  # said by the options' own check
    if options is not None:
        place = next(index for index, analysis in enumerate(protocol.analyses) if analysis.name == NAME)
        yield from _options(protocol, options, ("analyses", place, "options"), catalog)
    for index, criterion in enumerate(protocol.acceptance):
        if criterion.perturbation is not None or criterion.holds_up_to is not None:
            yield from _criterion(options, criterion, ("acceptance", index), catalog.perturbations)


def _options(protocol: StudyProtocol, options: RobustnessOptions, at: Place, catalog: Catalog) -> Iterator[Problem]:
    yield from _causes(options, at, catalog)
    endpoints = [endpoint.id for endpoint in protocol.endpoints]
    for name in options.endpoints:
        if name not in endpoints:
            yield Problem((*at, "endpoints"), unknown("endpoint", name, endpoints))
    for name in options.strata:
        if name not in protocol.strata:
            yield Problem(
                (*at, "by"), f"'{name}' is not among the strata; its levels must be estimated: add it to strata"
            )
    if list(options.severities) != sorted(set(options.severities)) or not options.severities:
        yield Problem((*at, "severities"), f"got {list(options.severities)}, expected rising numbers from 1 to 5")
    yield from allowance_problems(protocol, catalog, (*at, "tolerance"), options.tolerance, options.endpoints)
    if options.tolerance is not None and not (options.rationale or "").strip():
        yield Problem((*at, "rationale"), "is missing; a tolerance needs a reason: why does a smaller drop not matter?")


def _causes(options: RobustnessOptions, at: Place, catalog: Catalog) -> Iterator[Problem]:
    """Suites and causes that there are, and strengths that each can have."""
    suites = {suite for found in catalog.perturbations.values() for suite in found}
    yield from (
        Problem((*at, "suite"), unknown("suite", name, suites)) for name in options.suites if name not in suites
    )
    known = {name for name, found in catalog.perturbations.items() if found & set(options.suites)}
    for key, names in (("perturbations", options.perturbations), ("custom", tuple(options.custom))):
        for name in names:
            if name not in catalog.perturbations or (
                key == "perturbations" and name not in known | options.custom.keys()
            ):
                yield Problem((*at, key), unknown("perturbation", name, known))
    for name, strengths in options.custom.items():
        if not strengths:
            yield Problem((*at, "custom", name), "is empty; name one strength a severity, mild to severe")
        for place, strength in enumerate(strengths):
            if name in catalog.strengths:
                yield from options_problems(catalog.strengths[name], strength, (*at, "custom", name, place))


def _own_ranges(options: RobustnessOptions, criterion: Criterion, at: Place) -> Iterator[Problem]:
    """A cause with a range of its own has as many severities as that, so no more can be asked of it."""
    for name, strengths in options.custom.items():
        if criterion.perturbation in {EVERY, name} and (criterion.holds_up_to or 0) > len(strengths) > 0:
            yield Problem(
                (*at, "holds_up_to"),
                f"got {criterion.holds_up_to}, but custom names {len(strengths)} strengths of '{name}', "
                f"so its severities end at {len(strengths)}; ask for that, or name more",
            )


def _criterion(
    options: RobustnessOptions | None, criterion: Criterion, at: Place, known: Mapping[str, frozenset[str]]
) -> Iterator[Problem]:
    given = [
        name
        for name in ("at_least", "at_most", "limit", "worst_of", "gap_of", "min_events")
        if getattr(criterion, name) is not None
    ]
    if given:
        yield Problem((*at, given[0]), "does not go with holds_up_to, whose tolerance stands in analyses: robustness")
    if options is None:
        yield Problem((*at, "perturbation"), "needs analyses: robustness with this endpoint and a tolerance")
        return
    if criterion.perturbation is None or criterion.holds_up_to is None:
        yield Problem(at, f"expected both: perturbation, a cause or '{EVERY}', and holds_up_to, a severity")
        return
    if options.tolerance_of(str(criterion.endpoint)) is None:
        yield Problem((*at, "holds_up_to"), "needs a tolerance in analyses: robustness, with its rationale")
    if criterion.endpoint not in options.endpoints:
        yield Problem((*at, "endpoint"), f"'{criterion.endpoint}' is not among the endpoints of analyses: robustness")
    yield from _own_ranges(options, criterion, at)
    asked = options.perturbations or tuple(n for n, suites in known.items() if suites & set(options.suites))
    if criterion.perturbation not in {EVERY, *asked, *options.custom}:
        yield Problem((*at, "perturbation"), unknown("perturbation", criterion.perturbation, {EVERY, *asked}))
    if criterion.perturbation not in options.custom and criterion.holds_up_to not in options.severities:
        listed = ", ".join(map(str, options.severities))
        yield Problem((*at, "holds_up_to"), f"got {criterion.holds_up_to}, but the severities are {listed}")
