"""A study of hearts: images of two phases, masks that are true, and the masks of two made-up segmenters with known flaws.

FOLDER/images/{patient}_{phase}.nii.gz      FOLDER/reference/{patient}_{phase}.nii.gz      FOLDER/truth.csv
FOLDER/segmenter_a/…, FOLDER/segmenter_b/…      FOLDER/participants.csv
Segmenter A draws borders about a millimetre off, and twice that on Fujifilm scanners at the end of the heartbeat, where it also
takes the outflow for ventricle. B draws every left ventricle too small. Each leaves a few images without a usable answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.imaging.mask import Grid, LabelMap
from validate.imaging.nifti import image_bytes, mask_bytes
from validate.phantoms.cardiac import COLUMNS, LEFT, RIGHT, ROWS, SLICES, THICKNESS, Coil, Field, Heart, labels, picture
from validate.phantoms.stream import stream
from validate.phantoms.tables import write_csv

PATIENTS = 60
PHASES = ("ED", "ES")  # end of filling, end of the beat
COILS = {
    "Siemens": Coil(420, 190, 90, 14, 0.15),
    "GE": Coil(380, 180, 100, 16, 0.10),
    "Philips": Coil(900, 430, 200, 34, 0.20),
    "Fujifilm": Coil(300, 165, 90, 24, 0.35),
}
SPACINGS = {"Siemens": 1.6, "GE": 1.5, "Philips": 1.7, "Fujifilm": 1.8}
WEAK = "Fujifilm"
GROUPS = {
    "normal": (24.0, 0.60),
    "dilated": (31.0, 0.30),
    "hypertrophic": (20.0, 0.70),
}  # radius in mm, ejection fraction
SEGMENTERS = ("segmenter_a", "segmenter_b")


_README = """# Hearts

Synthetic. Shapes by formula, brightness and noise invented: they say nothing about any real scanner whose name is borrowed here,
nor about any real segmenter. Values in masks: 1 right ventricle, 2 muscle of the left ventricle, 3 left ventricle.

Made again, byte for byte, by `validate sample DIR --only cardiac --seed {seed}`. Licence: Apache-2.0, as the program.
"""


@dataclass(frozen=True, slots=True)
class Person:
    """name : as in file names      ejected : share of the left ventricle's volume."""

    name: str
    sex: str
    age: int
    manufacturer: str
    group: str
    heart: Heart
    ejected: float


def people(seed: int, count: int) -> list[Person]:
    """Patients in turn on each maker's scanner; of every four, two hearts are normal, one is dilated, one thick."""
    found = []
    for number in range(count):
        random = stream(seed, "cardiac", number)
        group = ("normal", "dilated", "normal", "hypertrophic")[int(random.integers(4))]
        radius, ejected = GROUPS[group]
        heart = Heart(
            radius=radius * float(random.uniform(0.9, 1.1)),
            length=float(random.uniform(62, 74)),
            wall=float(random.uniform(11, 14) if group == "hypertrophic" else random.uniform(7, 10)),
            right=float(random.uniform(0.9, 1.1)),
            centre=(float(random.uniform(-5, 5)), float(random.uniform(2, 10))),
            turn=float(random.uniform(-0.5, 0.5)),
        )
        share = float(np.clip(ejected + random.normal(0, 0.05), 0.15, 0.8))
        sex, age = ("F", "M")[int(random.integers(2))], int(random.integers(22, 86))
        found.append(Person(f"H{number + 1:03d}", sex, age, tuple(COILS)[number % len(COILS)], group, heart, share))
    return found


def write_cardiac(
    folder: Path, *, seed: int, patients: int = PATIENTS, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write the study into `folder`; equal arguments give equal bytes."""
    everybody = people(seed, patients)
    truth = []
    for done, person in enumerate(everybody, start=1):
        spacing = SPACINGS[person.manufacturer]
        for phase in PHASES:
            heart = person.heart if phase == "ED" else person.heart.beating(person.ejected)
            _write_case(folder, seed, person, phase, heart)
            truth.append((f"{person.name}_{phase}", f"{heart.left_volume:.2f}", f"{person.ejected:.4f}", f"{spacing}"))
        if progress is not None:
            progress(done, patients)
    rows = ((p.name, p.sex, str(p.age), p.manufacturer, p.group) for p in everybody)
    write_csv(folder / "participants.csv", ("patient", "sex", "age", "manufacturer", "group"), rows)
    (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8", newline="\n")
    write_csv(folder / "truth.csv", ("image", "left_ventricle_ml", "ejected", "spacing_mm"), truth)


def grid(person: Person) -> Grid:
    """Short-axis slices, tilted against the table as they are in a chest."""
    spacing, tilt = SPACINGS[person.manufacturer], 0.6 + 0.2 * person.heart.turn
    turn = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([spacing, spacing, THICKNESS])
    affine[:3, 3] = -affine[:3, :3] @ (np.array([COLUMNS, ROWS, SLICES]) - 1) / 2
    return Grid((SLICES, ROWS, COLUMNS), affine)


def _write_case(folder: Path, seed: int, person: Person, phase: str, heart: Heart) -> None:
    name, where = f"{person.name}_{phase}.nii.gz", grid(person)
    spacing, random = SPACINGS[person.manufacturer], stream(seed, "cardiac picture", person.name, phase)
    truth = labels(heart, spacing)
    _put(folder / "images" / name, image_bytes(picture(truth, COILS[person.manufacturer], random), where))
    _put(folder / "reference" / name, mask_bytes(LabelMap(truth, where)))
    for which in SEGMENTERS:
        drawn = segmented(which, person, phase, heart, seed=seed)
        if drawn is not None:
            _put(folder / which / name, mask_bytes(LabelMap(drawn, where)))


def segmented(which: str, person: Person, phase: str, heart: Heart, *, seed: int) -> NDArray[np.uint8] | None:
    """What a segmenter draws, or None where it gives nothing."""
    random = stream(seed, which, person.name, phase)
    fate = float(random.random())
    if fate < 0.012:
        return None
    weak = which == "segmenter_a" and person.manufacturer == WEAK and phase == "ES"
    size, bias = (0.9, 0.1) if which == "segmenter_a" else (1.2, -0.9)
    size, bias = (2 * size, bias + 0.8) if weak else (size, bias)
    waves = random.normal(0, size / 2, (4, 3, 2))
    tall = float(random.normal(0, 0.3 * size))

    def offset(angle: Field, depth: float, structure: int) -> Field:
        found = np.full_like(angle, tall + (bias if structure == LEFT else 0.3 * bias))
        for order, (one, other) in enumerate(waves[structure], start=1):
            phase_of = 0.13 * depth * order
            found += one * np.cos(order * angle + phase_of) + other * np.sin(order * angle + phase_of)
        return found

    drawn = labels(heart, SPACINGS[person.manufacturer], offset)
    if fate < 0.03:  # a slip: the right ventricle is not drawn at all
        drawn[drawn == RIGHT] = 0
    if weak and float(random.random()) < 0.6:  # outflow taken for ventricle
        drawn[0][(drawn[0] == RIGHT) & (np.arange(COLUMNS)[None, :] > COLUMNS // 3)] = LEFT
    if float(random.random()) < 0.15:  # a stray island
        z, y, x = int(random.integers(SLICES)), int(random.integers(4, 12)), int(random.integers(4, COLUMNS - 8))
        drawn[z, y : y + 4, x : x + 4] = LEFT
    return drawn


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
