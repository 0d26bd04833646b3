"""An image whose preprocessing is left to the device of its model: pixels as the file has them, and what is to be done, decided.

What can be wrong with an image is found where it is decoded (deciding.py); what is left is arithmetic (device_steps.py), for many
images at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Told = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Unfinished:
    """
    pixels : (channel, y, x) in native units, of their own type (TYPES)
    steps : what is left, by name, with what is the same for every image of this protocol: those with equal steps and shapes go
        together
    numbers : what is this image's own, in the order in which the steps take it: a window's middle and width
    table : (entries,) of a VOI LUT, where one of the steps looks up      shape : (channel, y, x) that comes out, float32
    """

    pixels: NDArray[Any] = field(repr=False)
    steps: tuple[Told, ...]
    numbers: tuple[float, ...]
    table: NDArray[np.int64] | None
    shape: tuple[int, int, int]

    @property
    def nbytes(self) -> int:
        return int(self.pixels.nbytes)

    @property
    def alike(self) -> tuple[Any, ...]:
        """Equal for images that are done together; one with a table goes alone."""
        return self.pixels.shape, self.pixels.dtype.name, self.steps, self.table is None or id(self)

    def halved(self) -> Unfinished:
        """Rounded to half precision at the end, and given as single precision again."""
        return Unfinished(self.pixels, (*self.steps, ("half", ())), self.numbers, self.table, self.shape)


def parted(image: Unfinished, arrays: list[NDArray[Any]]) -> dict[str, Any]:
    """As plain JSON, with its arrays at the end of `arrays`; `joined` reads it. A file's numbers may be any, so they go as an array."""
    arrays += [image.pixels, np.array(image.numbers, np.float64)]
    if image.table is not None:
        arrays.append(image.table)
    return {"steps": [list(step) for step in image.steps], "table": image.table is not None, "shape": list(image.shape)}


def joined(told: Mapping[str, Any], arrays: Iterator[NDArray[Any]]) -> Unfinished:
    """What `parted` took apart; takes its arrays and no more. Raises LookupError, TypeError or ValueError on nonsense."""
    pixels, numbers = next(arrays), next(arrays)
    table = next(arrays) if told["table"] else None
    channel, y, x = (int(size) for size in told["shape"])
    return Unfinished(pixels, steps_of(told["steps"]), tuple(numbers.tolist()), table, (channel, y, x))


def steps_of(told: Any) -> tuple[Told, ...]:
    """Steps as they come out of JSON, with tuples for its lists."""
    return tuple((str(name), _frozen(options)) for name, options in told)


def _frozen(told: Any) -> Any:
    return tuple(_frozen(part) for part in told) if isinstance(told, list) else told
