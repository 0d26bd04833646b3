"""A study of masks from protocol to sealed report, its numbers held against masks read and compared by other code."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import ndimage

import validate
from validate.errors import DataError
from validate.evidence.verify import verify
from validate.inference.comparison import compare_outputs
from validate.numbers import recomputation
from validate.phantoms.cardiac_sample import write_cardiac
from validate.replay import replay
from validate.report.again import made_again

PATIENTS = 24


@pytest.fixture(scope="module")
def protocol(
    tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path], on_screen: Callable[[Path], Path]
) -> Path:
    """The gallery's protocol on a smaller study, with fewer resamples and no PDF."""
    gallery = tree(tmp_path_factory.mktemp("masks"))
    write_cardiac(gallery.parents[1] / "sample_volumes" / "cardiac", seed=3, patients=PATIENTS)
    (gallery.parents[1] / "sample_volumes" / "cardiac" / "segmenter_a" / "H002_ES.nii.gz").unlink()
    path = on_screen(gallery / "cardiac-ventricles.yaml")
    text = path.read_text()
    lesions = "{overlap: iou, threshold: 0.5, inclusive: false, connectivity: 26, size_limits: [30, 60]}"
    text = text.replace("  grid: refuse ", f"  lesions: {lesions}\n  grid: refuse ")
    of_size = "target: left_ventricle, role: secondary}"
    text = text.replace(
        "\nstrata:",
        f"  - {{id: all_lesions, metric: segmentation.lesion_sensitivity, {of_size}\n"
        f"  - {{id: middle, metric: segmentation.lesion_sensitivity_of_size.size_2, {of_size}\n\nstrata:",
    )
    path.write_text(text.replace("replicates: 2000", "replicates: 300, at_most: 300"))
    return path


@pytest.fixture(scope="module")
def run(protocol: Path) -> Any:
    return validate.run(protocol, out=protocol.parents[2] / "run")


def data(protocol: Path) -> Path:
    return protocol.parents[2] / "sample_volumes" / "cardiac"


def pairs(protocol: Path, model: str, value: int) -> Iterator[tuple[str, np.ndarray, np.ndarray | None, float]]:
    """(name, reference, prediction, voxel in ml) by nibabel alone."""
    for path in sorted((data(protocol) / "reference").iterdir()):
        image, other = nibabel.load(path), data(protocol) / model / path.name
        mask = np.asarray(image.dataobj) == value
        drawn = np.asarray(nibabel.load(other).dataobj) == value if other.is_file() else None
        yield path.name.removesuffix(".nii.gz"), mask, drawn, float(np.prod(image.header.get_zooms())) / 1000


def estimate(run: Any, name: str) -> dict[str, Any]:
    return next(e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"] if e["id"] == name)


def test_every_number_is_recomputed_and_the_report_says_what_a_boundary_is(run: Any) -> None:
    assert verify(run.folder, recompute=recomputation, redraw=made_again).status == "VERIFIED"
    page = (run.folder / "report" / "report.html").read_text().partition("<script>")[0]
    for wrong in ("NaN", ">None<", "nan%", "nan mm"):
        assert wrong not in page
    for said in (
        "left ventricle",
        "surfel, as in surface-distance",
        "normalised surface Dice",
        "Bland–Altman plot",
        "The worst cases",
        "10% quantile",
    ):
        assert said in page
    assert "Inference not witnessed" in page


def test_every_column_of_a_table_has_room_for_a_word(run: Any) -> None:
    page = (run.folder / "report" / "report.html").read_text()
    tables = re.findall(r"<colgroup>(.*?)</colgroup>", page, re.DOTALL)
    assert len(tables) > 20
    for table in tables:
        columns = re.findall(r"<col\b[^>]*>", table)
        stated = [int(found[1]) for column in columns if (found := re.search(r"width: (\d+)%", column))]
        open_ = len(columns) - len(stated)
        assert sum(stated) + 9 * open_ <= 100, table


def test_pixels_leave_only_where_the_protocol_lets_them(protocol: Path, run: Any, tmp_path: Path) -> None:
    pictures = sorted((run.folder / "pictures" / "candidate").iterdir())
    assert 0 < len(pictures) <= 6
    assert (run.folder / "report" / "report.html").read_text().count("data:image/png") >= len(pictures)
    path = protocol.with_name("private.yaml")
    path.write_text(protocol.read_text().replace("pictures: true ", "pictures: false "))
    private = validate.run(path, out=tmp_path / "run")
    assert not (private.folder / "pictures").exists()
    assert "data:image/png" not in (private.folder / "report" / "report.html").read_text()


def test_the_mean_dice_is_that_of_the_masks_with_a_missing_one_as_nothing(protocol: Path, run: Any) -> None:
    found = []
    for _, reference, drawn, _ in pairs(protocol, "segmenter_a", 3):
        shared = 0 if drawn is None else int((reference & drawn).sum())
        found.append(2 * shared / (int(reference.sum()) + int(0 if drawn is None else drawn.sum())))
    assert 0.0 in found
    told = estimate(run, "dice.left_ventricle/candidate/clean")
    assert told["value"] == pytest.approx(np.mean(found), abs=1e-12)
    assert (told["n_cases"], told["n_patients"], told["n_failed"]) == (2 * PATIENTS, PATIENTS, found.count(0.0))
    outputs = estimate(run, "dice.left_ventricle/candidate/clean/missing=excluded")
    assert outputs["value"] == pytest.approx(np.mean([x for x in found if x]), abs=1e-12)


def test_the_ejection_fraction_comes_from_both_phases_and_is_near_the_phantoms(protocol: Path, run: Any) -> None:
    volumes: dict[tuple[str, str], tuple[float, float | None]] = {}
    for name, reference, drawn, voxel in pairs(protocol, "segmenter_a", 3):
        patient, phase = name.split("_")
        volumes[patient, phase] = float(reference.sum()) * voxel, None if drawn is None else float(drawn.sum()) * voxel
    differences, truth = [], []
    for patient in {patient for patient, _ in volumes}:
        (filled, drawn), (emptied, redrawn) = volumes[patient, "ED"], volumes[patient, "ES"]
        truth.append((patient, 1 - emptied / filled))
        if drawn is not None and redrawn is not None:
            differences.append((1 - redrawn / drawn) - (1 - emptied / filled))
    told = estimate(run, "ejection/candidate/clean")
    assert told["value"] == pytest.approx(np.mean(differences), abs=1e-6)
    assert told["n_cases"] == len(differences) < PATIENTS
    with (data(protocol) / "truth.csv").open(newline="") as handle:
        made = {row["image"].split("_")[0]: float(row["ejected"]) for row in csv.DictReader(handle)}
    for patient, share in truth:  # slices are 8 mm thick, so volumes are known to a few percent
        assert share == pytest.approx(made[patient], abs=0.06)


def test_lesions_of_one_size_have_a_sensitivity_with_limits_from_patients(protocol: Path, run: Any) -> None:
    there = found = 0
    for _, reference, drawn, voxel in pairs(protocol, "segmenter_a", 3):
        labels, count = ndimage.label(reference, np.ones((3, 3, 3)))
        for number in range(1, count + 1):
            lesion = labels == number
            if not 30 <= (6000 * float(lesion.sum()) * voxel / np.pi) ** (1 / 3) < 60:
                continue
            there += 1
            parts, others = ndimage.label(drawn if drawn is not None else lesion & False, np.ones((3, 3, 3)))
            found += any(
                (lesion & (parts == one)).sum() > 0.5 * (lesion | (parts == one)).sum() for one in range(1, others + 1)
            )
    told = estimate(run, "middle/candidate/clean")
    assert there > 10
    assert told["status"] == "ok"
    assert told["value"] == pytest.approx(found / there, abs=1e-12)
    assert told["interval"] is not None
    page = (run.folder / "report" / "report.html").read_text()
    assert "Lesion sensitivity, lesions of 30 to under 60 mm" in page
    assert "60 mm and more" in page


def test_what_was_measured_lies_beside_the_masks_it_was_measured_on(run: Any) -> None:
    measures = pq.read_table(run.folder / "casewise" / "measures.parquet")
    units = pq.read_table(run.folder / "results" / "units.parquet")
    assert measures.num_rows == units.num_rows == 2 * 3 * 2 * PATIENTS
    masks = list((run.folder / "inference" / "candidate" / "clean" / "masks").iterdir())
    assert len(masks) == units.filter(units_of(units, "candidate")).num_rows // 3
    assert not any(path.name.startswith("H0") for path in masks)  # pseudonyms


def test_no_name_of_a_file_or_patient_reaches_a_table_or_the_report(run: Any) -> None:
    for path in sorted(run.folder.rglob("*.parquet")):
        for line in pq.read_table(path).to_pylist():
            assert not any(isinstance(value, str) and value.startswith("H0") for value in line.values()), path
    for path in [p for p in sorted(run.folder.rglob("*")) if p.suffix in {".json", ".jsonl", ".html"}]:
        text = path.read_text()
        assert not any(f"H{number:03d}" in text for number in range(1, PATIENTS + 1)), path


def units_of(units: Any, model: str) -> Any:
    import pyarrow.compute as pc

    return pc.and_(pc.equal(units["model"], model), pc.equal(units["status"], "ok"))


def test_a_run_is_the_same_on_another_day_and_an_altered_mask_is_noticed(protocol: Path, run: Any) -> None:
    again = validate.run(protocol, out=protocol.parents[2] / "again")
    for name in ("estimates.json", "findings.json", "casewise/measures.parquet", "results/units.parquet"):
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes(), name
    mask = next((again.folder / "inference" / "candidate" / "clean" / "masks").iterdir())
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert any("masks/" in line for line in verify(again.folder).differences)


def test_replay_holds_each_mask_and_what_was_measured_of_it_against_the_sealed_ones(
    protocol: Path, run: Any, tmp_path: Path
) -> None:
    found = replay(run.folder, protocol)
    assert (found.holds, found.differences) == (True, ())
    assert found.masks == len(list((run.folder / "inference").glob("*/clean/masks/*.nii.gz")))
    assert found.measures == pq.read_table(run.folder / "casewise/measures.parquet").num_rows
    other = Path(shutil.copytree(run.folder / "inference", tmp_path / "other"))
    first, second, third = sorted(other.glob("*/clean/masks/*.nii.gz"))[:3]
    image = nibabel.load(first)
    labels = np.asarray(image.dataobj).copy()
    labels[0, 0, 0] += 1
    nibabel.save(nibabel.Nifti1Image(labels, image.affine, image.header), first)
    moved = nibabel.load(second)
    affine = moved.affine.copy()
    affine[:3, 3] += 1
    nibabel.save(nibabel.Nifti1Image(np.asarray(moved.dataobj), affine), second)
    third.unlink()
    told = " ".join(compare_outputs(run.folder / "inference", other, 1e-6).differences)
    assert f"1 of {labels.size:,} voxels of its mask are others" in told
    assert "its mask lies on another grid" in told
    assert "gives no mask now" in told
    assert told.count(" clean: ") == 3


def test_a_reference_of_another_kind_of_file_stops_the_run_before_any_model(protocol: Path, tmp_path: Path) -> None:
    path = protocol.with_name("broken.yaml")
    path.write_text(protocol.read_text().replace("cardiac/reference", "cardiac/broken"))
    (data(protocol) / "broken").mkdir()
    (data(protocol) / "broken" / "H001_ED.nii.gz").write_bytes(b"no mask")
    with pytest.raises(DataError, match=r"reference mask of case .*: Not a readable NIfTI file"):
        validate.run(path, out=tmp_path / "run")
    assert not (tmp_path / "run" / "inference").exists()
