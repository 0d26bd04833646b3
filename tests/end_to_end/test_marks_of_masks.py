"""Masks as lesions and masks as marks: components are hit by their overlap, held against scipy's labels and a count of voxels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from scipy import ndimage

import validate
from validate.evidence.verify import verify
from validate.numbers import recomputation
from validate.report.again import made_again

pytestmark = pytest.mark.slow
CASES, IOU = 24, 0.4
AFFINE = np.diag([0.8, 0.8, 2.5, 1.0])
PROTOCOL: dict[str, Any] = {
    "schema_version": "1", "id": "masks", "version": "1.0.0", "title": "Masks", "profile": "acceptance", "intended_use": "Practice.",
    "task": "detection", "seed": 1, "data_are_synthetic": True,
    "cohort": {
        "sources": [{"nifti": "images", "names": "{patient}.nii.gz"}],
        "unit": "image", "cluster": "patient", "sampling": "enriched",
    },
    "reference": {
        "masks": "reference", "names": "{patient}.nii.gz", "classes": {"lesion": 1}, "level": "image", "standard": "By construction",
    },
    "detection": {
        "space": "mm", "hit": {"criterion": "iou", "value": IOU}, "repeated_hits": "ignore", "connectivity": 26,
        "size_bands": [1, 8, 30],
    },
    "models": [
        {
            "id": "a", "name": "A", "version": "1", "format": "predictions", "path": "found", "masks": "{patient}.nii.gz",
            "output": {"activation": "none", "kind": "mask"}, "operating_point": {"threshold": 0.5, "source": "a mask is a mark"},
        }
    ],
    "inference": {"on_failure": "worst_case"},
    "endpoints": [
        {"id": "found", "metric": "detection.lesion_sensitivity", "role": "primary", "rationale": "As published"},
        {"id": "false", "metric": "detection.false_marks_per_case", "role": "secondary"},
        {"id": "precision", "metric": "detection.precision", "role": "secondary"},
    ],
    "strata": ["lesion_size"],
    "acceptance": [{"endpoint": "found", "limit": "lower", "at_least": 0.2, "rationale": "As agreed"}],
    "resampling": {"replicates": 200, "at_most": 200},
    "report": {"formats": ["html"]},
}  # fmt: skip


def write(folder: Path, name: str, mask: np.ndarray, moved: float = 0.0) -> None:
    folder.mkdir(exist_ok=True)
    affine = AFFINE.copy()
    affine[0, 3] = moved
    image = nibabel.Nifti1Image(mask, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, folder / name)


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Balls, and what a machine drew of them: moved, shrunk or left out, with some of its own."""
    truth, found = np.zeros((40, 36, 14), np.uint8), np.zeros((40, 36, 14), np.uint8)
    at = np.stack(np.meshgrid(*(np.arange(size) for size in truth.shape), indexing="ij"), axis=-1) * np.diag(AFFINE)[:3]
    for _ in range(rng.integers(0, 5)):
        centre, radius = rng.uniform((6, 6, 6), (26, 23, 28)), rng.uniform(2.5, 5)
        truth[np.linalg.norm(at - centre, axis=-1) <= radius] = 1
        if rng.random() < 0.8:
            found[np.linalg.norm(at - centre - rng.normal(0, 0.8, 3), axis=-1) <= radius * rng.uniform(0.6, 1.1)] = 1
    for _ in range(rng.poisson(0.6)):
        found[np.linalg.norm(at - rng.uniform((6, 6, 6), (26, 23, 28)), axis=-1) <= 3] = 1
    return truth, found


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("masks"), np.random.default_rng(2)
    for patient in range(CASES):
        truth, found = drawn(rng)
        name = f"P{patient:02d}.nii.gz"
        write(folder / "images", name, rng.normal(0, 50, truth.shape).astype(np.int16))
        write(folder / "reference", name, truth)
        write(folder / "found", name, found)
    (folder / "protocol.yaml").write_text(yaml.safe_dump(PROTOCOL))
    return folder


@pytest.fixture(scope="module")
def run(study: Path) -> Any:
    return validate.run(study / "protocol.yaml", out=study / "run")


def counted(study: Path) -> dict[str, int]:
    """All pairs of components, one voxel set against the other; the mark that comes first takes the lesion it overlaps most."""
    sums = {"lesions": 0, "marks": 0, "hits": 0, "repeated": 0}
    for path in sorted((study / "reference").iterdir()):
        (truth, lesions), (found, marks) = (
            ndimage.label(np.asarray(nibabel.load(folder / path.name).dataobj), np.ones((3, 3, 3)))
            for folder in (study / "reference", study / "found")
        )
        overlap = np.zeros((marks, lesions))
        for mark in range(marks):
            for lesion in range(lesions):
                one, other = found == mark + 1, truth == lesion + 1
                overlap[mark, lesion] = (one & other).sum() / (one | other).sum()
        hit: set[int] = set()
        for mark in range(marks):
            fits = [(overlap[mark, lesion], lesion) for lesion in range(lesions) if overlap[mark, lesion] >= IOU]
            free = [one for one in fits if one[1] not in hit]
            if free:
                hit.add(max(free)[1])
            sums["repeated"] += bool(fits) and not free
        sums["lesions"] += lesions
        sums["marks"] += marks
        sums["hits"] += len(hit)
    return sums


def estimate(run: Any, name: str) -> dict[str, Any]:
    return next(e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"] if e["id"] == name)


def test_hits_by_overlap_are_those_of_all_pairs_of_components(study: Path, run: Any) -> None:
    sums = counted(study)
    assert 0 < sums["hits"] < min(sums["lesions"], sums["marks"])
    found = estimate(run, "found/a/clean")
    assert (found["numerator"], found["denominator"]) == (sums["hits"], sums["lesions"])
    false = sums["marks"] - sums["hits"] - sums["repeated"]
    assert estimate(run, "false/a/clean")["value"] == pytest.approx(false / CASES, abs=1e-12)
    marks = pq.read_table(run.folder / "results" / "marks.parquet").to_pylist()
    assert min(row["fit"] for row in marks if row["verdict"] == "hit") >= IOU


def test_a_lesion_is_as_large_as_a_ball_of_its_volume(study: Path, run: Any) -> None:
    voxels = []
    for path in sorted((study / "reference").iterdir()):
        labels, count = ndimage.label(np.asarray(nibabel.load(path).dataobj), np.ones((3, 3, 3)))
        voxels += np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist()
    told = sorted(pq.read_table(run.folder / "results" / "lesions.parquet")["size"].to_pylist())
    expected = sorted((6 * np.array(voxels) * 0.8 * 0.8 * 2.5 / np.pi) ** (1 / 3))
    assert told == pytest.approx(expected, rel=1e-6)


def test_every_number_is_found_again(run: Any) -> None:
    assert verify(run.folder, recompute=recomputation, redraw=made_again).status == "VERIFIED"


def test_a_mask_of_another_shape_or_place_or_with_a_strange_value_is_a_failed_case(study: Path, tmp_path: Path) -> None:
    folder = study / "broken"
    for path in (study / "found").iterdir():
        mask = np.asarray(nibabel.load(path).dataobj).copy()
        if path.name.startswith("P03"):
            mask = mask[:-1]
        if path.name.startswith("P04"):
            mask[2, 2, 2] = 7
        write(folder, path.name, mask, moved=3.0 if path.name.startswith("P05") else 0.0)
    said = {**PROTOCOL, "models": [{**PROTOCOL["models"][0], "path": "broken"}]}
    (study / "broken.yaml").write_text(yaml.safe_dump(said))
    run = validate.run(study / "broken.yaml", out=tmp_path / "run", exploratory=True)
    units = pq.read_table(run.folder / "results" / "units.parquet").to_pylist()
    assert sorted(row["failure"] for row in units if row["status"] == "failed") == [
        "mask:grid",
        "mask:grid",
        "mask:unknown_class",
    ]


def test_a_ball_outside_the_image_is_a_failed_case_and_one_within_is_judged_against_the_mask(
    study: Path, tmp_path: Path
) -> None:
    # RAS to LPS: the images lie at negative x and y
    lines = ["patient,x,y,z,diameter,score"]
    lines += [f"P{patient:02d},{900 if patient == 7 else -16},-14,15,6,0.9" for patient in range(CASES)]
    (study / "balls.csv").write_text("\n".join(lines) + "\n")
    model = {
        "id": "a", "name": "A", "version": "1", "format": "predictions", "path": "balls.csv", "key": "patient",
        "unlisted": "missing_output", "output": {"activation": "none", "kind": "balls", "space": "mm"},
        "operating_point": {"threshold": 0.5, "source": "by hand"},
    }  # fmt: skip
    hit = {**PROTOCOL["detection"], "hit": {"criterion": "centre_in_object"}}
    (study / "balls.yaml").write_text(yaml.safe_dump({**PROTOCOL, "models": [model], "detection": hit}))
    run = validate.run(study / "balls.yaml", out=tmp_path / "run", exploratory=True)
    units = pq.read_table(run.folder / "results" / "units.parquet").to_pylist()
    assert [row["failure"] for row in units if row["status"] == "failed"] == ["marks:outside"]
    inside = 0
    for patient in range(CASES):
        mask = np.asarray(nibabel.load(study / "reference" / f"P{patient:02d}.nii.gz").dataobj)
        inside += int(mask[round(16 / 0.8), round(14 / 0.8), round(15 / 2.5)]) if patient != 7 else 0
    assert estimate(run, "found/a/clean")["numerator"] == inside > 0
