"""Chest CT by formula: a body, two lungs, branching vessels and nodules of known place and size, as a scanner of some kernel and slice
thickness shows them. Coordinates are (z, y, x) in mm from the middle of the volume; values are HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field = NDArray[np.float32]
EXTENT = (108.0, 288.0, 288.0)  # mm
FINE = 1.5  # mm between the slices that a scanner's thicker ones are means of
PIXEL = 3.0  # mm
ROWS = COLUMNS = 96
AIR, LUNG, SOFT = -1000.0, -860.0, 40.0
CENTRES = ((0.0, -2.0, -62.0), (0.0, -2.0, 62.0))  # of the lungs
AXES = (90.0, 72.0, 46.0)


@dataclass(frozen=True, slots=True)
class Nodule:
    """centre : (z, y, x) mm      diameter : mm      density : HU of its middle."""

    centre: tuple[float, float, float]
    diameter: float
    density: float


@dataclass(frozen=True, slots=True)
class Scan:
    """thickness : of a slice, mm, a multiple of FINE      blur : sigma across the slice, mm      noise : HU."""

    thickness: float
    blur: float
    noise: float


def nodules(random: np.random.Generator, count: int) -> tuple[Nodule, ...]:
    """Inside the lungs, none within another; most are small, some are not solid."""
    found: list[Nodule] = []
    while len(found) < count:
        diameter = float(np.clip(random.lognormal(np.log(9.0), 0.42), 4.0, 24.0))
        lung = CENTRES[int(random.integers(2))]
        place = random.normal(0, 1, 3)
        place *= random.random() ** (1 / 3) / np.linalg.norm(place)
        reach = np.array(AXES) - diameter / 2 - 5
        centre = np.array(lung) + place * np.minimum(reach, (EXTENT[0] / 2 - diameter, 1e9, 1e9))
        if all(np.linalg.norm(centre - np.array(one.centre)) > diameter + one.diameter for one in found):
            density = float(random.uniform(-20, 60) if random.random() < 0.75 else random.uniform(-620, -480))
            found.append(Nodule((float(centre[0]), float(centre[1]), float(centre[2])), diameter, density))
    return tuple(found)


def chest(random: np.random.Generator, there: tuple[Nodule, ...]) -> Field:
    """(z, y, x) HU at FINE × PIXEL × PIXEL mm, before any scanner saw it."""
    z, y, x = axes()
    body = (y / 100) ** 2 + (x / 135) ** 2 < 1
    volume = np.where(np.broadcast_to(body, (len(z), ROWS, COLUMNS)), SOFT, AIR).astype(np.float32)
    lungs = np.zeros(volume.shape, np.bool_)
    for centre in CENTRES:
        lungs |= sum(((axis - at) / reach) ** 2 for axis, at, reach in zip((z, y, x), centre, AXES, strict=True)) < 1
    volume[lungs] = LUNG + 25 * random.standard_normal(int(lungs.sum())).astype(np.float32)
    for _ in range(46):
        _vessel(volume, lungs, random)
    for nodule in there:
        _sphere(volume, nodule.centre, nodule.diameter / 2, nodule.density)
    return volume


def scanned(volume: Field, scan: Scan, random: np.random.Generator) -> NDArray[np.int16]:
    """(slices, ROWS, COLUMNS) int16 HU: means of thin slices, blurred across by the kernel, with noise that it passes."""
    step = round(scan.thickness / FINE)
    kept = volume[: volume.shape[0] // step * step]
    thick = kept.reshape(-1, step, ROWS, COLUMNS).mean(axis=1)
    if scan.blur > 0:
        thick = gaussian_filter(thick, (0, scan.blur / PIXEL, scan.blur / PIXEL))
    noise = random.standard_normal(thick.shape).astype(np.float32) * scan.noise
    seen: NDArray[np.int16] = np.clip(np.rint(thick + noise), -1024, 3071).astype(np.int16)
    return seen


def axes() -> tuple[Field, Field, Field]:
    """Open grid of (z, y, x) in mm."""
    z = (np.arange(round(EXTENT[0] / FINE)) - (round(EXTENT[0] / FINE) - 1) / 2) * FINE
    across = (np.arange(ROWS) - (ROWS - 1) / 2) * PIXEL
    return (
        z.astype(np.float32)[:, None, None],
        across.astype(np.float32)[None, :, None],
        across.astype(np.float32)[None, None, :],
    )


def _vessel(volume: Field, lungs: NDArray[np.bool_], random: np.random.Generator) -> None:
    """A tube that bends, from the root of a lung outwards, thinner as it goes."""
    side = int(random.integers(2))
    place = np.array(CENTRES[side]) * (1, 1, 0.45) + random.normal(0, 8, 3)
    way = random.normal(0, 1, 3) + np.array((0, 0, 1.2 * np.sign(CENTRES[side][2])))
    way /= np.linalg.norm(way)
    radius = float(random.uniform(1.2, 3.2))
    for _ in range(int(random.integers(14, 40))):
        _sphere(volume, (float(place[0]), float(place[1]), float(place[2])), radius, 30.0, inside=lungs)
        way += random.normal(0, 0.22, 3)
        way /= np.linalg.norm(way)
        place = place + 2.2 * way
        radius = max(0.9, radius * 0.985)


def _sphere(
    volume: Field,
    centre: tuple[float, float, float],
    radius: float,
    density: float,
    *,
    inside: NDArray[np.bool_] | None = None,
) -> None:
    """Put a ball into the volume; a voxel at its edge gets its share of it."""
    steps, shape = (FINE, PIXEL, PIXEL), volume.shape
    middles = [(size - 1) / 2 + at / step for size, at, step in zip(shape, centre, steps, strict=True)]
    box = tuple(
        slice(max(int(middle - radius / step - 1), 0), min(int(middle + radius / step + 2), size))
        for middle, step, size in zip(middles, steps, shape, strict=True)
    )
    if any(part.start >= part.stop for part in box):
        return
    grid = np.ogrid[box]
    distance = np.sqrt(
        sum(((axis - middle) * step) ** 2 for axis, middle, step in zip(grid, middles, steps, strict=True))
    )
    share = np.clip((radius - distance) / 2.4 + 0.5, 0, 1).astype(np.float32)
    if radius < 1.2:
        share *= np.float32(radius / 1.2)
    if inside is not None:
        share = np.where(inside[box], share, 0)
    part = volume[box]
    part += share * np.maximum(density - part, 0)
