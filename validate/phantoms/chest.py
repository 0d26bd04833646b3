"""A frontal chest in miniature, with known truth: what the X-rays meet on their way, before any scanner.

Everything is a path length times an attenuation coefficient, so structures add as they do on a radiograph.
Anatomy belongs to the patient and stays the same between images; Pose belongs to one exposure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from validate.phantoms.bones import bones
from validate.phantoms.grid import Image, blurred, dome, edge, ellipse, plane, profile

AIR_IN_LUNG = 0.135  # attenuation lost per cm of aerated lung instead of soft tissue (effective, about 120 kVp)
TISSUE = 0.185  # attenuation per cm of soft tissue


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One patient. Lengths in units of half the image unless said; factors around 1."""

    sex: str
    age: float
    width: float
    depth: float  # cm of tissue through the middle of the chest
    lung_height: float
    heart: float
    aorta: float
    bone: float
    breast: float
    stomach_air: float  # attenuation lost under the left dome; none in some
    vessel_seed: int


@dataclass(frozen=True, slots=True)
class Opacity:
    """The finding, in the patient's coordinates. strength: attenuation added at its centre."""

    x: float
    y: float
    radius: float
    elongation: float
    angle: float
    strength: float


@dataclass(frozen=True, slots=True)
class Pose:
    """How one exposure was made: place on the detector, tilt, magnification and depth of breath."""

    shift: tuple[float, float] = (0.0, 0.0)
    tilt: float = 0.0
    zoom: float = 1.0
    breath: float = 0.0
    supine: bool = False  # AP in bed: the heart looks larger and the shoulder blades stay over the lungs


@dataclass(frozen=True, slots=True)
class Scene:
    """attenuation, lungs, finding : (y, x) float64; the last two are coverages in [0, 1]."""

    attenuation: Image
    lungs: Image
    finding: Image


def anatomy(sex: str, age: float, random: np.random.Generator) -> Anatomy:
    """A patient drawn at random: hearts and aortas grow with age, bones thin, women are a little smaller."""
    female, child = sex == "F", age < 16
    years = min(max(age, 16.0), 95.0) - 50.0
    return Anatomy(
        sex=sex,
        age=age,
        width=(0.78 if child else 0.88 if female else 0.93) * random.uniform(0.95, 1.05),
        depth=(14.0 if child else 19.5 if female else 21.0) * random.uniform(0.88, 1.14),
        lung_height=random.uniform(0.95, 1.05) * (0.9 if child else 0.98 if female else 1.0),
        heart=(1.16 if child else 1.0 + 0.0035 * years) * random.uniform(0.93, 1.08),
        aorta=(0.7 if child else 1.0 + 0.006 * years) * random.uniform(0.9, 1.1),
        bone=(0.75 if child else 1.0 - 0.004 * years * (1.4 if female else 0.8)) * random.uniform(0.9, 1.1),
        breast=random.uniform(0.6, 1.2) if female and not child else 0.0,
        stomach_air=max(0.0, random.uniform(-0.3, 0.6)),
        vessel_seed=int(random.integers(2**31)),
    )


def frontal(body: Anatomy, pose: Pose, opacity: Opacity | None = None) -> Scene:
    """The frontal view of a patient, with or without the finding."""
    x, y = plane(shift=pose.shift, tilt=pose.tilt, zoom=pose.zoom)
    x = x / (body.width / 0.92)
    outline = _outline(x, y)
    lungs, air = _lungs(x, y, body, pose)
    heart = _heart(x, y, body, pose)
    air = air * (1.0 - heart)
    tissue = _thickness(x, y, outline) * body.depth + body.breast * _breasts(x, y) - _trachea(x, y) * 1.6
    attenuation = TISSUE * tissue - AIR_IN_LUNG * air * body.depth
    attenuation += TISSUE * _vessels(x, y, body) * lungs * 1.6
    attenuation -= body.stomach_air * _stomach_bubble(x, y, body, pose)
    attenuation += bones(x, y, density=body.bone, supine=pose.supine) * outline
    finding = _finding(x, y, opacity)
    if opacity is not None:
        attenuation += opacity.strength * finding * lungs
    return Scene(np.clip(attenuation, 0.0, None), lungs * (1.0 - heart), finding * lungs)


def lateral(body: Anatomy, pose: Pose) -> Scene:
    """A lateral view: never part of the study, there to be noticed."""
    x, y = plane(shift=pose.shift, tilt=pose.tilt, zoom=pose.zoom)
    half = profile(y, (-1, -0.75, -0.4, 0.2, 1), (0.25, 0.5, 0.62, 0.68, 0.7))
    outline = edge(half - np.abs(x), 0.015)
    lungs = edge(1.0 - ellipse(x, y, (0.05, -0.12), (0.52, 0.62)), 0.05) * edge(0.38 + 0.25 * x - y, 0.03)
    heart = edge(1.0 - ellipse(x, y, (-0.22, 0.22), (0.26, 0.3), 0.4), 0.08)
    spine = edge(0.09 - np.abs(x - 0.42 - 0.08 * np.cos(2 * y)), 0.015) * (0.8 + 0.2 * np.cos(2 * np.pi * y / 0.13))
    ribs = sum(
        (edge(0.02 - np.abs(y - at - 0.5 * (x - 0.4) * -0.7), 0.008) for at in np.arange(-0.6, 0.7, 0.13)),
        np.zeros_like(x),
    )
    attenuation = TISSUE * 27.0 * dome(np.abs(x) / half) * outline
    attenuation += -AIR_IN_LUNG * 20.0 * lungs * (1 - 0.6 * heart) + 0.8 * body.bone * spine * outline
    attenuation += 0.18 * ribs * outline
    return Scene(np.clip(attenuation, 0.0, None), lungs, np.zeros_like(x))


def _outline(x: Image, y: Image) -> Image:
    half = profile(y, (-1.0, -0.88, -0.74, -0.6, -0.3, 0.1, 0.6, 1.0), (0.27, 0.3, 0.72, 1.2, 1.12, 0.93, 0.88, 0.92))
    return edge(half - np.abs(x), 0.012)


def _thickness(x: Image, y: Image, outline: Image) -> Image:
    """Soft tissue along the ray in units of the chest's depth; shoulders and neck are thinner than the trunk."""
    half = profile(y, (-1.0, -0.85, -0.6, -0.3, 0.1, 1.0), (0.45, 0.9, 1.25, 1.08, 0.95, 0.95))
    depth = profile(y, (-1.0, -0.8, -0.5, -0.1, 0.5, 1.0), (0.55, 0.6, 0.82, 0.95, 1.0, 1.08))
    return (0.25 + 0.75 * dome(x / half, 2.6)) * depth * outline


def _diaphragm(x: Image, body: Anatomy, pose: Pose) -> Image:
    """Height y of the domes; the right one (image left) stands a little higher, over the liver."""
    u = (np.abs(x) - 0.40) / 0.34
    low = 0.50 * body.lung_height + 0.06 * pose.breath
    return low + np.where(x < 0, -0.045, 0.0) + 0.10 * u * u + 0.10 * np.clip(u, 0, None) ** 6


def _lungs(x: Image, y: Image, body: Anatomy, pose: Pose) -> tuple[Image, Image]:
    """Coverage, and depth of air in units of the chest's depth."""
    knots = np.array((-0.86, -0.80, -0.70, -0.52, -0.25, 0.05, 0.35, 0.7)) * (0.5 + 0.5 * body.lung_height)
    lateral_border = profile(y, knots.tolist(), (0.20, 0.31, 0.44, 0.565, 0.665, 0.725, 0.76, 0.77))
    medial_border = np.where(
        x < 0,
        profile(y, (-0.9, -0.5, -0.1, 0.2, 0.6), (0.14, 0.13, 0.14, 0.19, 0.2)),
        profile(y, (-0.9, -0.5, -0.1, 0.2, 0.6), (0.13, 0.13, 0.14, 0.16, 0.16)),
    )
    apex = ellipse(np.abs(x), y, (0.31, -0.44), (0.30, 0.43))
    top = np.where(y < -0.44, 1.0 - apex, 1.0)
    inside = (
        edge(lateral_border - np.abs(x), 0.014)
        * edge(np.abs(x) - medial_border, 0.02)
        * edge(_diaphragm(x, body, pose) - y, 0.013)
        * edge(top, 0.05)
    )
    middle, half = 0.5 * (lateral_border + medial_border), 0.5 * (lateral_border - medial_border) + 0.05
    depth = profile(y, (-0.9, -0.6, -0.2, 0.3, 0.7), (0.34, 0.52, 0.72, 0.76, 0.66))
    return inside, inside * depth * (0.45 + 0.55 * dome((np.abs(x) - middle) / half, 2.4)) * (0.93 + 0.07 * pose.breath)


def _heart(x: Image, y: Image, body: Anatomy, pose: Pose) -> Image:
    """Coverage by heart, great vessels and hila: they stand in the place of air."""
    size = body.heart * (1.12 if pose.supine else 1.0)
    chamber = edge(1.0 - ellipse(x, y, (0.13, 0.27), (0.37 * size, 0.25 * size), 0.62), 0.035)
    atrium = edge(1.0 - ellipse(x, y, (-0.08, 0.25), (0.18 * size, 0.26 * size)), 0.05)
    knob = edge(1.0 - ellipse(x, y, (0.12, -0.34), (0.095 * body.aorta, 0.10 * body.aorta)), 0.08)
    trunk = edge(1.0 - ellipse(x, y, (0.13, -0.12), (0.115, 0.22), -0.15), 0.10)
    hila = 0.42 * np.exp(-(ellipse(x, y, (-0.2, -0.06), (0.085, 0.14), 0.2) ** 2)) + 0.36 * np.exp(
        -(ellipse(x, y, (0.24, -0.10), (0.075, 0.11), -0.2) ** 2)
    )
    whole: Image = 1.0 - (1.0 - 0.86 * chamber) * (1.0 - 0.7 * atrium) * (1.0 - 0.75 * knob) * (1.0 - 0.55 * trunk) * (
        1.0 - hila
    )
    return whole


def _breasts(x: Image, y: Image) -> Image:
    """Tissue added, in cm; the lower border is the sharp one."""
    radius = ellipse(np.abs(x), y, (0.47, 0.16), (0.33, 0.34))
    return 3.4 * dome(radius, 1.6) * edge(1.0 - radius, 0.02) * (0.5 + 0.5 * edge(y - 0.1, 0.1))


def _trachea(x: Image, y: Image) -> Image:
    return edge(0.042 - np.abs(x + 0.012 + 0.02 * (y + 0.6)), 0.012) * edge(-0.32 - y, 0.03) * edge(y + 1.2, 0.05)


def _stomach_bubble(x: Image, y: Image, body: Anatomy, pose: Pose) -> Image:
    below = edge(y - _diaphragm(x, body, pose) - 0.05, 0.015)
    wide = 0.10 + 0.14 * body.stomach_air
    return edge(1.0 - ellipse(x, y, (0.34, 0.64 + 0.4 * wide), (wide, 0.6 * wide)), 0.08) * below


def _vessels(x: Image, y: Image, body: Anatomy) -> Image:
    """Branches that leave the hila and thin out towards the periphery; the same in every image of a patient."""
    random = np.random.Generator(np.random.PCG64(body.vessel_seed))
    tree = np.zeros_like(x)
    for side in (-1.0, 1.0):
        for start in np.linspace(-1.35, 1.45, 9):
            angle = start + random.normal(0.0, 0.12)
            bend = random.normal(0.0, 0.5)
            u, v = side * x - 0.17, y + 0.05
            along = u * np.cos(angle) + v * np.sin(angle)
            across = v * np.cos(angle) - u * np.sin(angle) - bend * along * along
            width = 0.024 * np.exp(-along / 0.42) + 0.004
            reach = edge(along, 0.02) * np.exp(-np.clip(along, 0.0, None) / 0.30)
            tree += reach * dome(across / width) * random.uniform(0.6, 1.2)
    return blurred(np.minimum(tree, 1.6), 0.6)


def _finding(x: Image, y: Image, opacity: Opacity | None) -> Image:
    if opacity is None:
        return np.zeros_like(x)
    axes = (opacity.radius * opacity.elongation, opacity.radius / opacity.elongation)
    radius = ellipse(x, y, (opacity.x, opacity.y), axes, opacity.angle)
    return edge(1.0 - radius, 0.14) * (0.55 + 0.45 * dome(radius))
