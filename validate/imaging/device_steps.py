"""Preprocessing on the device of a model: what `unfinished` has decided, done by torch for all images that are alike.

Every step but one gives the bits of preprocess.py: windows are computed in double precision and rounded once, as there. Resizing is
torch's own, in single precision; for grey in [0, 1] it differs by at most TOLERANCE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.unfinished import Told

TOLERANCE = 2e-6  # of a grey value in [0, 1]
TOGETHER = 1 << 24  # pixels in double precision at once, 128 MB
UNSIGNED = {"uint16": ("int16", 0xFFFF), "uint32": ("int32", 0xFFFFFFFF)}  # torch computes with signed numbers only


def sent(pixels: NDArray[Any]) -> NDArray[Any]:
    """As torch takes them: unsigned words as the signed ones of the same bits, which `finished` undoes."""
    name = UNSIGNED.get(pixels.dtype.name, (pixels.dtype.name, 0))[0]
    return pixels.view(name)


def finished(torch: Any, pixels: Any, kind: str, steps: Sequence[Told], numbers: Any, table: Any) -> Any:
    """(n, channel, y, x) on the device → (n, channel, new y, new x) float32 there.

    pixels : as `sent` gives them      kind : their own type, such as "uint16"
    numbers : (n, k) float64, on the device, what is each image's own      table : (entries,) int64, of the only image, or None
    """
    count = max(TOGETHER // max(pixels[0].numel(), 1), 1)
    if len(pixels) > count:
        parts = [
            finished(torch, pixels[at : at + count], kind, steps, numbers[at : at + count], table)
            for at in range(0, len(pixels), count)
        ]
        return torch.cat(parts)
    given = _whole(torch, pixels, kind)
    own = _Own(iter(numbers[:, place].reshape(-1, 1, 1, 1) for place in range(numbers.shape[1])), table)
    for name, told in steps:
        given = DONE[name](torch, given, told, own)
    return given.to(torch.float32)


def _whole(torch: Any, pixels: Any, kind: str) -> Any:
    if kind not in UNSIGNED:
        return pixels
    wide = torch.int32 if kind == "uint16" else torch.int64
    return pixels.to(wide) & UNSIGNED[kind][1]


@dataclass(frozen=True, slots=True)
class _Own:
    """What is each image's own. numbers : (n, 1, 1, 1) each, in the order in which the steps take them      table : of the only image"""

    numbers: Iterator[Any]
    table: Any

    def next(self) -> Any:
        return next(self.numbers)


def _ramp(torch: Any, x: Any, told: tuple[Any, ...], own: _Own) -> Any:
    middle, width = own.next(), own.next()
    grey = x.to(torch.float64).sub(middle).div_(width)
    return grey.add_(told[0]).clamp_(0, 1).to(torch.float32)


def _above(torch: Any, x: Any, _told: tuple[Any, ...], own: _Own) -> Any:
    return (x.to(torch.float64) > own.next()).to(torch.float32)


def _sigmoid(torch: Any, x: Any, _told: tuple[Any, ...], own: _Own) -> Any:
    center, width = own.next(), own.next()
    return (1 / (1 + torch.exp(-4 * (x.to(torch.float64) - center) / width))).to(torch.float32)


def _table(torch: Any, x: Any, told: tuple[Any, ...], own: _Own) -> Any:
    entries = own.table.to(torch.float32)
    place = (x.to(torch.float64) - own.next()).round().clamp(0, len(entries) - 1).to(torch.int64)
    # by a tensor there: a number from here would become a product with its inverse on some devices, which rounds otherwise
    return entries[place] / torch.tensor((1 << told[0]) - 1, dtype=torch.float32, device=x.device)


def _resize(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    rows, columns, method, antialias = told
    given = x.to(torch.float32)
    if tuple(given.shape[2:]) == (rows, columns):
        return given
    options: dict[str, Any] = {"size": (rows, columns), "mode": "nearest-exact" if method == "nearest" else method}
    if method in {"bilinear", "bicubic"}:
        options |= {"align_corners": False, "antialias": antialias}
    return torch.nn.functional.interpolate(given, **options)


def _scale(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    low, high = told
    given = x.to(torch.float32)
    return given if (low, high) == (0.0, 1.0) else given.mul(_single(high - low)).add_(_single(low))


def _normalise(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    mean, std = (
        torch.tensor(part, dtype=torch.float32, device=x.device).reshape(1, -1, 1, 1) for part in map(list, told)
    )
    return x.to(torch.float32).sub(mean).div_(std)


def _crop(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    top, left, rows, columns = told
    return x[:, :, top : top + rows, left : left + columns].to(torch.float32)


def _pad(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    above, below, left, right, value = told
    return torch.nn.functional.pad(x.to(torch.float32), (left, right, above, below), value=value)


def _channels(torch: Any, x: Any, told: tuple[Any, ...], _own: _Own) -> Any:
    given = x.to(torch.float32)
    return given if given.shape[1] == told[0] else given.repeat(1, told[0], 1, 1)


def _half(torch: Any, x: Any, _told: tuple[Any, ...], _own: _Own) -> Any:
    return x.to(torch.float16).to(torch.float32)


def _single(number: float) -> float:
    return float(np.float32(number))


DONE: Mapping[str, Callable[[Any, Any, tuple[Any, ...], _Own], Any]] = {
    "ramp": _ramp,
    "above": _above,
    "sigmoid": _sigmoid,
    "table": _table,
    "resize": _resize,
    "scale": _scale,
    "normalise": _normalise,
    "crop": _crop,
    "pad": _pad,
    "channels": _channels,
    "half": _half,
}
