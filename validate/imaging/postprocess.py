"""From what a model says of each voxel to a label map on the image's own grid: declared steps, in order, none of them guessed.

VERSION stands in the evidence: it changes whenever a step gives other voxels than before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from validate.imaging.mask import LARGEST_LABEL, Grid, LabelMap
from validate.imaging.resample import on_grid
from validate.imaging.volume_steps import Step

VERSION = "2"

Label = Annotated[int, Field(ge=1, le=LARGEST_LABEL)]
Connectivity = Literal[6, 18, 26]
MICROLITRES = 1000.0  # mm³ in a ml


class Argmax(Step):
    """The channel with the highest value, the first of a tie, as label 0, 1, 2 …; `labels`: which label each channel is for."""

    labels: tuple[Annotated[int, Field(ge=0, le=LARGEST_LABEL)], ...] | None = None


class Threshold(Step):
    """Voxels at or above `at` get the channel's label; where several channels do, the later one of the list wins."""

    at: float
    labels: Annotated[tuple[Label, ...], Field(min_length=1)] = (1,)


class ToImageGrid(Step):
    """Back to the voxels of the image as it was read: 0 outside of what the model saw.

    method : linear between values of channels, before argmax or threshold; nearest between labels or values
    """

    method: Literal["nearest", "linear"]


class Relabel(Step):
    """Other values for labels, all at once; 0 takes a label out."""

    values: Annotated[dict[Label, Annotated[int, Field(ge=0, le=LARGEST_LABEL)]], Field(min_length=1)]


class _OfLabels(Step):
    """labels : those it is done to, each by itself; all there are unless given."""

    labels: tuple[Label, ...] | None = None
    connectivity: Connectivity = 26


class LargestComponent(_OfLabels):
    """Only the largest connected part of each label stays; of equal ones the first in the order of its voxels."""


class RemoveSmall(_OfLabels):
    """Connected parts of fewer than so many ml, or voxels, are taken out."""

    millilitres: Annotated[float, Field(gt=0)] | None = None
    voxels: Annotated[int, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one(self) -> RemoveSmall:
        if (self.millilitres is None) == (self.voxels is None):
            raise ValueError("say millilitres or voxels, one of them")
        return self


class FillHoles(_OfLabels):
    """Background that a label closes in gets that label."""

    connectivity: Connectivity = 6


STEPS: dict[str, type[Step]] = {
    "argmax": Argmax,
    "threshold": Threshold,
    "to_image_grid": ToImageGrid,
    "relabel": Relabel,
    "largest_component": LargestComponent,
    "remove_small": RemoveSmall,
    "fill_holes": FillHoles,
}
DECIDING = ("argmax", "threshold")


@dataclass(frozen=True, slots=True)
class Mapped:
    """
    voxels : (channel, z, y, x) float32 as long as nothing is decided, then (1, z, y, x) of labels
    grid : where they lie      image : the grid of the image as it was read
    """

    voxels: NDArray[Any]
    grid: Grid
    image: Grid
    decided: bool = False


class Undecided(ValueError):
    """A step does not fit what the model gave: a declaration that is wrong, not a case."""


def label_map(
    voxels: NDArray[np.float32], grid: Grid, image: Grid, steps: Sequence[Mapping[str, Mapping[str, Any]]]
) -> LabelMap:
    """The mask of one case. Raises Undecided where a step does not fit the number of channels."""
    mapped = Mapped(voxels, grid, image)
    for step in steps:
        ((name, options),) = step.items()
        mapped = APPLY[name](mapped, STEPS[name].model_validate(options))
    labels = mapped.voxels[0]
    return LabelMap(labels.astype(np.uint8 if labels.max(initial=0) < 256 else np.uint16), mapped.grid)


def chain_problems(steps: Sequence[Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[int | None, str]]:
    """(place of the step or None, what is wrong) of a chain that can't lead to a mask on the image's grid."""
    names = []
    for place, step in enumerate(steps):
        if len(step) != 1:
            yield place, f"got {len(step)} names; each step is one `name: {{options}}`"
            continue
        ((name, options),) = step.items()
        names.append(name)
        if name not in STEPS:
            yield place, f"no step '{name}'; the steps are {', '.join(STEPS)}"
            continue
        try:
            STEPS[name].model_validate(options)
        except ValidationError as error:
            yield from ((place, f"{name}: {problem['msg']} {problem['loc']}") for problem in error.errors())
    for wanted, what in ((DECIDING, "argmax or threshold"), (("to_image_grid",), "to_image_grid")):
        count = sum(name in wanted for name in names)
        if count != 1:
            yield None, f"has {count} steps of {what}; a mask on the image's own grid needs exactly one"
    decided = next((place for place, name in enumerate(names) if name in DECIDING), len(names))
    for place, name in enumerate(names):
        if name not in (*DECIDING, "to_image_grid") and name in STEPS and place < decided:
            yield place, f"{name} works on labels: put it after argmax or threshold"
        if name == "to_image_grid" and place > decided and dict(steps[place][name]).get("method") == "linear":
            yield place, "labels can't be mixed linearly: say method: nearest, or put it before argmax or threshold"


def _argmax(mapped: Mapped, options: Argmax) -> Mapped:
    channels = mapped.voxels.shape[0]
    if channels < 2:
        raise Undecided("argmax of one channel is always 0; say threshold.")
    labels = mapped.voxels.argmax(axis=0).astype(np.uint16)
    if options.labels is not None:
        if len(options.labels) != channels:
            raise Undecided(f"argmax has {len(options.labels)} labels, and the model gave {channels} channels.")
        labels = np.asarray(options.labels, np.uint16)[labels]
    return replace(mapped, voxels=labels[None], decided=True)


def _threshold(mapped: Mapped, options: Threshold) -> Mapped:
    channels = mapped.voxels.shape[0]
    if len(options.labels) != channels:
        raise Undecided(f"threshold has {len(options.labels)} labels, and the model gave {channels} channels.")
    labels = np.zeros(mapped.voxels.shape[1:], np.uint16)
    for channel, label in enumerate(options.labels):
        labels[mapped.voxels[channel] >= np.float32(options.at)] = label
    return replace(mapped, voxels=labels[None], decided=True)


def _to_image_grid(mapped: Mapped, options: ToImageGrid) -> Mapped:
    if mapped.grid.is_same(mapped.image):
        return replace(mapped, grid=mapped.image)
    voxels = on_grid(mapped.voxels, mapped.grid, mapped.image, method=options.method)
    return replace(mapped, voxels=voxels, grid=mapped.image)


def _relabel(mapped: Mapped, options: Relabel) -> Mapped:
    table = np.arange(LARGEST_LABEL + 1, dtype=np.uint16)
    for old, new in options.values.items():
        table[old] = new
    return replace(mapped, voxels=table[mapped.voxels])


def _largest_component(mapped: Mapped, options: LargestComponent) -> Mapped:
    labels = mapped.voxels.copy()
    for label, parts, sizes in _parts(mapped, options):
        if sizes.size > 1:
            labels[0][(parts > 0) & (parts != sizes.argmax() + 1) & (mapped.voxels[0] == label)] = 0
    return replace(mapped, voxels=labels)


def _remove_small(mapped: Mapped, options: RemoveSmall) -> Mapped:
    voxel = math.prod(mapped.grid.spacing) / MICROLITRES
    labels = mapped.voxels.copy()
    for _, parts, sizes in _parts(mapped, options):
        small = sizes < options.voxels if options.voxels is not None else sizes * voxel < (options.millilitres or 0)
        labels[0][np.concatenate([[False], small])[parts]] = 0
    return replace(mapped, voxels=labels)


def _fill_holes(mapped: Mapped, options: FillHoles) -> Mapped:
    from scipy.ndimage import binary_fill_holes

    labels = mapped.voxels.copy()
    for label in _labels(mapped, options):
        filled = binary_fill_holes(labels[0] == label, structure=_structure(options.connectivity))
        labels[0][filled & (labels[0] == 0)] = label
    return replace(mapped, voxels=labels)


def _parts(mapped: Mapped, options: _OfLabels) -> Iterator[tuple[int, NDArray[Any], NDArray[np.int64]]]:
    """Each label with its connected parts, numbered from 1, and their sizes in voxels."""
    from scipy.ndimage import label as numbered

    for label in _labels(mapped, options):
        parts, count = numbered(mapped.voxels[0] == label, structure=_structure(options.connectivity))
        yield label, parts, np.bincount(parts.ravel(), minlength=count + 1)[1:]


def _labels(mapped: Mapped, options: _OfLabels) -> Iterable[int]:
    there = [int(label) for label in np.unique(mapped.voxels) if label]
    return there if options.labels is None else [label for label in options.labels if label in there]


def _structure(connectivity: int) -> NDArray[Any]:
    from scipy.ndimage import generate_binary_structure

    return np.asarray(generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity]))


APPLY: dict[str, Callable[[Mapped, Any], Mapped]] = {
    "argmax": _argmax,
    "threshold": _threshold,
    "to_image_grid": _to_image_grid,
    "relabel": _relabel,
    "largest_component": _largest_component,
    "remove_small": _remove_small,
    "fill_holes": _fill_holes,
}
