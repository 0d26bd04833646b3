"""A heart in short-axis slices, by formula: left and right ventricle and the muscle between them, at any phase, with known volumes.

The left ventricle is half an ellipsoid, cut at the base; the muscle is a shell around it; the right ventricle is an ellipse beside
it, less what the muscle covers. Coordinates are mm in the plane of a slice, angles around the left ventricle's axis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Field = NDArray[np.float64]
RIGHT, MUSCLE, LEFT = 1, 2, 3  # values in a mask
SLICES, ROWS, COLUMNS = 9, 72, 72
THICKNESS = 8.0  # mm from slice to slice

# How far a border is drawn off the truth: (angle, depth from the base in mm, structure) → mm outwards
Offset = Callable[[Field, float, int], Field]


@dataclass(frozen=True, slots=True)
class Heart:
    """radius, length, wall : mm, of the left ventricle and its muscle      right : size of the right ventricle over usual
    centre : (y, x) mm off the image's middle      turn : radians
    """

    radius: float
    length: float
    wall: float
    right: float
    centre: tuple[float, float]
    turn: float

    def beating(self, share: float) -> Heart:
        """Contracted so that this share of the left ventricle's volume has left; the muscle keeps its own volume."""
        shorter = 1 - 0.25 * share
        narrower = float(np.sqrt((1 - share) / shorter))
        outer = (self.radius + self.wall) ** 2 - self.radius**2
        radius = self.radius * narrower
        wall = float(np.sqrt(radius**2 + outer / shorter)) - radius
        return Heart(radius, self.length * shorter, wall, self.right * (1 - 0.45 * share), self.centre, self.turn)

    @property
    def left_volume(self) -> float:
        """Of the left ventricle, ml: half an ellipsoid."""
        return 2 / 3 * np.pi * self.radius**2 * self.length / 1000


def exactly(angle: Field, depth: float, structure: int) -> Field:
    """No offset: the truth."""
    del depth, structure
    return np.zeros_like(angle)


def labels(heart: Heart, spacing: float, offset: Offset = exactly) -> NDArray[np.uint8]:
    """(SLICES, ROWS, COLUMNS) uint8: 0, RIGHT, MUSCLE, LEFT. spacing : mm between pixels."""
    y, x = np.meshgrid(_axis(ROWS, spacing) - heart.centre[0], _axis(COLUMNS, spacing) - heart.centre[1], indexing="ij")
    angle = np.arctan2(y, x)
    across = x * np.cos(heart.turn) + y * np.sin(heart.turn)
    along = -x * np.sin(heart.turn) + y * np.cos(heart.turn)
    distance = np.hypot(x, y)
    found = np.zeros((SLICES, ROWS, COLUMNS), np.uint8)
    for number in range(SLICES):
        depth = (number + 0.5) * THICKNESS
        shape = float(np.sqrt(max(0.0, 1 - (depth / heart.length) ** 2)))
        outer_shape = float(np.sqrt(max(0.0, 1 - (depth / (heart.length + heart.wall)) ** 2)))
        outer = (heart.radius + heart.wall) * outer_shape
        muscle = (distance < outer + offset(angle, depth, MUSCLE)) & (outer > 0)
        left = (distance < heart.radius * shape + offset(angle, depth, LEFT)) & (shape > 0)
        long, short = 1.15 * outer * heart.right, 0.8 * outer * heart.right
        beside = across + 1.1 * outer
        wide = np.hypot(along / max(long, 1e-6), beside / max(short, 1e-6))
        right = ((wide - 1) * short < offset(angle, depth, RIGHT)) & (shape > 0.25)
        found[number] = np.where(left & muscle, LEFT, np.where(muscle, MUSCLE, np.where(right, RIGHT, 0)))
    return found


@dataclass(frozen=True, slots=True)
class Coil:
    """How a scanner sees: brightness of blood, muscle and the rest, noise, and how unevenly it receives."""

    blood: float
    muscle: float
    rest: float
    noise: float
    unevenness: float


def picture(truth: NDArray[np.uint8], coil: Coil, random: np.random.Generator) -> NDArray[np.int16]:
    """A magnitude image of the labels: smeared over a pixel, received unevenly, with Rician noise."""
    bright = np.array([coil.rest, 0.95 * coil.blood, coil.muscle, coil.blood])[truth]
    smeared = gaussian_filter(bright, (0.0, 0.7, 0.7))
    y, x = np.meshgrid(np.linspace(-1, 1, ROWS), np.linspace(-1, 1, COLUMNS), indexing="ij")
    received = smeared * (1 + coil.unevenness * (0.6 * y + 0.4 * x))
    noise = random.normal(0, coil.noise, (2, *truth.shape))
    seen: NDArray[np.int16] = np.rint(np.hypot(received + noise[0], noise[1])).astype(np.int16)
    return seen


def _axis(count: int, spacing: float) -> Field:
    return np.asarray((np.arange(count) - (count - 1) / 2) * spacing, np.float64)
