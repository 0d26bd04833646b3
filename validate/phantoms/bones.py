"""Ribs, collar bones, shoulder blades and spine of the frontal chest phantom."""

from __future__ import annotations

import numpy as np

from validate.phantoms.grid import Image, dome, edge, ellipse, profile

POSTERIOR_RIBS = 10
ANTERIOR_RIBS = 6


def bones(x: Image, y: Image, *, density: float, supine: bool) -> Image:
    """Attenuation that the skeleton adds, (y, x)."""
    side = np.abs(x)
    skeleton = 0.34 * _posterior_ribs(side, y) + 0.15 * _anterior_ribs(side, y)
    skeleton += 0.42 * _collar_bones(side, y) + 0.55 * _spine(x, y)
    skeleton += 0.28 * _shoulder_blades(side, y, inward=0.10 if supine else 0.0)
    return density * skeleton


def _tube(distance: Image, half_width: float) -> Image:
    """A bone along the ray: a filled tube whose cortex shows as two brighter rims."""
    u = distance / half_width
    return 0.62 * dome(u, 3.0) + 0.38 * np.exp(-(((np.abs(u) - 0.8) / 0.26) ** 2))


def _posterior_ribs(side: Image, y: Image) -> Image:
    """Arcs that leave the spine almost level, rise a little and fall towards the side of the chest."""
    ribs = np.zeros_like(side)
    for number in range(POSTERIOR_RIBS):
        at = -0.80 + 0.142 * number
        reach = min(0.34 + 0.115 * number, 0.80 - 0.012 * max(number - 5, 0))
        along = np.clip(side / reach, 0.0, 1.15)
        curve = at - 0.055 * np.sin(np.pi * np.clip(along * 1.2, 0.0, 1.0)) + (0.10 + 0.012 * number) * along**3.0
        slope = (0.30 + 0.036 * number) * along**2 / reach
        distance = (y - curve) / np.sqrt(1.0 + slope**2)
        ends = edge(side - 0.07, 0.01) * edge(reach + 0.01 - side, 0.012)
        ribs = np.maximum(ribs, _tube(distance, 0.030) * ends)
    return ribs


def _anterior_ribs(side: Image, y: Image) -> Image:
    """The fainter front parts, running down and towards the middle until the cartilage begins."""
    ribs = np.zeros_like(side)
    for number in range(ANTERIOR_RIBS):
        outer_y, inner_y = -0.56 + 0.17 * number, -0.40 + 0.185 * number
        outer_x = min(0.46 + 0.075 * number, 0.76)
        inner_x = 0.24 + 0.035 * number
        t = (outer_x - side) / (outer_x - inner_x)
        curve = outer_y + (inner_y - outer_y) * np.clip(t, -0.2, 1.2) ** 1.0
        slope = (inner_y - outer_y) / (outer_x - inner_x)
        distance = (y - curve) / np.sqrt(1.0 + slope**2)
        ribs = np.maximum(ribs, _tube(distance, 0.032) * edge(t + 0.02, 0.02) * edge(1.0 - t, 0.08))
    return ribs


def _collar_bones(side: Image, y: Image) -> Image:
    curve = profile(side, (0.06, 0.2, 0.4, 0.6, 0.85), (-0.60, -0.63, -0.675, -0.72, -0.735))
    width = 0.030
    return _tube(y - curve, width) * edge(side - 0.075, 0.012) * edge(0.84 - side, 0.02)


def _spine(x: Image, y: Image) -> Image:
    """Vertebral bodies between paler discs, pedicles as two rows of dots."""
    body = edge(0.075 - np.abs(x), 0.01)
    phase = (y + 0.05) / 0.125
    disc = 0.86 + 0.14 * np.cos(2.0 * np.pi * phase)
    row = 0.125 * (phase - np.round(phase))
    pedicle = np.exp(-(((np.abs(x) - 0.048) / 0.016) ** 2) - (row / 0.026) ** 2)
    return body * disc + 0.22 * pedicle


def _shoulder_blades(side: Image, y: Image, *, inward: float) -> Image:
    blade = edge(1.0 - ellipse(side + inward, y, (0.86, -0.36), (0.13, 0.34), 0.22), 0.06)
    rim = np.exp(-(((ellipse(side + inward, y, (0.86, -0.36), (0.13, 0.34), 0.22) - 0.95) / 0.09) ** 2))
    head = dome(ellipse(side, y, (0.97, -0.66), (0.13, 0.12)))
    return 0.5 * blade + 0.6 * rim + 1.2 * head
