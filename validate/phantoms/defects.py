"""The mishaps of a real archive, put in on purpose and at known places."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from validate.phantoms.chest import Pose, anatomy
from validate.phantoms.population import Shot
from validate.phantoms.stream import stream
from validate.phantoms.vendors import EXPLICIT

CHILDREN = (9.0, 14.0 / 12.0)
MISSING_LABELS = 3
LATERAL_VIEWS = 3
WITHOUT_PIXELS = 2
COPIES = 2


def with_defects(shots: list[Shot], seed: int) -> list[Shot]:
    """The plan with its mishaps; the number of each is fixed, the places come from the seed.

    Lateral views, images without pixels and copies are added. Childhood, a missing label, a second patient id and
    truncation happen to exposures that were there. Needs about 40 patients.
    """
    plan = list(shots)
    places = _single_images(plan, seed)
    for age in CHILDREN:
        place = places.pop()
        plan[place] = _as_child(plan[place], age, seed)
    for _ in range(MISSING_LABELS):
        place = places.pop()
        plan[place] = replace(plan[place], label=None, defect="missing_label")
    for compressed in (False, True):
        of_kind = (at for at in places if (plan[at].scanner.transfer_syntax != EXPLICIT) == compressed)
        place = next(of_kind, places[-1])
        places.remove(place)
        plan[place] = replace(plan[place], defect="truncated")
    place = _second_images(plan, seed).pop()
    wrong = replace(plan[place], patient_id=_misread(plan[place].patient_id), defect="two_patient_ids")
    plan[place] = wrong
    for defect, count in (("lateral", LATERAL_VIEWS), ("no_pixel_data", WITHOUT_PIXELS), ("duplicate", COPIES)):
        for _ in range(count):
            plan.append(_added(plan[places.pop()], defect))
    return sorted(plan, key=lambda shot: (shot.patient.number, shot.study, shot.instance, shot.defect))


def _single_images(plan: list[Shot], seed: int) -> list[int]:
    """Places of patients with one image, in a random order."""
    images = Counter(shot.patient.number for shot in plan)
    places = [place for place, shot in enumerate(plan) if images[shot.patient.number] == 1]
    return [places[int(at)] for at in stream(seed, "defects").permutation(len(places))]


def _second_images(plan: list[Shot], seed: int) -> list[int]:
    """Places of the second of exactly two images of a patient's only study, in a random order."""
    images = Counter(shot.patient.number for shot in plan)
    places = [at for at, shot in enumerate(plan) if shot.instance == 2 and images[shot.patient.number] == 2]
    return [places[int(at)] for at in stream(seed, "second ids").permutation(len(places))]


def _as_child(shot: Shot, age: float, seed: int) -> Shot:
    body = anatomy(shot.patient.sex or "F", age, stream(seed, "child", shot.patient.number))
    return replace(shot, patient=replace(shot.patient, age=age, age_known=True, body=body), defect="child")


def _misread(identifier: str) -> str:
    """The identifier with its last two digits swapped, or one changed where they are equal."""
    head, tens, units = identifier[:-2], identifier[-2], identifier[-1]
    return f"{head}{units}{tens}" if tens != units else f"{head}{tens}{(int(units) + 1) % 10}"


def _added(shot: Shot, defect: str) -> Shot:
    """One more file of the study; a copy keeps the instance number and so the SOP Instance UID."""
    if defect == "duplicate":
        return replace(shot, defect=defect)
    view, pose = ("LL", Pose()) if defect == "lateral" else (shot.view, shot.pose)
    return replace(shot, instance=shot.instance + 1, view=view, pose=pose, defect=defect)
