"""Whether what preprocessing makes goes into the model, said before the run and in words that name the step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.protocol.model import Model


def check_input(name: str, declared: Sequence[int | str | None], *, element: str, model: Model) -> None:
    """Raises ModelError unless the model takes (batch, channel, y, x) of float32, with z before y where it sees volumes.

    declared : one size per axis; a name or None where it is free      element : such as "float32"
    """
    place = f"models.{model.id}: its input '{name}'"
    if element != "float32":
        raise ModelError(
            f"{place} takes {element}; images are given as float32. Export the model with a float32 input."
        )
    axes = 5 if sees_volumes(model) else 4
    if len(declared) != axes:
        given = (
            "volumes are given as (batch, channel, z, y, x)"
            if axes == 5
            else "images are given as (batch, channel, y, x)"
        )
        raise ModelError(
            f"{place} has {len(declared)} axes, {_shape(declared)}; {given}. "
            f"Export the model with these {'five' if axes == 5 else 'four'} axes."
        )


def sees_volumes(model: Model) -> bool:
    """Whether the arrays it is given have a z axis."""
    return model.input == "series" and (model.sliding_window is None or not model.sliding_window.planar)


def misfit(declared: Sequence[int | str | None], shape: tuple[int, ...], *, model: Model) -> str | None:
    """Why an image of this (channel, y, x) shape does not fit the (batch, channel, y, x) input, or None; z before y in a volume.

    The sentence names what was got, what was expected, and the preprocess step to change.
    """
    expected = tuple(declared[1:])
    sizes = zip(expected, shape, strict=False)
    wrong = [axis for axis, (size, got) in enumerate(sizes) if isinstance(size, int) and size != got]
    axes = 4 if sees_volumes(model) else 3
    if len(shape) == axes and not wrong:
        return None
    what, named = ("volumes", "(channel, z, y, x)") if axes == 4 else ("images", "(channel, y, x)")
    start = f"models.{model.id}.preprocess makes {what} of shape {_shape(shape)}, as {named}"
    start += f", but the model takes {_shape(expected)}."
    if len(shape) == axes and 0 not in wrong:
        size = [length if isinstance(length, int) else shape[1 + axis] for axis, length in enumerate(expected[1:])]
        return f"{start} Add or change the step `resize: {{size: {size}, method: bilinear, antialias: true}}`."
    return f"{start} Change the steps so that {expected[0]} channel(s) come out; see `validate check`."


def filled(pixels: NDArray[np.float32], size: int | None) -> NDArray[np.float32]:
    """The batch filled up with zeros to the only size the model takes."""
    if size is None or len(pixels) >= size:
        return pixels
    filled = np.zeros((size, *pixels.shape[1:]), dtype=np.float32)
    filled[: len(pixels)] = pixels
    return filled


def _shape(sizes: Sequence[int | str | None]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in sizes) + ")"
