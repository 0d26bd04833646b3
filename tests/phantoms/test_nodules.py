"""Chest CT with known nodules: what is written is read back where it was put, and the small models find what they were trained for."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnxruntime

from validate.imaging.series import read_series
from validate.phantoms.cardiac import LEFT, labels, picture
from validate.phantoms.cardiac_sample import COILS, SPACINGS
from validate.phantoms.cardiac_sample import people as hearts
from validate.phantoms.lungs import Scan, chest, nodules, scanned
from validate.phantoms.nodule_sample import people, write_nodules
from validate.phantoms.stream import stream

MODELS = Path(__file__).parents[2] / "sample_data" / "models"
SEED = 20261122


def test_a_nodule_lies_in_the_series_where_the_table_says(tmp_path: Path) -> None:
    write_nodules(tmp_path, seed=SEED, patients=6)
    with (tmp_path / "nodules.csv").open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["texture"] == "solid" and float(row["diameter"]) > 7]
    assert rows
    for row in rows:
        volume = read_series(sorted((tmp_path / "ct" / row["patient_id"]).iterdir()))
        assert volume.affine is not None
        x, y, z, _ = np.linalg.inv(volume.affine) @ [float(row["x"]), float(row["y"]), float(row["z"]), 1]
        around = volume.voxels[round(z), round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
        assert around.max() > -500  # lung is -860 HU


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_nodules(tmp_path / name, seed=3, patients=1)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "other" / path.relative_to(tmp_path / "one")).read_bytes()


def test_makes_and_slice_thicknesses_do_not_go_together() -> None:
    kinds = {(person.make.name, person.scan.thickness) for person in people(SEED, 75)}
    assert len(kinds) == 4 * 3


def test_the_trained_segmenter_outlines_hearts_it_has_not_seen_at_both_phases() -> None:
    """Two of each make; the fourth make it never saw, and there it is a little weaker. Scores, because weights differ by CPU."""
    session = onnxruntime.InferenceSession(MODELS / "heart.onnx", providers=["CPUExecutionProvider"])
    bias = []
    for person in hearts(SEED, 8):
        volumes = []
        for phase, heart in (("ED", person.heart), ("ES", person.heart.beating(person.ejected))):
            truth = labels(heart, SPACINGS[person.manufacturer])
            seen = picture(truth, COILS[person.manufacturer], stream(SEED, "test", person.name, phase)).astype(
                np.float32
            )
            said = session.run(None, {"volume": ((seen - seen.mean()) / seen.std())[None, None]})[0][0].argmax(axis=0)
            assert 2 * ((said == LEFT) & (truth == LEFT)).sum() > 0.9 * ((said == LEFT).sum() + (truth == LEFT).sum())
            volumes.append(((said == LEFT).sum(), (truth == LEFT).sum()))
        (filled, full), (emptied, empty) = volumes
        bias.append((1 - emptied / filled) - (1 - empty / full))
    assert abs(np.mean(bias)) < 0.03  # of the ejection fraction, before stray parts are taken away


def test_the_trained_detector_sees_most_large_nodules_of_chests_it_has_not_seen() -> None:
    session = onnxruntime.InferenceSession(MODELS / "nodules.onnx", providers=["CPUExecutionProvider"])
    seen = []
    for number in range(4):
        random = stream(SEED, "test chest", number)
        there = nodules(random, 5)
        voxels = scanned(chest(random, there), Scan(3.0, 1.0, 20.0), random).astype(np.float32)
        logits = session.run(None, {"volume": (np.clip((voxels + 1000) / 1200, 0, 1))[None, None]})[0][0, 0]
        for one in there:
            z, y, x = (round(at / 3 + (size - 1) / 2) for at, size in zip(one.centre, voxels.shape, strict=True))
            if one.diameter >= 10:
                seen.append(logits[max(z - 1, 0) : z + 2, y - 1 : y + 2, x - 1 : x + 2].max() > np.log(0.95 / 0.05))
    assert len(seen) >= 5
    assert np.mean(seen) >= 0.75
