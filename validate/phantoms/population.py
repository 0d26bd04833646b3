"""Who comes to the three invented hospitals in 2025, on which scanner, and what is in their lungs.

Makes and findings are dealt out evenly, so that every make has about as many positive images as negative ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from validate.phantoms.chest import Anatomy, Opacity, Pose, anatomy
from validate.phantoms.stream import stream
from validate.phantoms.vendors import MAKES, SCANNERS, Scanner

SITES = ("Northgate", "Harbour", "University")
INSTITUTIONS = ("Northgate General Hospital", "Harbour Clinic", "University Hospital of Phantomville")
_FAMILY = ("Ashdown", "Birkett", "Calloway", "Dunmore", "Ellery", "Fenwick", "Garland", "Holloway", "Ibsen", "Jarrow")
_GIVEN = ("Ada", "Bram", "Cleo", "Dov", "Esra", "Finn", "Gwen", "Hugo", "Iris", "Joon", "Kaya", "Liam", "Mira", "Noor")


@dataclass(frozen=True, slots=True)
class Patient:
    """age in years; `age_known` and an empty `sex` say what the hospital recorded."""

    number: int
    identifier: str
    name: str
    sex: str
    age: float
    age_known: bool
    body: Anatomy
    site: int
    make: str


@dataclass(frozen=True, slots=True)
class Shot:
    """One exposure of the plan. `label` None where the hospital has no reference reading."""

    patient: Patient
    study: int
    instance: int
    accession: str
    day: date
    scanner: Scanner
    spelling: str
    station: str
    view: str
    pose: Pose
    opacity: Opacity | None
    label: int | None
    patient_id: str
    defect: str = ""


def population(seed: int, patients: int) -> list[Shot]:
    """Every exposure that was made without a mishap, in the order of the patients."""
    order = stream(seed, "order").permutation(patients)
    shots: list[Shot] = []
    for number in range(patients):
        deal = int(order[number])
        make, positive, turn = MAKES[deal % len(MAKES)], deal // len(MAKES) % 2, deal // (2 * len(MAKES))
        size = stream(seed, "size", turn)  # the same for every make, so that none is dealt the harder findings
        opacity = finding(stream(seed, "place", number), size) if positive else None
        shots.extend(_visits(seed, _patient(seed, number, make), opacity, _images(turn)))
    return shots


def _images(turn: int) -> tuple[int, ...]:
    """Images in each study of a patient: 13 of 20 patients have one image, 5 have two, 2 have three."""
    return {3: (2,), 7: (1, 1), 10: (2,), 13: (1, 1), 17: (2,), 5: (2, 1), 15: (3,)}.get(turn % 20, (1,))


def _patient(seed: int, number: int, make: str) -> Patient:
    random = stream(seed, "patient", number)
    sex = "F" if random.random() < 0.48 else "M"
    age = float(np.clip(random.normal(58.0, 18.0), 19.0, 93.0))
    body = anatomy(sex, age, random)
    family, given = _FAMILY[int(random.integers(len(_FAMILY)))], _GIVEN[int(random.integers(len(_GIVEN)))]
    identifier = f"SYN-{int(random.integers(10**7, 10**8)):08d}"
    recorded = "" if random.random() < 0.05 else sex
    return Patient(
        number=number,
        identifier=identifier,
        name=f"Phantom-{family}^{given}",
        sex=recorded,
        age=age,
        age_known=random.random() >= 0.04,
        body=body,
        site=int(random.choice(3, p=(0.40, 0.25, 0.35))),
        make=make,
    )


def _visits(seed: int, patient: Patient, opacity: Opacity | None, images: tuple[int, ...]) -> list[Shot]:
    random = stream(seed, "visits", patient.number)
    day = date(2025, 1, 3) + timedelta(days=int(random.integers(0, 300)))
    shots = []
    for study, count in enumerate(images):
        if study > 0:  # a later look at the same lungs: what was there has grown or shrunk a little
            day = day + timedelta(days=int(random.integers(5, 55)))
            opacity = replace(opacity, radius=opacity.radius * random.uniform(0.85, 1.2)) if opacity else None
        scanner = _pick([scanner for scanner in SCANNERS if scanner.make == patient.make], random)
        first = Shot(
            patient=patient,
            study=study,
            instance=1,
            accession=f"A25-{int(random.integers(10**6, 10**7)):07d}",
            day=day,
            scanner=scanner,
            spelling=scanner.spellings[(patient.site + SCANNERS.index(scanner)) % len(scanner.spellings)],
            station=f"{SITES[patient.site][:4].upper()}-{SCANNERS.index(scanner):02d}",
            view="PA",
            pose=Pose(),
            opacity=opacity,
            label=int(opacity is not None),
            patient_id=patient.identifier,
        )
        for instance in range(1, count + 1):
            view, pose = posture(random)
            shots.append(replace(first, instance=instance, view=view, pose=pose))
    return shots


def finding(place: np.random.Generator, size: np.random.Generator) -> Opacity:
    """An opacity in a lung, radius 3 to 13 pixels, from faint to plain; small ones are a little denser."""
    radius = float(np.exp(size.uniform(np.log(0.045), np.log(0.20))))
    strength = float(np.exp(size.uniform(np.log(0.25), np.log(0.80)))) * (0.85 + 0.45 * np.exp(-radius / 0.06))
    side = -1.0 if place.random() < 0.5 else 1.0
    y = place.uniform(-0.58, 0.30)
    middle = float(np.interp(y, (-0.7, -0.4, 0.0, 0.4), (0.28, 0.36, 0.44, 0.50)))
    if side > 0 and y > 0.0:  # beside the heart, not behind it
        middle += 0.35 * y
    return Opacity(
        x=side * (middle + place.uniform(-0.13, 0.13)),
        y=y,
        radius=radius,
        elongation=place.uniform(0.9, 1.25),
        angle=place.uniform(0.0, np.pi),
        strength=strength,
    )


def posture(random: np.random.Generator) -> tuple[str, Pose]:
    """View and pose of one exposure; one in five is made AP in bed."""
    supine = random.random() < 0.2
    return "AP" if supine else "PA", Pose(
        shift=(random.normal(0.0, 0.025), random.normal(0.0, 0.025)),
        tilt=random.normal(0.0, 0.02),
        zoom=random.uniform(0.94, 1.04) * (1.04 if supine else 1.0),
        breath=random.normal(-0.6 if supine else 0.0, 0.7),
        supine=supine,
    )


def _pick(scanners: list[Scanner], random: np.random.Generator) -> Scanner:
    return scanners[int(random.integers(len(scanners)))]
