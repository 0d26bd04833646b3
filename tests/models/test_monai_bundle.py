"""MONAI bundles: their own pre- and post-processing run in a confined child, and what they would write is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import ModelError
from validate.imaging.mask import Grid
from validate.imaging.nifti import image_bytes, read_grid, read_mask
from validate.models.adapter import Batch
from validate.models.monai_bundle import ADAPTER
from validate.models.prediction import Mask

pytestmark = pytest.mark.slow
Make = Callable[..., Any]


@pytest.fixture
def opened(model: Make, tmp_path: Path) -> Callable[..., Any]:
    def made(output: Any = None, **options: Any) -> Any:
        block = model(
            format="monai_bundle", path="bundle", options=options, **({"output": output} if output is not None else {})
        )
        return ADAPTER.load(block, base=tmp_path, device="cpu", threads=1)

    return made


def _volume(path: Path) -> np.ndarray:
    """A volume on a turned grid, whose voxels above 0.375 of white become the mask."""
    affine = np.array([[0, 0.8, 0, 5], [-0.7, 0, 0, 9], [0, 0, 2.5, -3], [0, 0, 0, 1.0]])
    voxels = np.random.default_rng(3).integers(0, 256, (4, 6, 5)).astype(np.int16)
    path.write_bytes(image_bytes(voxels, Grid((4, 6, 5), affine)))
    return voxels


def test_a_mask_comes_back_on_the_images_own_grid(opened: Make, bundle: Make, cases: Make, tmp_path: Path) -> None:
    bundle(tmp_path / "bundle", labels=True)
    voxels = _volume(tmp_path / "image.nii.gz")
    (case,) = cases(1, files=(tmp_path / "image.nii.gz",))
    loaded = opened({"activation": "none", "kind": "mask"})
    try:
        (result,) = loaded.predict(Batch((case,)))
        assert isinstance(result, Mask), result
        (tmp_path / "back.nii.gz").write_bytes(result.content)
        back = read_mask(tmp_path / "back.nii.gz")
        assert back.grid.is_same(read_grid(tmp_path / "image.nii.gz"))
        # by hand: 4 * v / 255 - 1.5 is at least 0 where v is at least 95.6
        assert np.array_equal(back.labels, (voxels >= 96).astype(np.uint8))
        notes = loaded.identity.notes
        assert notes[0] == "bundle Tiny 0.3.1, made for MONAI 1.4.0"
        assert notes[1] == "left out, since nothing may be written: SaveImaged"
        assert "no_file_writes" in notes[2]
        assert loaded.identity.parameters == 2
        assert not (tmp_path / "bundle/eval").exists()
    finally:
        loaded.close()


def test_a_bundle_that_writes_or_reads_what_is_not_its_own_can_not(opened: Make, bundle: Make, tmp_path: Path) -> None:
    target, label = tmp_path / "written", tmp_path / "reference.csv"
    label.write_text("the truth")
    spy = f"$open('{label}').read() and __import__('pathlib').Path('{target}').write_text('x') or 1"
    bundle(tmp_path / "bundle", inferer={"_target_": "SimpleInferer"}, spied=spy)
    with pytest.raises(ModelError, match="MONAI can't open this model"):
        opened(inferer="spied")
    assert not target.exists()


def test_weights_that_are_a_program_are_refused(opened: Make, bundle: Make, tmp_path: Path) -> None:
    import os
    import pickle

    folder = bundle(tmp_path / "bundle")

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'written'}",)

    (folder / "models/model.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="MONAI can't open this model"):
        opened()
    assert not (tmp_path / "written").exists()


def test_a_folder_that_is_no_bundle_says_what_is_missing(opened: Make, bundle: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected the folder of a MONAI bundle"):
        opened()
    bundle(tmp_path / "bundle")
    with pytest.raises(ModelError, match=r"the bundle has no models/other\.pt"):
        opened(weights="models/other.pt")
