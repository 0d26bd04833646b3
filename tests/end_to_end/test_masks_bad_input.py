"""Masks that are none go through a whole run: each is a failed case with its reason, counted by the locked rule, and never a number."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow.parquet as pq
import pytest

import validate
from validate.errors import DataError
from validate.phantoms.cardiac_sample import write_cardiac

Change = Callable[[Path], None]


def values(change: Callable[[np.ndarray], np.ndarray], kind: type = np.uint8) -> Change:
    """Another content on the same grid."""

    def put(path: Path) -> None:
        image = nibabel.load(path)
        nibabel.save(nibabel.Nifti1Image(change(np.asarray(image.dataobj)).astype(kind), image.affine), path)

    return put


def moved(path: Path) -> None:
    image = nibabel.load(path)
    affine = image.affine.copy()
    affine[:3, 3] += 5
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), path)


def spaced(length: float) -> Change:
    """With this as its voxels' length along x."""

    def put(path: Path) -> None:
        content = bytearray(nibabel.load(path).to_bytes())
        content[80:84] = np.array(length, "<f4").tobytes()  # pixdim[1], which nibabel would mend itself
        path.write_bytes(gzip.compress(bytes(content)))

    return put


BAD: dict[str, tuple[str, Change]] = {
    "H001_ED": ("mask:grid", values(lambda labels: labels[:, :, 1:])),
    "H002_ED": ("mask:grid", moved),
    "H003_ED": ("mask:labels", values(lambda labels: labels + 0.5, np.float32)),
    "H004_ED": ("mask:labels", values(lambda labels: np.where(labels == 3, np.nan, labels), np.float32)),
    "H005_ED": ("mask:unknown_class", values(lambda labels: np.where(labels == 3, 7, labels))),
    "H006_ED": ("mask:unreadable", lambda path: path.write_bytes(path.read_bytes()[:200])),
}


@pytest.fixture(scope="module")
def protocol(
    tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path], on_screen: Callable[[Path], Path]
) -> Path:
    gallery = tree(tmp_path_factory.mktemp("bad"))
    write_cardiac(gallery.parents[1] / "sample_volumes" / "cardiac", seed=3, patients=12)
    path = on_screen(gallery / "cardiac-ventricles.yaml")
    path.write_text(path.read_text().replace("replicates: 2000", "replicates: 200, at_most: 200"))
    return path


def test_each_mask_that_is_none_has_its_reason(protocol: Path, tmp_path: Path) -> None:
    where = protocol.parents[2] / "sample_volumes" / "cardiac" / "segmenter_a"
    kept = Path(shutil.copytree(where, tmp_path / "kept"))
    for name, (_, change) in BAD.items():
        change(where / f"{name}.nii.gz")
    found = validate.run(protocol, out=tmp_path / "run", exploratory=True)
    shutil.rmtree(where)
    shutil.copytree(kept, where)
    units: list[dict[str, Any]] = pq.read_table(found.folder / "results" / "units.parquet").to_pylist()
    failed = [row for row in units if row["model"] == "candidate" and row["status"] == "failed"]
    told = sorted(str(row["failure"]) for row in failed if row["target"] == "left_ventricle")
    wanted = sorted(reason for reason, _ in BAD.values())
    assert [one[: len(other)] for one, other in zip(told, wanted, strict=True)] == wanted
    for row in failed:
        assert all(value is None for name, value in row.items() if name in {"case.dice", "case.hd95", "case.nsd"})
    estimates = json.loads((found.folder / "estimates.json").read_text())["estimates"]
    dice = next(e for e in estimates if e["id"] == "dice.left_ventricle/candidate/clean")
    assert (dice["n_cases"], dice["n_failed"]) == (24, len(BAD))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spaced(0.0), "pixdim"),
        (spaced(-1.6), "pixdim"),
        (values(lambda labels: labels + 0.5, np.float32), "whole numbers"),
        (values(lambda labels: np.where(labels == 3, 7, labels)), "holds the value 7"),
        (values(lambda labels: labels[:, :, 1:]), "lies on another grid than its image"),
    ],
    ids=["zero spacing", "negative spacing", "half a label", "an unknown class", "another shape"],
)
def test_a_reference_that_is_none_stops_the_run(protocol: Path, tmp_path: Path, change: Change, words: str) -> None:
    path = protocol.parents[2] / "sample_volumes" / "cardiac" / "reference" / "H001_ED.nii.gz"
    kept = path.read_bytes()
    change(path)
    try:
        with pytest.raises(DataError, match=words):
            validate.run(protocol, out=tmp_path / "run", exploratory=True)
    finally:
        path.write_bytes(kept)
    assert not (tmp_path / "run" / "estimates.json").exists()
