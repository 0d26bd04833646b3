"""Does the protocol make sense as a whole? Cross-field rules, each a small generator of problems."""

from __future__ import annotations

from collections.abc import Iterator

from validate.protocol.acceptance_problems import acceptance_problems
from validate.protocol.catalog import Catalog
from validate.protocol.cohort_problems import cohort_problems, known_attributes, reference_problems
from validate.protocol.compared import compared_problems
from validate.protocol.comparisons import comparison_problems
from validate.protocol.detection_problems import detection_problems
from validate.protocol.embedding_problems import embedding_problems
from validate.protocol.endpoint_problems import endpoint_problems
from validate.protocol.fairness_problems import fairness_problems
from validate.protocol.model_problems import model_problems
from validate.protocol.problem import Problem, options_problems, unknown
from validate.protocol.robustness import robustness_problems
from validate.protocol.scanner_shift import scanner_shift_problems
from validate.protocol.schema import StudyProtocol
from validate.protocol.segmentation_problems import segmentation_problems
from validate.protocol.shift import shift_problems
from validate.protocol.survival import survival_problems
from validate.protocol.target_problems import target_problems
from validate.protocol.unheeded import NAME, foreseen, unheeded


def lint(protocol: StudyProtocol, catalog: Catalog) -> tuple[Problem, ...]:
    """Every problem, in the order of the file's blocks; severity "error" refuses the protocol."""
    checks = (
        _identity,
        cohort_problems,
        reference_problems,
        model_problems,
        embedding_problems,
        endpoint_problems,
        _strata,
        _analyses,
        acceptance_problems,
        comparison_problems,
        target_problems,
        segmentation_problems,
        detection_problems,
        fairness_problems,
        scanner_shift_problems,
        robustness_problems,
        compared_problems,
        shift_problems,
        survival_problems,
        unheeded,
    )
    return tuple(problem for check in checks for problem in check(protocol, catalog))


def _identity(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    del catalog
    if not NAME.match(protocol.id):
        yield Problem(("id",), f"got '{protocol.id}', expected letters, digits, '-', '_' and '.': it names files")
    for name in ("title", "intended_use", "version"):
        if not str(getattr(protocol, name)).strip():
            yield Problem((name,), "is empty; the report prints it")


def _strata(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    known = known_attributes(protocol, catalog)
    if known is not None and protocol.detection is not None:
        known = known | frozenset(protocol.detection.by_lesion)
    for index, name in enumerate(protocol.strata):
        if known is not None and name not in known:
            yield Problem(("strata", index), unknown("attribute", name, known))
        if name in protocol.strata[:index]:
            yield Problem(("strata", index), f"'{name}' stands twice")


def _analyses(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    for index, analysis in enumerate(protocol.analyses):
        if not analysis.name:
            continue  # said already
        if analysis.name not in catalog.analyses:
            yield Problem(("analyses", index, "name"), foreseen("analysis", analysis.name, catalog.analyses))
        elif (fitting := catalog.analyses[analysis.name].tasks) and protocol.task not in fitting:
            message = f"'{analysis.name}' says something of {', '.join(sorted(fitting))}; this study's task is {protocol.task}"
            yield Problem(("analyses", index, "name"), message)
        else:
            yield from options_problems(
                catalog.analyses[analysis.name].options, analysis.options, ("analyses", index, "options")
            )
