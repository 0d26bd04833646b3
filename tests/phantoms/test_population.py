"""Patients, scanners and findings are dealt as the sample promises."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from validate.phantoms.defects import CHILDREN, COPIES, LATERAL_VIEWS, MISSING_LABELS, WITHOUT_PIXELS, with_defects
from validate.phantoms.population import Shot, population
from validate.phantoms.sample import PATIENTS, SEED
from validate.phantoms.vendors import EXPLICIT, MAKES

SHOTS = population(SEED, PATIENTS)
PLAN = with_defects(SHOTS, SEED)


def by_defect(plan: list[Shot]) -> dict[str, list[Shot]]:
    found = defaultdict(list)
    for shot in plan:
        found[shot.defect].append(shot)
    return found


def test_280_patients_have_about_400_images_one_to_three_each() -> None:
    images = Counter(shot.patient.number for shot in SHOTS)
    assert len(images) == 280
    assert set(images.values()) == {1, 2, 3}
    assert len(SHOTS) == pytest.approx(400, abs=10)


def test_every_make_has_over_40_positive_and_over_40_negative_images() -> None:
    count = Counter((shot.patient.make, shot.label) for shot in SHOTS)
    assert set(count) == {(make, label) for make in MAKES for label in (0, 1)}
    assert min(count.values()) > 40


@pytest.mark.parametrize("seed", range(5))
def test_prevalence_is_about_half_for_any_seed(seed: int) -> None:
    shots = population(seed, 280)
    assert sum(shot.label or 0 for shot in shots) / len(shots) == pytest.approx(0.5, abs=0.04)


def test_labels_belong_to_studies() -> None:
    labels = defaultdict(set)
    for shot in PLAN:
        labels[shot.accession].add(shot.label)
    assert all(len(found) == 1 for found in labels.values())


def test_accession_numbers_and_patient_ids_are_unique_to_their_studies_and_patients() -> None:
    studies = {(shot.patient.number, shot.study) for shot in SHOTS}
    assert len({shot.accession for shot in SHOTS}) == len(studies)
    assert len({shot.patient.identifier for shot in SHOTS}) == 280


def test_both_sexes_and_missing_ages_of_every_band_and_missing_and_three_sites() -> None:
    patients = {shot.patient.number: shot.patient for shot in SHOTS}.values()
    assert {patient.sex for patient in patients} == {"F", "M", ""}
    assert {patient.site for patient in patients} == {0, 1, 2}
    bands = Counter((patient.age >= 40) + (patient.age >= 65) for patient in patients)
    assert min(bands[band] for band in (0, 1, 2)) > 25
    assert 3 <= sum(not patient.age_known for patient in patients) <= 25
    assert all(shot.day.year == 2025 for shot in SHOTS)


def test_the_number_of_each_defect_is_as_declared() -> None:
    counts = {name: len(shots) for name, shots in by_defect(PLAN).items() if name}
    assert counts == {
        "child": len(CHILDREN),
        "missing_label": MISSING_LABELS,
        "truncated": 2,
        "two_patient_ids": 1,
        "lateral": LATERAL_VIEWS,
        "no_pixel_data": WITHOUT_PIXELS,
        "duplicate": COPIES,
    }


def test_defects_are_what_they_are_called() -> None:
    found = by_defect(PLAN)
    assert all(shot.patient.age < 18 and shot.patient.age_known for shot in found["child"])
    assert all(shot.view == "LL" for shot in found["lateral"])
    assert {shot.scanner.transfer_syntax == EXPLICIT for shot in found["truncated"]} == {True, False}
    (odd,) = found["two_patient_ids"]
    same_study = {shot.patient_id for shot in PLAN if shot.accession == odd.accession}
    assert len(same_study) == 2
    assert odd.patient_id not in {shot.patient_id for shot in SHOTS}
    for copy in found["duplicate"]:
        twins = [s for s in PLAN if (s.accession, s.instance) == (copy.accession, copy.instance)]
        assert len(twins) == 2


@pytest.mark.parametrize("patients", [40, 41, 60, 133])
def test_small_studies_have_room_for_the_defects(patients: int) -> None:
    for seed in range(4):
        assert len(by_defect(with_defects(population(seed, patients), seed))) == 8


def test_no_study_is_left_without_an_image_by_its_defects() -> None:
    whole = {shot.accession for shot in PLAN if shot.defect in {"", "missing_label", "child", "truncated"}}
    assert whole == {shot.accession for shot in PLAN}
