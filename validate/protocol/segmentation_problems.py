"""Task segmentation: do masks, structures, measures and outputs fit together?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from validate.protocol import file_names
from validate.protocol.catalog import Catalog
from validate.protocol.model import Model
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.schema import StudyProtocol
from validate.protocol.segmentation import Segmentation
from validate.protocol.targets import ALL, structures

LARGEST_VALUE = 65535
OF_SIZE = "segmentation.lesion_sensitivity_of_size"


def segmentation_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Of a segmentation every cross-check; of another task that nothing of it is there."""
    if protocol.task != "segmentation":
        if protocol.segmentation is not None:
            yield Problem(("segmentation",), f"belongs to task segmentation; this study's task is {protocol.task}")
        for index, model in enumerate(protocol.models):
            if model.output.kind == "mask" and protocol.task != "detection":
                message = f"got 'mask', but task {protocol.task} is judged by numbers: say probability or score"
                yield Problem(("models", index, "output", "kind"), message)
        return
    yield from _structures(protocol)
    if protocol.reference.names is not None and (wrong := file_names.problem(protocol.reference.names)):
        yield Problem(("reference", "names"), wrong)
    yield from _block(protocol)
    for index, model in enumerate(protocol.models):
        entry = catalog.formats.get(model.format)
        if entry is not None and entry.needs_pixels:
            yield from _volumes(model, ("models", index), catalog)
        else:
            yield from _model(model, ("models", index))


def _volumes(model: Model, place: Place, catalog: Catalog) -> Iterator[Problem]:
    """A model that is run here: volumes in, a value for each voxel out, and declared steps from there to a mask."""
    if model.output.kind != "mask":
        yield Problem((*place, "output", "kind"), f"got '{model.output.kind}'; a segmentation's output is a mask")
    if model.input != "series":
        yield Problem((*place, "input"), "a mask is made of a volume here: say series")
    if model.operating_point is not None:
        yield Problem((*place, "operating_point"), "a mask's threshold is a step of postprocess: remove it")
    for step, problem in catalog.mask_chain(model.postprocess):
        yield Problem((*place, "postprocess", *(() if step is None else (step,))), problem)


def _model(model: Model, place: Place) -> Iterator[Problem]:
    if model.output.kind != "mask":
        yield Problem((*place, "output", "kind"), f"got '{model.output.kind}'; a segmentation's output is a mask")
    if model.postprocess:
        yield Problem((*place, "postprocess"), f"format '{model.format}' gives masks as they are: remove this")
    if model.output.activation != "none":
        yield Problem((*place, "output", "activation"), "a mask is read as it is: say none")
    if model.operating_point is not None:
        yield Problem((*place, "operating_point"), "a mask has no threshold: remove it")
    if model.format == "predictions" and "masks" not in model.options:
        message = "is missing; name the mask files in terms of a case, such as '{patient}.nii.gz', in the folder `path`"
        yield Problem((*place, "masks"), message)


def _structures(protocol: StudyProtocol) -> Iterator[Problem]:
    values = structures(protocol.reference)
    for name, value in values.items():
        place = ("reference", "classes", name)
        if name == ALL or not name.strip():
            yield Problem(place, "this name is reserved; give the structure another")
        if not 1 <= value <= LARGEST_VALUE:
            yield Problem(place, f"got {value}, expected 1 to {LARGEST_VALUE}; 0 is what is no structure")
        if list(values.values()).count(value) > 1:
            yield Problem(place, f"the value {value} stands for two structures")


def _block(protocol: StudyProtocol) -> Iterator[Problem]:
    block, known = protocol.segmentation, structures(protocol.reference)
    if block is None:
        needed = "boundary, tolerance, empty_reference and empty_prediction"
        yield Problem(
            ("segmentation",), f"is missing; say {needed}: libraries disagree about them, and numbers with them"
        )
        return
    if isinstance(block.tolerance, dict):
        lacking = [name for name in known if name not in block.tolerance]
        if lacking:
            yield Problem(("segmentation", "tolerance"), f"has none for {', '.join(lacking)}")
        for name in block.tolerance:
            if name not in known:
                yield Problem(("segmentation", "tolerance", name), unknown("structure", name, known))
    for number, name in enumerate(block.centrelines):
        if name not in known:
            yield Problem(("segmentation", "centrelines", number), unknown("structure", name, known))
    yield from _ejection(block, known)
    yield from _lesions(protocol, block)


def _lesions(protocol: StudyProtocol, block: Segmentation) -> Iterator[Problem]:
    """Limits of sizes rise, and an endpoint of lesions, or of one size of them, has lesions or that size to be of."""
    limits = None if block.lesions is None else block.lesions.size_limits
    if limits is not None and any(later <= earlier for earlier, later in pairwise(limits)):
        yield Problem(("segmentation", "lesions", "size_limits"), f"got {list(limits)}, expected millimetres that rise")
    bands = 0 if block.lesions is None else len(block.lesions.size_bands)
    for index, endpoint in enumerate(protocol.endpoints):
        _, _, size = endpoint.metric.partition(f"{OF_SIZE}.size_")
        if size.isdecimal() and int(size) > bands:
            message = (
                f"there is no lesion size {size}: segmentation.lesions.size_limits makes "
                + (f"sizes 1 to {bands}" if bands else "none")
                + ". Give it limits in mm, such as [5, 10], for sizes 1 to 3."
            )
            yield Problem(("endpoints", index, "metric"), message)
        elif endpoint.metric == "segmentation.lesion_sensitivity" and block.lesions is None:
            message = "needs segmentation.lesions, which says what one lesion is and when two are the same"
            yield Problem(("endpoints", index, "metric"), message)


def _ejection(block: Segmentation, known: dict[str, int]) -> Iterator[Problem]:
    ejection = block.ejection_fraction
    if ejection is None:
        return
    if ejection.structure not in known:
        yield Problem(
            ("segmentation", "ejection_fraction", "structure"), unknown("structure", ejection.structure, known)
        )
    if ejection.filled == ejection.emptied:
        yield Problem(("segmentation", "ejection_fraction", "emptied"), "is the same phase as filled")
