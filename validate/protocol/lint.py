"""Does the protocol make sense as a whole? Cross-field rules, each a small generator of problems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, ValidationError

from validate.protocol import file_names
from validate.protocol.acquisition import DERIVED_ATTRIBUTES
from validate.protocol.catalog import Catalog
from validate.protocol.compared import compared_problems
from validate.protocol.comparisons import comparison_problems
from validate.protocol.detection_problems import detection_problems
from validate.protocol.fairness_problems import fairness_problems
from validate.protocol.problem import Place, Problem, schema_problems, unknown
from validate.protocol.robustness import robustness_problems
from validate.protocol.scanner_shift import scanner_shift_problems
from validate.protocol.schema import Criterion, Endpoint, Model, ModelInput, Rule, StudyProtocol
from validate.protocol.segmentation_problems import segmentation_problems
from validate.protocol.shift import shift_problems
from validate.protocol.target_problems import target_problems
from validate.protocol.targets import FITTING, MEASURED
from validate.protocol.unheeded import NAME, foreseen, unheeded

SHA256 = re.compile(r"[0-9a-f]{64}$")
OPERATORS = ("one_of", "none_of", "at_least", "at_most")
SOURCE_KINDS = ("dicom", "nifti", "table")
WHAT = {"segmentation": "compares masks, and", "detection": "judges marks against lesions, and"}
# Analytic intervals that hold for independent rows only, and what serves clustered rows instead.
NAIVE = {
    "delong": "obuchowski or bootstrap",
    "delong_logit": "obuchowski or bootstrap",
    "wilson": "wilson_effective_n or bootstrap",
    "clopper_pearson": "clopper_pearson_effective_n or bootstrap",
    "jeffreys": "jeffreys_effective_n or bootstrap",
}
LEVELS = ("patient", "study", "series", "image", "lesion")  # coarse to fine


def lint(protocol: StudyProtocol, catalog: Catalog) -> tuple[Problem, ...]:
    """Every problem, in the order of the file's blocks; severity "error" refuses the protocol."""
    checks = (
        _identity,
        _cohort,
        _reference,
        _models,
        _endpoints,
        _strata,
        _analyses,
        _acceptance,
        comparison_problems,
        target_problems,
        segmentation_problems,
        detection_problems,
        fairness_problems,
        scanner_shift_problems,
        robustness_problems,
        compared_problems,
        shift_problems,
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


def _cohort(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    cohort = protocol.cohort
    yield from _sources(protocol)
    if cohort.period is not None and cohort.period.from_ > cohort.period.to:
        yield Problem(("cohort", "period"), f"ends ({cohort.period.to}) before it begins ({cohort.period.from_})")
    if cohort.unit == "lesion":
        yield Problem(
            ("cohort", "unit"), f"unit '{cohort.unit}' is not built yet; there are image, series, study, patient"
        )
    known = _attributes(protocol, catalog)
    for side in ("include", "exclude"):
        for index, rule in enumerate(getattr(cohort, side)):
            yield from _rule(rule, ("cohort", side, index), known)
    yield from _claimed(protocol, known)
    for name, attribute in cohort.attributes.items():
        yield from _attribute(name, attribute, ("cohort", "attributes", name), known)
    for index, value in enumerate(cohort.prevalence.values if cohort.prevalence else ()):
        if not 0 < value < 1:
            place = ("cohort", "prevalence", "values", index)
            yield Problem(place, f"got {value}, expected more than 0 and less than 1")


def _claimed(protocol: StudyProtocol, known: frozenset[str] | None) -> Iterator[Problem]:
    """What models are claimed for, and where the cause of an error stands."""
    for number, model in enumerate(protocol.models):
        for index, rule in enumerate(model.claimed_input):
            yield from _rule(rule, ("models", number, "claimed_input", index), known)
    gallery = protocol.report.gallery
    if gallery is not None and gallery.cause is not None and known is not None and gallery.cause not in known:
        yield Problem(("report", "gallery", "cause"), unknown("attribute", gallery.cause, known))


def _sources(protocol: StudyProtocol) -> Iterator[Problem]:
    kinds = set()
    for index, source in enumerate(protocol.cohort.sources):
        place: Place = ("cohort", "sources", index)
        named = [name for name in SOURCE_KINDS if getattr(source, name) is not None]
        if len(named) != 1:
            yield Problem(place, f"got {len(named)} of {', '.join(SOURCE_KINDS)}; a source is exactly one of them")
        elif source.images is not None and (named[0] != "table" or source.image is None):
            message = "is the folder of the files that a table names: say table, and its columns key, patient and image"
            yield Problem((*place, "images"), message)
        elif named[0] == "table" and (source.key is None or source.patient is None):
            yield Problem(place, "a table source names its columns: key (one row each) and patient (what is resampled)")
        elif named[0] == "nifti":
            yield from _names(source.names, place)
        kinds.update(named)
    if len(kinds) > 1:
        yield Problem(("cohort", "sources"), f"mixes {' and '.join(sorted(kinds))}; one study has one kind of source")


def _names(names: str | None, place: Place) -> Iterator[Problem]:
    if names is None:
        yield Problem(
            (*place, "names"), "is missing; NIfTI names no patient: say how files are called, '{patient}.nii.gz'"
        )
    elif wrong := file_names.problem(names):
        yield Problem((*place, "names"), wrong)
    elif "patient" not in file_names.fields(names):
        yield Problem((*place, "names"), f"got '{names}', which has no {{patient}}: patients are what is resampled")


def _rule(rule: Rule, place: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    given = [name for name in OPERATORS if getattr(rule, name) is not None]
    if not given or (len(given) > 1 and set(given) != {"at_least", "at_most"}):
        yield Problem(place, f"got {' and '.join(given) or 'no operator'}, expected one of {', '.join(OPERATORS)}")
    if rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield Problem(place, f"at_least {rule.at_least} is above at_most {rule.at_most}: nothing can meet both")
    if known is not None and rule.attribute not in known:
        yield Problem((*place, "attribute"), unknown("attribute", rule.attribute, known))


def _attribute(name: str, source: Any, place: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    joined = [source.table, source.key, source.column]
    forms = sum((any(v is not None for v in joined), source.tag is not None, source.of is not None))
    if forms != 1:
        yield Problem(place, "expected one form: {table, key, column}, {tag} or {of, bands}")
        return
    if any(v is not None for v in joined) and None in joined:
        yield Problem(place, "a joined attribute names all three: table, key and column")
    if source.of is not None:
        bands = source.bands or ()
        if len(bands) < 2 or any(a >= b for a, b in pairwise(bands)):
            yield Problem((*place, "bands"), f"got {list(bands)}, expected at least two rising numbers")
        if source.of == name or (known is not None and source.of not in known):
            yield Problem((*place, "of"), unknown("attribute", source.of, (known or frozenset()) - {name}))


def _attributes(protocol: StudyProtocol, catalog: Catalog) -> frozenset[str] | None:
    """Names a rule or a stratum may use; None where a table's columns decide, which only the cohort stage sees."""
    if any(source.table is not None for source in protocol.cohort.sources):
        return None
    named = {field for source in protocol.cohort.sources if source.names for field in file_names.fields(source.names)}
    harvested = catalog.attributes if any(source.dicom for source in protocol.cohort.sources) else frozenset[str]()
    if harvested:
        harvested |= DERIVED_ATTRIBUTES
    return harvested | protocol.cohort.attributes.keys() | (named - {"patient", "study"})


def _reference(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    del catalog
    reference = protocol.reference
    if LEVELS.index(reference.level) > LEVELS.index(protocol.cohort.unit):
        yield Problem(
            ("reference", "level"),
            f"labels per {reference.level} are finer than rows per {protocol.cohort.unit}; rows must be as fine as labels",
        )
    if reference.negative is not None and reference.negative == reference.positive:
        yield Problem(("reference", "negative"), f"is the same as positive: {reference.positive!r}")
    if not reference.standard.strip():
        yield Problem(("reference", "standard"), "is empty; say how the truth was established")


def _models(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, model in enumerate(protocol.models):
        place: Place = ("models", index)
        if model.id in ids:
            yield Problem((*place, "id"), f"'{model.id}' names two models")
        ids.add(model.id)
        if not NAME.match(model.id):
            yield Problem(
                (*place, "id"), f"got '{model.id}', expected letters, digits, '-', '_' and '.': it names files"
            )
        if model.sha256 is not None and not SHA256.match(model.sha256):
            yield Problem(
                (*place, "sha256"), f"got {len(model.sha256)} characters, expected 64 lower-case hexadecimal digits"
            )
        if model.format not in catalog.formats:
            yield Problem((*place, "format"), foreseen("format", model.format, catalog.formats))
            continue
        entry = catalog.formats[model.format]
        yield from _options(entry.options, model.options, (*place, "options"))
        if (entry.needs_pixels or entry.reads_files) and model.format != "ensemble":
            yield from _images(protocol, model, place)
        if entry.needs_pixels:
            yield from _steps(model.preprocess, place, catalog)
        yield from _inputs(protocol, model, place, catalog)


def _images(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    if all(source.table is not None and source.image is None for source in protocol.cohort.sources):
        yield Problem(
            (*place, "format"), f"'{model.format}' reads images, and the cohort is a table; use format predictions"
        )


def _inputs(protocol: StudyProtocol, model: Model, place: Place, catalog: Catalog) -> Iterator[Problem]:
    known = _attributes(protocol, catalog)
    if model.inputs is not None and model.preprocess:
        yield Problem((*place, "preprocess"), "with `inputs`, each image has its own preprocess; move the steps there")
    for name, given in (model.inputs or {}).items():
        at: Place = (*place, "inputs", name)
        yield from _columns(given, at, known)
        yield from _stand_in(given, at)
        yield from _steps(given.preprocess, at, catalog)
    turned = model.test_time_augmentation
    if turned is not None and (model.output.kind not in {"probability", "score", "mask"} or model.inputs is not None):
        yield Problem(
            (*place, "test_time_augmentation"), "is for a model of one image that answers with scores or a mask"
        )
    elif turned is not None and model.output.kind == "mask" and turned.of != "raw":
        yield Problem((*place, "test_time_augmentation", "of"), "masks are made of raw outputs; say of: raw")


def _columns(given: ModelInput, at: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    if (given.columns is None) == (given.image is None and given.file is None):
        yield Problem(at, "expected an image ({image: {…}} or {file: …}) or columns of the cohort, one of them")
    for number, column in enumerate(given.columns or ()):
        if known is not None and column not in known:
            yield Problem((*at, "columns", number), unknown("attribute", column, known))
    for column in given.codes:
        if column not in (given.columns or ()):
            yield Problem((*at, "codes", column), unknown("column", column, given.columns or ()))


def _stand_in(given: ModelInput, at: Place) -> Iterator[Problem]:
    if given.missing == "fail":
        return
    if (given.missing.zeros is None) == (given.missing.fill is None):
        yield Problem(
            (*at, "missing"), "expected one of fill (a number, for columns) and zeros (a shape, for an image)"
        )
    elif (given.missing.zeros is None) == (given.columns is None):
        yield Problem((*at, "missing"), "fill belongs to columns, and zeros to an image")


def _steps(steps: Sequence[Mapping[str, Any]], place: Place, catalog: Catalog) -> Iterator[Problem]:
    for number, step in enumerate(steps):
        if len(step) != 1:
            yield Problem(
                (*place, "preprocess", number), f"got {len(step)} keys, expected one step, such as resize: {{…}}"
            )
            continue
        ((name, options),) = step.items()
        if name not in catalog.steps:
            yield Problem((*place, "preprocess", number), unknown("step", name, catalog.steps))
        else:
            yield from _options(catalog.steps[name], options, (*place, "preprocess", number, name))


def _options(options: type[BaseModel], given: Any, place: Place) -> Iterator[Problem]:
    try:
        options.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        yield from schema_problems(error, options, given, place)


def _endpoints(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, endpoint in enumerate(protocol.endpoints):
        place: Place = ("endpoints", index)
        if endpoint.id in ids:
            yield Problem((*place, "id"), f"'{endpoint.id}' names two endpoints")
        ids.add(endpoint.id)
        if endpoint.metric not in catalog.metrics:
            yield Problem((*place, "metric"), _no_metric(endpoint.metric, catalog))
        else:
            yield from _endpoint(protocol, endpoint, place, catalog)


def _no_metric(got: str, catalog: Catalog) -> str:
    """Of a measure without a statistic, such as segmentation.dice, the statistics there are."""
    task, _, name = got.partition(".")
    statistics = [other for other in catalog.metrics if other.startswith(f"{task}.") and other.endswith(f".{name}")]
    if name and statistics:
        return f"no metric '{got}'; of a case's {name} there are {', '.join(sorted(statistics))}"
    return unknown("metric", got, catalog.metrics)


def _endpoint(protocol: StudyProtocol, endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    metric = catalog.metrics[endpoint.metric]
    if not metric.tasks & FITTING[protocol.task]:
        tasks = ", ".join(sorted(metric.tasks))
        what = next((words for task, words in WHAT.items() if metric.tasks <= {task}), f"is a metric of {tasks};")
        yield Problem((*place, "metric"), f"{metric.title} {what} this study's task is {protocol.task}")
    if "threshold" in metric.condition:
        for model in protocol.models:
            if model.operating_point is None:
                yield Problem(place, f"{metric.title} needs an operating point; model '{model.id}' has none")
    if metric.outputs_only and protocol.task not in MEASURED:
        for model in protocol.models:
            if model.output.kind != "probability":
                yield Problem(
                    place, f"{metric.title} needs probabilities; model '{model.id}' gives a {model.output.kind}"
                )
    yield from _interval(protocol, endpoint, place, catalog)


def _interval(protocol: StudyProtocol, endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    metric = catalog.metrics[endpoint.metric]
    method = endpoint.interval.method if endpoint.interval else metric.intervals[0]
    unit, cluster = protocol.cohort.unit, protocol.cohort.cluster
    place = (*place, "interval", "method")
    if method not in metric.intervals:
        yield Problem(place, f"{metric.title} has no {method} interval; there are {', '.join(metric.intervals)}")
    elif method in NAIVE and unit != cluster:
        yield Problem(
            place,
            f"{method} takes rows for independent, but rows are per {unit} and {cluster}s are resampled; "
            f"use {NAIVE[method]}",
        )
    if endpoint.interval and endpoint.interval.kind is not None and method != "bootstrap":
        yield Problem((*place[:-1], "kind"), f"belongs to method bootstrap, not to {method}")


def _strata(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    known = _attributes(protocol, catalog)
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
            yield from _options(
                catalog.analyses[analysis.name].options, analysis.options, ("analyses", index, "options")
            )


def _acceptance(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
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
