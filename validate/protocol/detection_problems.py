"""Task detection: do lesions, marks, the rule for hits, strata and endpoints fit together?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from validate.protocol import file_names
from validate.protocol.catalog import Catalog
from validate.protocol.detection import SIZE, Detection
from validate.protocol.model import Model
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import class_names

KINDS = ("boxes", "points", "balls", "mask")
WITH_VALUE = {"iou": (0.0, 1.0), "distance": (0.0, float("inf")), "diameter_fraction": (0.0, float("inf"))}
PLURAL = {"box": "boxes", "point": "points", "ball": "balls"}
EXTENDED = frozenset({"boxes", "balls", "masks"})  # shapes that something can lie in
COCO = "detection.coco."


def detection_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Of a detection every cross-check; of another task that nothing of it is there."""
    if protocol.task != "detection":
        if protocol.detection is not None:
            yield Problem(("detection",), f"belongs to task detection; this study's task is {protocol.task}")
        for index, model in enumerate(protocol.models):
            if model.output.kind in {"boxes", "points", "balls"}:
                message = f"got '{model.output.kind}', but task {protocol.task} does not judge marks"
                yield Problem(("models", index, "output", "kind"), message)
            elif model.output.space is not None:
                yield Problem(
                    ("models", index, "output", "space"), "belongs to marks (boxes, points, balls): remove it"
                )
        return
    block = protocol.detection
    if block is None:
        needed = "space, hit and repeated_hits"
        yield Problem(("detection",), f"is missing; say {needed}: challenges differ about them, and numbers with them")
        return
    shape = _shape(protocol)
    yield from _reference(protocol, block)
    yield from _hit(block, shape)
    for index, model in enumerate(protocol.models):
        yield from _model(block, model, ("models", index), shape)
        yield from _volumes(model, ("models", index), catalog)
    yield from _bands(block)
    yield from _strata(protocol, block, catalog)
    yield from _coco(protocol, shape)


def _shape(protocol: StudyProtocol) -> str:
    """Of the lesions; a file that says its shape itself, as COCO's does, holds boxes."""
    return "masks" if protocol.reference.masks is not None else PLURAL[protocol.reference.shape or "box"]


def _reference(protocol: StudyProtocol, block: Detection) -> Iterator[Problem]:
    reference = protocol.reference
    if (reference.marks is None) == (reference.masks is None):
        message = "expected marks (with key, shape and space), where lesions are listed, or masks: one of the two"
        yield Problem(("reference",), message)
        return
    for name in ("key", "unlisted") if reference.masks is None else ():
        if getattr(reference, name) is None:
            about = ": what a case is that the source does not name, no_lesion or missing" if name == "unlisted" else ""
            yield Problem(("reference", name), f"is missing; task detection needs it{about}")
    for name in ("key", "shape", "space", "unlisted", "columns", "label") if reference.masks is not None else ():
        if getattr(reference, name):
            yield Problem(("reference", name), "is about listed marks, and the reference is masks: remove it")
    if reference.label is None and reference.marks is not None and len(class_names(reference)) > 1:
        yield Problem(("reference", "label"), "is missing; say which column tells the kinds of lesion apart")
    if reference.names is not None and (wrong := file_names.problem(reference.names)):
        yield Problem(("reference", "names"), wrong)
    if reference.masks is not None and block.connectivity is None:
        yield Problem(
            ("detection", "connectivity"), "is missing; say which voxels of a mask are one lesion: 26, 18, 6, 8 or 4"
        )
    if block.lesion_attributes and reference.marks is None:
        yield Problem(
            ("detection", "lesion_attributes"), "are columns of a table of lesions, and the reference is masks"
        )


def _hit(block: Detection, shape: str) -> Iterator[Problem]:
    place: Place = ("detection", "hit", "value")
    criterion, value = block.hit.criterion, block.hit.value
    if criterion not in WITH_VALUE:
        if value is not None:
            yield Problem(place, f"{criterion} has no value: remove it")
    elif value is None:
        yield Problem(place, f"is missing; {criterion} needs one")
    elif not value <= WITH_VALUE[criterion][1]:
        yield Problem(place, f"got {value}, expected more than 0 and at most 1")
    if criterion in {"iou", "centre_in_object"} and shape not in EXTENDED:
        yield Problem(
            ("detection", "hit", "criterion"),
            f"{criterion} needs lesions with an extent, and these are {shape}: say distance",
        )
    if criterion == "diameter_fraction" and shape not in {"balls", "masks"}:
        message = (
            f"diameter_fraction needs lesions with a diameter, and these are {shape}: say distance or centre_in_object"
        )
        yield Problem(("detection", "hit", "criterion"), message)


def _model(block: Detection, model: Model, place: Place, shape: str) -> Iterator[Problem]:
    kind = model.output.kind
    if kind not in KINDS:
        yield Problem(
            (*place, "output", "kind"), f"got '{kind}'; a detector's output is {', '.join(KINDS[:-1])} or a mask"
        )
        return
    if model.output.activation != "none" and not model.postprocess:
        yield Problem((*place, "output", "activation"), "marks are read as they are: say none")
    if (kind == "mask") != (model.output.space is None):
        message = (
            "a mask lies on its own grid: remove it"
            if kind == "mask"
            else "is missing; say mm, mm_ras, pixels or voxels"
        )
        yield Problem((*place, "output", "space"), message)
    if block.hit.criterion == "iou" and {"mask": "masks"}.get(kind, kind) != shape:
        message = (
            f"overlap is of two of a kind, and these are {kind} against {shape}: choose another detection.hit.criterion"
        )
        yield Problem((*place, "output", "kind"), message)
    if kind == "mask" and block.connectivity is None:
        yield Problem(("detection", "connectivity"), "is missing; say which voxels of a mask are one mark")
    if (
        model.operating_point is not None
        and model.operating_point.threshold is None
        and model.operating_point.thresholds is None
    ):
        yield Problem((*place, "operating_point"), "got a rule without a threshold; marks count from a score on")
    if model.format == "predictions":
        wanted = "masks" if kind == "mask" else "key"
        if wanted not in model.options:
            yield Problem((*place, wanted), f"is missing; {kind} are found by it")
        if kind != "mask" and "unlisted" not in model.options:
            message = "is missing; say what a case without a row is: no_marks, or missing_output"
            yield Problem((*place, "unlisted"), message)


def _volumes(model: Model, place: Place, catalog: Catalog) -> Iterator[Problem]:
    """Marks and masks that are made here of what a model says of each voxel."""
    entry = catalog.formats.get(model.format)
    if not model.postprocess or entry is None:
        return
    if not entry.needs_pixels:
        yield Problem(
            (*place, "postprocess"), f"format '{model.format}' gives {model.output.kind} as they are: remove this"
        )
        return
    if model.input != "series":
        yield Problem((*place, "input"), f"{model.output.kind} are made of a volume here: say series")
    if model.output.kind != "mask" and model.output.space != "mm":
        yield Problem((*place, "output", "space"), "marks that are made of voxels are in patient coordinates: say mm")
    chain = catalog.mask_chain if model.output.kind == "mask" else catalog.mark_chain
    for step, problem in chain(model.postprocess):
        yield Problem((*place, "postprocess", *(() if step is None else (step,))), problem)


def _bands(block: Detection) -> Iterator[Problem]:
    bands = block.size_bands
    if bands is not None and (len(bands) < 2 or any(low >= high for low, high in pairwise(bands))):
        yield Problem(
            ("detection", "size_bands"),
            f"got {list(bands)}, expected at least two rising limits, such as [3, 6, 10, 30]",
        )
    for index, name in enumerate(block.lesion_attributes):
        if name == SIZE:
            yield Problem(("detection", "lesion_attributes", index), f"'{SIZE}' is made by size_bands")


def _strata(protocol: StudyProtocol, block: Detection, catalog: Catalog) -> Iterator[Problem]:
    """A stratum of lesions fits metrics of lesions; a criterion on the worst of one needs such a metric."""
    metrics = {endpoint.id: catalog.metrics.get(endpoint.metric) for endpoint in protocol.endpoints}
    for index, criterion in enumerate(protocol.acceptance):
        metric = metrics.get(criterion.endpoint)
        if criterion.worst_of in block.by_lesion and metric is not None and "lesion" not in metric.needs:
            message = f"{metric.title} is of cases, and '{criterion.worst_of}' of lesions: a case has lesions of several levels"
            yield Problem(("acceptance", index, "worst_of"), message)
    for index, analysis in enumerate(protocol.analyses):
        for key in ("attributes", "by", "adjust_for"):
            named = analysis.options.get(key) or ()
            for name in (named,) if isinstance(named, str) else named:
                if name in block.by_lesion:
                    yield Problem(
                        ("analyses", index, "options", key), f"'{name}' is of lesions; this analysis compares cases"
                    )
    names = class_names(protocol.reference)
    for index, model in enumerate(protocol.models):
        for column in model.output.columns or ():
            if names and str(column) not in names:
                yield Problem(("models", index, "output", "columns"), unknown("class", str(column), names))


def _coco(protocol: StudyProtocol, shape: str) -> Iterator[Problem]:
    for index, endpoint in enumerate(protocol.endpoints):
        if not endpoint.metric.startswith(COCO):
            continue
        place: Place = ("endpoints", index, "metric")
        kinds = {shape, *(model.output.kind for model in protocol.models)}
        if kinds != {"boxes"}:
            others = ", ".join(sorted(kinds - {"boxes"}))
            yield Problem(place, f"COCO's precision and recall are of boxes against boxes; here there are {others}")
