"""How near marks lie to lesions: overlap of boxes and of balls, centres inside, distances. One row a mark, one column a lesion.

Boxes are (n, 2 · axes): lower corner, then upper one. Balls are (n, axes + 1): centre, then diameter; a point is a ball of diameter 0.
All lengths in one unit, axes of one order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def box_iou(marks: Floats, lesions: Floats) -> Floats:
    """Shared over joint area or volume, (marks, lesions), 0 to 1."""
    axes = marks.shape[1] // 2
    low = np.maximum(marks[:, None, :axes], lesions[None, :, :axes])
    high = np.minimum(marks[:, None, axes:], lesions[None, :, axes:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    sizes = [(box[:, axes:] - box[:, :axes]).prod(axis=1) for box in (marks, lesions)]
    return _share(shared, sizes[0][:, None] + sizes[1][None, :] - shared)


def ball_iou(marks: Floats, lesions: Floats) -> Floats:
    """The same of balls, or of discs in a plane, by the formula of the lens that they share."""
    planar = marks.shape[1] == 3
    apart = distances(marks[:, :-1], lesions[:, :-1])
    one, other = np.broadcast_arrays(marks[:, None, -1] / 2, lesions[None, :, -1] / 2)
    small, large = np.minimum(one, other), np.maximum(one, other)
    sizes = np.pi * one**2 + np.pi * other**2 if planar else 4 / 3 * np.pi * (one**3 + other**3)
    inside = np.pi * small**2 if planar else 4 / 3 * np.pi * small**3
    meet = (apart < one + other) & (apart > large - small)
    between = np.where(meet, apart, 1.0)
    lens = (_disc_lens if planar else _ball_lens)(np.where(meet, one, 1.0), np.where(meet, other, 1.0), between)
    shared = np.where(meet, lens, np.where(apart <= large - small, inside, 0.0))
    return _share(shared, sizes - shared)


def centre_in_box(centres: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """Whether each centre lies in each box, its border included: (marks, lesions)."""
    axes = centres.shape[1]
    return np.asarray(
        ((centres[:, None] >= boxes[None, :, :axes]) & (centres[:, None] <= boxes[None, :, axes:])).all(axis=2)
    )


def distances(one: Floats, other: Floats) -> Floats:
    """(marks, lesions) between points."""
    return np.asarray(np.sqrt(((one[:, None] - other[None, :]) ** 2).sum(axis=2)))


def centres(shape: str, geometry: Floats) -> Floats:
    """(n, axes) of boxes, points or balls."""
    if shape == "box":
        axes = geometry.shape[1] // 2
        return np.asarray((geometry[:, :axes] + geometry[:, axes:]) / 2)
    return geometry if shape == "point" else geometry[:, :-1]


def diameters(shape: str, geometry: Floats) -> Floats:
    """(n,) of balls; of boxes their longest side; of points NaN: they have none."""
    if shape == "box":
        axes = geometry.shape[1] // 2
        return np.asarray((geometry[:, axes:] - geometry[:, :axes]).max(axis=1, initial=0.0))
    return np.full(len(geometry), np.nan) if shape == "point" else geometry[:, -1]


def _share(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _ball_lens(one: Floats, other: Floats, apart: Floats) -> Floats:
    reach = one + other - apart
    return np.asarray(np.pi * reach**2 * (apart**2 + 2 * apart * (one + other) - 3 * (one - other) ** 2) / (12 * apart))


def _disc_lens(one: Floats, other: Floats, apart: Floats) -> Floats:
    first = np.arccos(np.clip((apart**2 + one**2 - other**2) / (2 * apart * one), -1, 1))
    second = np.arccos(np.clip((apart**2 + other**2 - one**2) / (2 * apart * other), -1, 1))
    kite = (-apart + one + other) * (apart + one - other) * (apart - one + other) * (apart + one + other)
    return np.asarray(one**2 * first + other**2 * second - np.sqrt(np.clip(kite, 0, None)) / 2)
