"""The blur of a disc, on a grid of pixels: what multiplies each frequency, and few weights that do the same.

At f cycles a pixel a disc of d pixels across multiplies by 2·J₁(πdf)/(πdf). Up to LARGEST across, the image is summed with weights
that have this transfer as nearly as so few can: least squares over all frequencies of the grid, each weighing as much as images
hold of it (1/f). What is flat stays flat, and the second moment is the disc's, d²/16 along each axis. The transfer is right to 0.006 up to
0.25 cycles a pixel, to 0.017 up to 0.4, and to 0.055 up to Nyquist's frequency, of discs of 12 pixels and more to 0.003, 0.01
and 0.02. It is farthest off where rows or columns alternate from pixel to pixel: how an image of pixels that is blurred once more
looks there depends on what lay between them. Larger discs, of which such weights would be many, have the very transfer at each
frequency of the mirrored image (`cosines`).
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.perturb.cosines import cosine_frequencies, mirrored
from validate.imaging.perturb.disc_kernel import ROOM, spread
from validate.imaging.perturb.draw import Draw
from validate.imaging.perturb.stack import Stack

LARGEST = 24.0  # pixels across, from which on cosines cost less
EDGE = 1.25  # pixels within and beyond the border of the disc that have weights of their own
LEAST = 4.2  # pixels from the middle that have a weight, however small the disc
FLAT = 8.0  # pixels across, from which on all weights within the border are one and the same
STEPS = 48  # frequencies along an axis at which the weights are right
LOWEST = 0.03  # cycles a pixel, under which images hold no more the lower the frequency


def blurred(stack: Stack, width: float, draw: Draw) -> Any:
    """Voxels (n, z, y, x, c) whose every point is a disc of `width` pixels across, mirrored at their borders: b a | a b c | c b."""
    if width > LARGEST:
        return mirrored(stack, partial(_of_disc, width), draw)
    if draw.device != "cpu":
        return mirrored(stack, partial(of_weights, width), draw)
    return _by_sums(stack, width)


def _by_sums(stack: Stack, width: float) -> Any:
    """On the processor. Nothing is kept from one severity to the next."""
    import torch

    n, z, rows, columns, c = stack.shape
    how = _for_kernel(width)
    found = np.empty((n * z * c, rows, columns), np.float32)
    for plane, out in zip(stack.planes(), found, strict=True):
        spread(plane, *how, out)
    return torch.from_numpy(found).reshape(n, z, c, rows, columns).movedim(2, -1)


@lru_cache(maxsize=64)
def _for_kernel(width: float) -> tuple[NDArray[Any], ...]:
    """The weights, how far each two lines are flat, and how many weights each has."""
    there, inner = _within(width)
    flat = np.maximum(inner.sum(axis=1) - 1, 0)
    flat[:-1:2] = np.minimum(flat[:-1:2], flat[1::2])
    return np.pad(weights(width), ((0, 0), (0, ROOM))), flat, there.sum(axis=1)


@lru_cache(maxsize=64)
def weights(width: float) -> NDArray[np.float32]:
    """(1 + reach, 1 + reach) of what lies so many rows and columns away, in each of four directions. They add up to 1."""
    there, inner = _within(width)
    down, across = np.nonzero(np.tril(there))
    number = np.where(down == 0, 1, np.where((across == 0) | (across == down), 4, 8))  # of pixels that are as far away
    lines = (np.arange(STEPS) + 0.5) / (2 * STEPS)
    waves = np.cos(2 * np.pi * np.outer(np.arange(down.max() + 1), lines))
    y, x = np.tril_indices(STEPS)
    frequency = np.hypot(lines[y], lines[x])
    of_each = number[:, None] * (waves[down][:, y] * waves[across][:, x] + waves[across][:, y] * waves[down][:, x]) / 2
    exact = np.stack(
        [number, number * (down**2 + across**2) / 2], axis=1
    )  # their sum, and its second moment along an axis
    one = np.where(
        inner[down, across], 0, np.cumsum(~inner[down, across])
    )  # which share a weight; the middle has the first
    shared = np.eye(one.max() + 1)[one].T
    of_each, exact = shared @ of_each, shared @ exact
    weighted = of_each * np.where(x == y, 1, 2) / (LOWEST + frequency) ** 2
    # Lagrange: the gradient of the squares is a sum of those of what is exact
    system = np.block([[weighted @ of_each.T, exact], [exact.T, np.zeros((2, 2))]])
    transfer = disc(width * frequency)
    found = np.linalg.solve(system, np.concatenate([weighted @ transfer, [1, width**2 / 16]]))[one]
    quarter = np.zeros(there.shape, np.float32)
    quarter[down, across] = quarter[across, down] = found
    return quarter


def _within(width: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which weights there are, those in a circle, and which of them are one and the same, those in a smaller one."""
    steps = np.arange(int(_reach(width)) + 1)
    square = steps[:, None] ** 2 + steps**2
    inner = width / 2 - EDGE if width > FLAT else 0.0
    return square <= _reach(width) ** 2, square <= inner**2


def _reach(width: float) -> float:
    return max(width / 2 + EDGE, LEAST)


@lru_cache(maxsize=8)
def of_weights(width: float, rows: int, columns: int) -> Any:
    """Their transfer, at `cosine_frequencies` along each axis: what they come to on a device that is quick at transforms."""
    import torch

    quarter = weights(width).astype(np.float64)
    steps = np.arange(len(quarter))
    down, across = (
        np.where(steps > 0, 2, 1)[:, None] * np.cos(np.pi * np.outer(steps, np.arange(size)) / size)
        for size in (rows, columns)
    )
    return torch.from_numpy(down.T @ quarter @ across).float()


@lru_cache(maxsize=8)
def _of_disc(width: float, rows: int, columns: int) -> Any:
    import torch

    frequency = torch.hypot(cosine_frequencies(rows)[:, None], cosine_frequencies(columns)[None])
    scaled = math.pi * width * frequency
    return (2 * torch.special.bessel_j1(scaled) / scaled).where(scaled > 1e-4, 1.0)


def disc(argument: NDArray[np.float64]) -> NDArray[np.float64]:
    """2·J₁(πx)/(πx), 1 at 0."""
    from scipy.special import j1

    scaled = np.maximum(math.pi * argument, 1e-9)
    found: NDArray[np.float64] = 2 * j1(scaled) / scaled
    return found
