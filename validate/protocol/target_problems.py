"""Do task, reference, outputs, operating points and endpoints speak of the same classes, grades or findings?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from validate.protocol.catalog import Catalog, MetricEntry
from validate.protocol.model import Model
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Endpoint
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import (
    ALL,
    FITTING,
    MEASURED,
    TOGETHER,
    class_names,
    output_names,
    targets_of,
    written,
)

MARKS = ("marks", "shape", "space", "unlisted", "columns")
MASKS = ("masks", "names", "segments", "fraction", *MARKS)
# task → (what its reference holds, what it must not hold)
FORMS = {
    "classification": (("table", "key", "label", "positive"), ("classes", "grades", "findings", "headline", *MASKS)),
    "multiclass": (("table", "key", "label", "classes", "headline"), ("positive", "negative", "grades", "findings", *MASKS)),
    "ordinal": (("table", "key", "label", "grades", "headline"), ("positive", "negative", "classes", "findings", *MASKS)),
    "multilabel": (
        ("table", "key", "findings", "headline"),
        ("label", "positive", "negative", "classes", "grades", "indeterminate_values", *MASKS),
    ),
    "segmentation": (
        ("masks", "classes"),
        ("table", "key", "label", "positive", "negative", "grades", "findings", "indeterminate_values", *MARKS),
    ),
    "detection": (("classes",), ("table", "positive", "negative", "grades", "findings", "indeterminate_values")),
}  # fmt: skip
FEWEST = {"multiclass": ("classes", 3), "ordinal": ("grades", 3), "multilabel": ("findings", 2)}
ABOUT = {
    "classes": "every class the column may hold",
    "grades": "every grade, in rising order",
    "masks": "the folder with the masks",
    "headline": "the one that the first page, the curves and calibration speak of",
}
VALUES = "each structure's value in the masks, such as {liver: 1}"


def _about(task: str, name: str) -> str:
    if (task, name) == ("detection", "classes"):
        return "the kinds of lesion, such as [nodule]; where the reference is masks, each with its value"
    return VALUES if (task, name) == ("segmentation", "classes") else ABOUT.get(name, "")


def target_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Problems of `task` and of everything that names a target."""
    found = list(_reference(protocol))
    yield from found
    if found:
        return  # targets can't be listed
    for index, model in enumerate(protocol.models):
        yield from _output(protocol, model, ("models", index))
        yield from _operating_point(protocol, model, ("models", index, "operating_point"))
    for index, endpoint in enumerate(protocol.endpoints):
        yield from _endpoint(protocol, endpoint, ("endpoints", index), catalog)
    if protocol.task != "classification" and protocol.resampling.stratify_by is not None:
        yield Problem(("resampling", "stratify_by"), f"is for task classification; this one is {protocol.task}")


def _reference(protocol: StudyProtocol) -> Iterator[Problem]:
    reference, task = protocol.reference, protocol.task
    needed, foreign = FORMS[task]
    for name in needed:
        if getattr(reference, name) is None:
            about = _about(task, name)
            yield Problem(("reference", name), f"is missing; task {task} needs it{about and ': '}{about}")
    for name in foreign:
        if getattr(reference, name):
            yield Problem(("reference", name), f"does not belong to task {task}; remove it, or choose another task")
    if task == "segmentation" and reference.names is None and not _all_dicom(protocol):
        about = "how a case's mask file is called, such as '{patient}.nii.gz'"
        yield Problem(("reference", "names"), f"is missing; task {task} needs it: {about}")
    if task in FEWEST:
        name, least = FEWEST[task]
        values = getattr(reference, name)
        if values is not None and len(values) < least:
            yield Problem(
                ("reference", name), f"got {len(values)}, expected at least {least}; fewer are task classification"
            )
    valued = task == "segmentation" or (task == "detection" and reference.masks is not None)
    if isinstance(reference.classes, dict) != valued and reference.classes is not None:
        yield Problem(("reference", "classes"), f"task {task} needs {_about(task, 'classes')}")
        return
    yield from _names(protocol)
    yield from _headline(protocol)


def _all_dicom(protocol: StudyProtocol) -> bool:
    """Whether masks may be found by what SEG and RTSTRUCT files say of their images."""
    return all(source.dicom is not None for source in protocol.cohort.sources)


def _headline(protocol: StudyProtocol) -> Iterator[Problem]:
    reference, (_, foreign) = protocol.reference, FORMS[protocol.task]
    named = [target.name for target in targets_of(protocol) if target.kind != "all"]
    if "headline" not in foreign and reference.headline is not None and written(reference.headline) not in named:
        yield Problem(("reference", "headline"), unknown("target", reference.headline, named))


def _names(protocol: StudyProtocol) -> Iterator[Problem]:
    reference, names = protocol.reference, class_names(protocol.reference)
    for place, one in enumerate(names):
        if one in names[:place] or not one or one == ALL:
            block = "classes" if reference.classes is not None else "grades"
            what = "is reserved for all of them together" if one == ALL else "stands twice" if one else "is empty"
            yield Problem(("reference", block, place), f"'{one}' {what}")
    if ALL in (reference.findings or {}):
        yield Problem(("reference", "findings", ALL), "this name is reserved; give the finding another")


def _output(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    columns, wanted = model.output.columns, output_names(protocol)
    at = (*place, "output", "columns")
    if columns is None:
        if protocol.task in {"multiclass", "multilabel"}:
            yield Problem(
                at, f"is missing; say which of {', '.join(wanted)} each of the model's numbers is for, in order"
            )
        return
    if not wanted:
        yield Problem(at, "is for several classes or findings; task classification has one score: say index")
        return
    if model.output.index is not None:
        yield Problem((*place, "output", "index"), "says one number and columns say all: remove one of them")
    names = [written(column) for column in columns]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield Problem((*at, number), f"'{name}' stands twice")
        elif name not in wanted and protocol.task != "multilabel":
            yield Problem((*at, number), unknown("class", name, wanted).replace("classs", "classes"))
    lacking = [name for name in wanted if name not in names]
    if lacking:
        yield Problem(
            at, f"no number is for {', '.join(lacking)}; list what each number of the output is for, in order"
        )
    yield from _together(protocol, model, place)


def _together(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    """What is done with a model's several numbers."""
    if protocol.task == "ordinal" and model.output.kind != "probability":
        message = "a grade and above is the sum of the grades' probabilities: kind must be probability, or give one score and cuts"
        yield Problem((*place, "output", "kind"), message)
    aggregate = model.input.get("aggregate") if isinstance(model.input, dict) else None
    if aggregate is not None and aggregate.score == "max" and protocol.task != "multilabel":
        yield Problem(
            (*place, "input", "aggregate", "score"), "a maximum of each class is no distribution over classes: say mean"
        )


def _operating_point(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    point, task = model.operating_point, protocol.task
    if task in MEASURED:
        return  # said by the task's own checks
    if point is None:
        if task in {"multiclass", "ordinal"}:
            how = "{rule: argmax, source: …}" + (" or {cuts: […], source: …}" if task == "ordinal" else "")
            yield Problem(place, f"is missing; say how scores become an answer: {how}")
        return
    graded = task == "ordinal" and model.output.columns is None
    allowed = {
        "classification": {"threshold", "argmax", "top_k"},
        "multilabel": {"threshold", "thresholds", "top_k"},
        "multiclass": {"argmax"},
        "ordinal": {"cuts"} if graded else {"argmax"},
    }[task]
    given = {name for name in ("threshold", "thresholds", "cuts") if getattr(point, name) is not None}
    given |= {point.rule} if point.rule in {"argmax", "top_k"} else set()
    yield from _ranks(model, place)
    if len(given) != 1 or not given <= allowed:
        got = " and ".join(sorted(given)) or "neither a threshold nor a rule"
        yield Problem(place, f"got {got}, expected {' or '.join(sorted(allowed))} here")
        return
    yield from _numbers(protocol, model, place)


def _ranks(model: Model, place: Place) -> Iterator[Problem]:
    """What a rule that looks at all of a model's numbers needs."""
    point = model.operating_point
    assert point is not None
    if (point.k is None) == (point.rule == "top_k"):
        yield Problem((*place, "k"), "belongs to rule top_k, which needs it")
    if point.rule not in {"argmax", "top_k"}:
        return
    if model.output.columns is None and model.output.index is None:
        message = f"{point.rule} of one number is always that one; say which number of the output (index) is the score"
        yield Problem((*place, "rule"), message)
    if isinstance(model.input, dict) and model.output.columns is None:
        yield Problem(
            (*place, "rule"), f"{point.rule} of several images' numbers together is not defined: use a threshold"
        )
    if model.output.columns is not None and point.k is not None and point.k >= len(model.output.columns):
        yield Problem(
            (*place, "k"), f"got {point.k} of {len(model.output.columns)} numbers: everything would be flagged"
        )


def _numbers(protocol: StudyProtocol, model: Model, place: Place) -> Iterator[Problem]:
    point = model.operating_point
    assert point is not None
    numbers = [((*place, "threshold"), point.threshold)] if point.threshold is not None else []
    for name, value in (point.thresholds or {}).items():
        if name not in (protocol.reference.findings or {}):
            yield Problem((*place, "thresholds", name), unknown("finding", name, protocol.reference.findings or {}))
        numbers.append(((*place, "thresholds", name), value))
    if point.thresholds is not None:
        lacking = [name for name in protocol.reference.findings or {} if name not in point.thresholds]
        if lacking:
            yield Problem((*place, "thresholds"), f"has none for {', '.join(lacking)}")
    if point.cuts is not None:
        needed = len(class_names(protocol.reference)) - 1
        if len(point.cuts) != needed or any(a >= b for a, b in pairwise(point.cuts)):
            yield Problem(
                (*place, "cuts"), f"got {list(point.cuts)}, expected {needed} rising numbers between the grades"
            )
        numbers += [((*place, "cuts", index), cut) for index, cut in enumerate(point.cuts)]
    for at, number in numbers:
        if model.output.kind == "probability" and not 0 <= number <= 1:
            yield Problem(at, f"got {number}, but a probability lies between 0 and 1")


def _endpoint(protocol: StudyProtocol, endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    metric = catalog.metrics.get(endpoint.metric)
    if metric is None or not metric.tasks & FITTING[protocol.task]:
        return  # said already
    together = bool(metric.tasks & TOGETHER) and "classification" not in metric.tasks
    named = [target.name for target in targets_of(protocol) if target.kind != "all"]
    at = (*place, "target")
    if endpoint.target is None:
        if not together and protocol.task != "classification" and len(named) > 1:
            yield Problem(at, f"is missing; {metric.title} is of one of {', '.join(named)} (or each)")
    elif protocol.task == "classification":
        yield Problem(at, "task classification has one question only: remove it")
    elif together:
        yield Problem(at, f"{metric.title} is of all classes together: remove it")
    elif protocol.task == "detection" and endpoint.target == ALL:
        yield from _all_kinds(metric, named, at)
    elif written(endpoint.target) not in named:
        yield Problem(at, unknown("target", endpoint.target, [*named, "each"]))
    for model in protocol.models if "scores" in metric.needs else ():
        if model.output.columns is None:
            yield Problem(place, f"{metric.title} needs a score of every class; model '{model.id}' gives one number")


def _all_kinds(metric: MetricEntry, named: list[str], place: Place) -> Iterator[Problem]:
    """Lesions of all kinds together have COCO's means, and nothing else."""
    if len(named) == 1 or "class" not in metric.needs:
        one = f"there is one class, {named[0]}" if len(named) == 1 else f"{metric.title} is of one class"
        yield Problem(place, f"{one}; all of several together have COCO's means alone: say {named[0]} or each")
