"""The wrong way round: mirrored, upside down, or rows for columns.

A plate read from its back mirrors the image, a wrong photometric or row order turns it (PS3.3 C.7.6.2.1.1 on Image Orientation). The
matrix keeps its size: an image that is not square is turned within it.
"""

from __future__ import annotations

from typing import Literal

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

WAYS = ("left_right", "upside_down", "half_turn", "quarter_turn", "transposed")


class Orientation(Strength):
    """way : left_right mirrors columns, upside_down rows, half_turn both; quarter_turn counter-clockwise; transposed rows for columns"""

    way: Literal["left_right", "upside_down", "half_turn", "quarter_turn", "transposed"]


def reoriented(stack: Stack, options: Orientation, _draw: Draw) -> Stack:
    """Values are moved, and in a matrix that is not square sampled anew."""
    import torch

    axes = {"left_right": (3,), "upside_down": (2,), "half_turn": (2, 3)}
    if options.way in axes:
        return stack.having(stack.voxels.flip(axes[options.way]))
    n, z, rows, columns, c = stack.voxels.shape
    turned = stack.voxels.transpose(2, 3)
    if options.way == "quarter_turn":
        turned = turned.flip(2)
    if rows != columns:
        flat = turned.movedim(-1, 2).reshape(n * z, c, columns, rows)
        flat = torch.nn.functional.interpolate(flat, size=(rows, columns), mode="bilinear", align_corners=False)
        turned = flat.reshape(n, z, c, rows, columns).movedim(2, -1)
    return stack.having(turned.contiguous())


PERTURBATION = Perturbation(
    title="Wrong orientation",
    suites=frozenset({"any"}),
    OPTIONS=Orientation,
    severities=tuple({"way": way} for way in WAYS),
    anchor="mirrored (a plate read from its back), upside down, by half a turn, by a quarter, rows for columns; in no order of harm",
    strength="way",
    unit="",
    validity="Pixels are turned and the header is not, as where a converter forgot it.",
    source="DICOM PS3.3 C.7.6.2.1.1",
    change=reoriented,
)  # fmt: skip
