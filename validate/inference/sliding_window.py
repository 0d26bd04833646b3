"""A volume through a model that sees a window of it: overlapping windows, blended by their weights, as MONAI does it.

Equal, within float32, to `monai.inferers.sliding_window_inference` with the same options (doi:10.48550/arXiv.2211.02701); this one
needs no torch, so an ONNX model does not either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.begun import Begun
from validate.protocol.sliding_window import SlidingWindow

Model = Callable[[NDArray[np.float32]], Begun[NDArray[Any]]]
Group = list[tuple[int, int, int]]
LEAST = 1e-3  # below which no weight goes, unless all do


def slide(volume: NDArray[np.float32], model: Model, options: SlidingWindow) -> NDArray[np.float32]:
    """(channel, z, y, x) → (class, z, y, x), the weighted mean of what the model said of each voxel.

    model : (n, channel, *size) → (n, class, *size); of a planar one without the z axis. It is given the next windows before what it
        said of the last is asked for
    """
    window = options.window
    padded, inner = _padded(volume, window, options.padding)
    weights = importance(options)
    total: NDArray[np.float32] | None = None
    count = np.zeros(padded.shape[1:], np.float32)
    groups = _groups(list(positions(padded.shape[1:], window, options.overlap)), options.batch)
    for group, begun in _ahead(groups, lambda group: model(_patches(padded, group, options))):
        answers = np.asarray(begun.answer())
        answers = answers[:, :, None] if options.planar else answers
        if total is None:
            total = np.zeros((answers.shape[1], *padded.shape[1:]), np.float32)
        for start, answer in zip(group, answers, strict=True):
            place = _box(start, window)
            total[(slice(None), *place)] += answer.astype(np.float32, copy=False) * weights
            count[place] += weights
    assert total is not None
    blended: NDArray[np.float32] = np.ascontiguousarray(total[(slice(None), *inner)] / count[inner])
    return blended


def _patches(
    padded: NDArray[np.float32], group: Sequence[tuple[int, int, int]], options: SlidingWindow
) -> NDArray[np.float32]:
    patches = np.stack([padded[(slice(None), *_box(start, options.window))] for start in group])
    return patches[:, :, 0] if options.planar else patches


def _ahead(
    groups: Iterable[Group], begin: Callable[[Group], Begun[NDArray[Any]]]
) -> Iterator[tuple[Group, Begun[NDArray[Any]]]]:
    """Each group with its batch, when the next has been begun too."""
    before: tuple[Group, Begun[NDArray[Any]]] | None = None
    for group in groups:
        following = group, begin(group)
        if before is not None:
            yield before
        before = following
    if before is not None:
        yield before


def positions(shape: Sequence[int], window: tuple[int, int, int], overlap: float) -> Iterator[tuple[int, int, int]]:
    """Where windows begin, slices last changing; the last of each axis ends with the volume."""
    starts = []
    for size, side in zip(shape, window, strict=True):
        step = side if side == size else max(int(side * (1 - overlap)), 1)
        count = next(number for number in range(size) if number * step + side >= size) + 1
        starts.append([min(number * step, size - side) for number in range(count)])
    yield from product(*starts)


def importance(options: SlidingWindow) -> NDArray[np.float32]:
    """(z, y, x) weights of a window, all positive."""
    if options.blending == "constant":
        return np.ones(options.window, np.float32)
    axes = []
    for side in options.window:
        places = np.arange(side, dtype=np.float64) - (side - 1) / 2
        axes.append(np.exp(-(places**2) / (2 * (options.sigma * side) ** 2)))
    weights: NDArray[np.float64] = np.einsum("i,j,k->ijk", *axes)
    return np.maximum(weights, max(float(weights.min()), LEAST)).astype(np.float32)


def _padded(
    volume: NDArray[np.float32], window: tuple[int, int, int], value: float
) -> tuple[NDArray[np.float32], tuple[slice, ...]]:
    missing = [max(side - size, 0) for size, side in zip(volume.shape[1:], window, strict=True)]
    inner = tuple(slice(m // 2, m // 2 + size) for m, size in zip(missing, volume.shape[1:], strict=True))
    if not any(missing):
        return volume, inner
    return np.pad(volume, [(0, 0), *((m // 2, m - m // 2) for m in missing)], constant_values=value), inner


def _box(start: tuple[int, int, int], window: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    z, y, x = (slice(first, first + side) for first, side in zip(start, window, strict=True))
    return z, y, x


def _groups(starts: Group, size: int) -> Iterator[Group]:
    for first in range(0, len(starts), size):
        yield starts[first : first + size]
