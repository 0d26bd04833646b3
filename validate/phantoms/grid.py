"""The plane that phantoms are drawn on, and the few shapes they are drawn with.

Coordinates: x runs from −1 (image left, the patient's right) to 1, y from −1 (head) to 1 (feet).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float64]
SIZE = 128


def plane(*, shift: tuple[float, float] = (0.0, 0.0), tilt: float = 0.0, zoom: float = 1.0) -> tuple[Image, Image]:
    """Coordinates x and y, each (SIZE, SIZE), as seen by a patient who stands shifted, tilted (radians) and magnified."""
    axis = (np.arange(SIZE) + 0.5) / (SIZE / 2) - 1.0
    x, y = np.meshgrid((axis - shift[0]) / zoom, (axis - shift[1]) / zoom)
    return x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)


def edge(distance: Image, softness: float = 0.02) -> Image:
    """1 well inside (positive distance), 0 well outside, with a logistic border of the given softness."""
    inside: Image = 0.5 * (1.0 + np.tanh(distance / (2.0 * softness)))
    return inside


def dome(radius: Image, power: float = 2.0) -> Image:
    """Thickness of a rounded body along the ray: 1 at radius 0, falling to 0 at radius 1 and beyond."""
    thickness: Image = np.sqrt(np.clip(1.0 - np.clip(np.abs(radius), 0.0, 1.0) ** power, 0.0, None))
    return thickness


def ellipse(x: Image, y: Image, centre: tuple[float, float], axes: tuple[float, float], angle: float = 0.0) -> Image:
    """Radius in units of the ellipse: below 1 inside it, 1 on its border."""
    across, along = x - centre[0], y - centre[1]
    u = (across * np.cos(angle) + along * np.sin(angle)) / axes[0]
    v = (along * np.cos(angle) - across * np.sin(angle)) / axes[1]
    radius: Image = np.sqrt(u * u + v * v)
    return radius


def profile(at: Image, knots: Sequence[float], values: Sequence[float]) -> Image:
    """A smooth curve through the knots (cubic Hermite with finite-difference tangents), flat beyond them."""
    k, v = np.asarray(knots, dtype=np.float64), np.asarray(values, dtype=np.float64)
    tangent = np.gradient(v, k)
    t = np.clip(at, k[0], k[-1])
    i = np.clip(np.searchsorted(k, t, side="right") - 1, 0, len(k) - 2)
    h = k[i + 1] - k[i]
    s = (t - k[i]) / h
    curve: Image = (
        (1 + 2 * s) * (1 - s) ** 2 * v[i]
        + s * (1 - s) ** 2 * h * tangent[i]
        + s * s * (3 - 2 * s) * v[i + 1]
        + s * s * (s - 1) * h * tangent[i + 1]
    )
    return curve


def blurred(image: Image, sigma: float) -> Image:
    """Gaussian blur, sigma in pixels, edges repeated. Sums run in a fixed order, so that bytes do not change."""
    if sigma <= 0:
        return image
    reach = max(1, int(np.ceil(3.0 * sigma)))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        padded = np.pad(image, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        total = np.zeros_like(image)
        for offset, weight in enumerate(weights):
            window = slice(offset, offset + image.shape[axis])
            total += weight * (padded[window, :] if axis == 0 else padded[:, window])
        image = total
    return image
