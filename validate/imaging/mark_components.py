"""From what a model says of each voxel to marks: each connected part above a value is one, a ball around its centre of weight."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from validate.imaging.mask import Grid
from validate.imaging.volume_steps import Step


class Marks(Step):
    """Connected voxels at or above `at` are a mark; its score is the highest or the mean value in it, its diameter that of a ball of
    its volume. Parts of fewer than `voxels` voxels are none. Each channel is a kind of lesion, in the order of reference.classes.
    """

    at: float
    score: Literal["max", "mean"]
    connectivity: Literal[6, 18, 26] = 26
    voxels: Annotated[int, Field(ge=1)] = 1


STEPS: dict[str, type[Step]] = {"marks": Marks}


def mark_chain_problems(steps: Sequence[Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[int | None, str]]:
    """(place of the step or None, what is wrong) of steps that can't lead to marks: exactly one is needed."""
    if len(steps) != 1 or tuple(steps[0]) != ("marks",):
        yield None, "makes marks of voxels by exactly one step, such as marks: {at: 0.3, score: max}"
        return
    try:
        Marks.model_validate(dict(steps[0]["marks"]))
    except ValidationError as error:
        yield from ((0, f"marks: {problem['msg']} {problem['loc']}") for problem in error.errors())


@dataclass(frozen=True, slots=True)
class MarkedParts:
    """balls : (n, 4) x, y, z of the centre and the diameter, patient LPS in mm      scores : (n,)      channels : (n,)."""

    balls: NDArray[np.float64]
    scores: NDArray[np.float64]
    channels: NDArray[np.int64]


def marked_parts(values: NDArray[np.float32], grid: Grid, options: Marks) -> MarkedParts:
    """Values : (channel, z, y, x) on the grid. In the order of channels, then of the parts' first voxels."""
    from scipy.ndimage import generate_binary_structure
    from scipy.ndimage import label as numbered

    structure = generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[options.connectivity])
    voxel = math.prod(grid.spacing)
    balls, scores, channels = [], [], []
    for channel, volume in enumerate(values):
        parts, count = numbered(volume >= np.float32(options.at), structure=structure)
        if not count:
            continue
        z, y, x = np.nonzero(parts)
        part, weight = parts[z, y, x] - 1, volume[z, y, x].astype(np.float64)
        size, total = np.bincount(part, minlength=count), np.bincount(part, weight, minlength=count)
        index = np.stack([np.bincount(part, weight * at, minlength=count) / total for at in (x, y, z)], axis=1)
        highest = np.zeros(count)
        np.maximum.at(highest, part, weight)
        kept = size >= options.voxels
        at = index[kept] @ grid.affine[:3, :3].T + grid.affine[:3, 3]
        balls.append(np.column_stack((at, np.cbrt(6 * size[kept] * voxel / np.pi))))
        scores.append((highest if options.score == "max" else total / size)[kept])
        channels.append(np.full(int(kept.sum()), channel))
    if not balls:
        return MarkedParts(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
    return MarkedParts(np.concatenate(balls), np.concatenate(scores), np.concatenate(channels).astype(np.int64))
