"""Images that the model was never meant for, of the size that it expects: does it notice?

hand : a hand-like radiograph of bright bones, another body part. abdomen_slice : an ellipse with organs, another modality. photograph : a
landscape of light, no medical image. inverted : black for white. lateral : the image squeezed and mirrored to half its width, another view.
noise : white noise. half : the lower half missing, as after a broken transfer. saturated : everything white or black. All are drawn
from a seed and show nobody. Users are to be told of such limits (IMDRF/AIML WG/N88:2025, principle 9).
"""

from __future__ import annotations

from typing import Any, Literal

from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.filters import gaussian
from validate.imaging.perturb.perturbation import Perturbation, Strength
from validate.imaging.perturb.stack import Stack

KINDS = ("hand", "abdomen_slice", "photograph", "lateral", "inverted", "noise", "half", "saturated")


class ForeignImage(Strength):
    """kind : what is given instead of the image."""

    kind: Literal["hand", "abdomen_slice", "photograph", "lateral", "inverted", "noise", "half", "saturated"]


def replaced(stack: Stack, options: ForeignImage, draw: Draw) -> Stack:
    """Of the same shape, in the same range of grey."""
    grey = MADE[options.kind](stack, draw)
    return stack.shown(grey.expand_as(stack.voxels).contiguous())


def _grid(stack: Stack) -> tuple[Any, Any]:
    """(1, 1, y, x, 1) from -1 to 1."""
    import torch

    rows, columns = stack.voxels.shape[2:4]
    y = torch.linspace(-1, 1, rows, device=stack.voxels.device).reshape(1, 1, -1, 1, 1)
    x = torch.linspace(-1, 1, columns, device=stack.voxels.device).reshape(1, 1, 1, -1, 1)
    return y, x


def _hand(stack: Stack, draw: Draw) -> Any:
    y, x = _grid(stack)
    turn = draw.column(-0.15, 0.15)
    bones = ((((x - turn) / 0.55) ** 2 + ((y - 0.6) / 0.4) ** 2) < 1) * 0.45
    for place in (-0.6, -0.3, 0.0, 0.3, 0.6):
        along = x - place - turn * y
        finger = (along.abs() < 0.1) & (y < 0.4) & (y > -0.9 + abs(place))
        bones = bones + finger * (0.35 + 0.4 * (along.abs() > 0.05))
    return bones.clamp(0, 1)


def _abdomen_slice(stack: Stack, draw: Draw) -> Any:
    y, x = _grid(stack)
    inside = ((x / 0.85) ** 2 + (y / 0.65) ** 2 < 1) * 0.4
    spine = (x**2 + (y - 0.4) ** 2 < 0.02) * 0.5
    organ = (((x + 0.35 + draw.column(-0.05, 0.05)) / 0.4) ** 2 + (y / 0.35) ** 2 < 1) * 0.12
    return (inside + spine + organ).clamp(0, 1)


def _photograph(stack: Stack, draw: Draw) -> Any:
    y, _ = _grid(stack)
    texture = gaussian(draw.normal(1, *stack.voxels.shape[2:4], 1), (4.0, 12.0))
    return (0.55 - 0.35 * y + 0.8 * texture).clamp(0, 1)


def _lateral(stack: Stack, _draw: Draw) -> Any:
    grey = stack.grey.clamp(0, 1)
    out = grey.new_zeros(grey.shape)
    columns = grey.shape[3]
    half = grey[:, :, :, ::2].flip(3)
    out[:, :, :, columns // 4 : columns // 4 + half.shape[3]] = half
    return out


def _inverted(stack: Stack, _draw: Draw) -> Any:
    return 1 - stack.grey.clamp(0, 1)


def _noise(stack: Stack, draw: Draw) -> Any:
    return (0.5 + 0.25 * draw.normal(*stack.voxels.shape[1:])).clamp(0, 1)


def _half(stack: Stack, _draw: Draw) -> Any:
    grey = stack.grey.clamp(0, 1).clone()
    grey[:, :, grey.shape[2] // 2 :] = 0
    return grey


def _saturated(stack: Stack, _draw: Draw) -> Any:
    return (stack.grey > 0.5).to(stack.voxels.dtype)


MADE = {
    "hand": _hand,
    "abdomen_slice": _abdomen_slice,
    "photograph": _photograph,
    "lateral": _lateral,
    "inverted": _inverted,
    "noise": _noise,
    "half": _half,
    "saturated": _saturated,
}
PERTURBATION = Perturbation(
    title="Foreign image",
    suites=frozenset(),
    OPTIONS=ForeignImage,
    severities=tuple({"kind": kind} for kind in KINDS[:5]),
    anchor="kinds, in no order of harm",
    strength="kind",
    unit="",
    validity="Drawings, not acquisitions: a model that notices these may still miss a real image of another body part.",
    source="IMDRF/AIML WG/N88:2025, Good machine learning practice, principle 9 (users are told of the limits)",
    change=replaced,
)  # fmt: skip
