"""What every cause keeps, whatever it does: batches, shared noise, other severities and the image that it was given."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from validate.imaging.perturb.draw import Noise
from validate.imaging.volume import DecodeFailure, Volume
from validate.registry import load, names

CAUSES = [name for name in names("perturbations") if load("perturbations", name).suites]
ASKED = {
    "radiography mammography": "quantum_noise detector_blur scatter tone_curve windowing bit_depth collimation laterality_marker "
    "dead_lines",
    "ct": "ct_dose ct_kernel slice_thickness tube_voltage beam_hardening metal_streaks ct_motion field_of_view",
    "mr": "rician_noise bias_field ghosting gibbs mr_motion spike undersampling contrast_shift resolution slice_thickness",
    "ultrasound": "speckle gain depth shadow",
    "fundus dermoscopy": "illumination defocus colour_temperature vignetting jpeg",
    "any": "jpeg jpeg_2000 resize_chain rotation translation crop missing_slices orientation burned_in_text wrong_series",
}
NO_ORDER = {"orientation", "wrong_series"}  # kinds, not amounts


def given(cause: str, seed: int, rows: int = 40, columns: int = 36) -> Volume:
    """An image of the kind that the cause belongs to."""
    one = load("perturbations", cause)
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    slices = 6 if one.least_slices > 1 else 1
    grey = 500 + 350 * np.sin(x / 5 + seed) * np.cos(y / 6) + rng.normal(0, 30, (slices, rows, columns))
    if one.suites & {"fundus", "dermoscopy"}:
        colour = np.stack([grey * share / 5 for share in (1.0, 0.7, 0.5)], axis=-1).clip(0, 255).astype(np.uint8)
        return Volume(colour, source={"range": (0.0, 255.0)})
    window = {"center": 500.0, "width": 1000.0, "function": "LINEAR"}
    source = {"range": (-1024.0, 3071.0) if "ct" in one.suites else (0.0, 4095.0), "windows": [window]}
    voxels = grey.astype(np.float32) if "ct" in one.suites else grey.clip(0, 1000).astype(np.uint16)
    return Volume(voxels, affine=np.eye(4), spacing=(1.0, 0.9, 0.9), source=source)


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def test_each_cause_that_was_asked_for_is_in_its_suites() -> None:
    for suites, causes in ASKED.items():
        for cause in causes.split():
            assert set(suites.split()) <= load("perturbations", cause).suites, cause


@pytest.mark.parametrize("cause", CAUSES)
def test_each_says_whence_it_is_derived(cause: str) -> None:
    text = import_module(f"validate.imaging.perturb.{cause}").__doc__ or ""
    assert re.search(r"(19|20)\d\d|PS3|IEC|ISO|ITU|EUR|IHE|AIUM|arXiv", text), "no source"


@pytest.mark.parametrize("cause", CAUSES)
def test_batches_shared_noise_and_neighbours_change_nothing(cause: str) -> None:
    one, images = load("perturbations", cause), [given(cause, seed) for seed in (1, 2, 3)]
    before = [image.voxels.copy() for image in images]
    noises = [Noise(lambda seed=seed: generator(seed)) for seed in (1, 2, 3)]  # type: ignore[misc]
    for options in one.severities:
        together = one.many(images, options, generators=[noise.again() for noise in noises])
        for place, found in enumerate(together):
            assert isinstance(found, Volume), found
            alone = one(images[place], options, generator(place + 1))
            assert np.isfinite(found.voxels).all() and found.voxels.dtype == np.float32
            assert np.allclose(found.voxels, alone.voxels, rtol=1e-5, atol=1e-2)
            low, high = images[place].source["range"]
            assert found.voxels.min() >= low and found.voxels.max() <= high
    for image, kept in zip(images, before, strict=True):
        assert np.array_equal(image.voxels, kept)


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause not in NO_ORDER])
def test_a_severer_one_changes_more(cause: str) -> None:
    one, image = load("perturbations", cause), given(cause, 1, 120, 132)
    if cause == "beam_hardening":
        image = Volume(image.voxels, affine=image.affine, spacing=(1.0, 2.0, 2.0), source=image.source)
    changes: list[Any] = []
    for options in one.severities:
        found = one(image, options, generator(5)).voxels
        same = found.shape == image.voxels.shape
        changes.append(np.abs(found - image.voxels).mean() if same else image.voxels.size / found.size)
    assert changes[-1] > changes[0] >= 0
    assert all(later >= 0.95 * earlier for earlier, later in pairwise(changes)), changes


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 64)])
def test_sizes_that_nobody_thought_of_are_done_or_refused_with_a_reason(cause: str, size: tuple[int, int]) -> None:
    one = load("perturbations", cause)
    (found,) = one.many([given(cause, 1, *size)], one.severities[3], generators=[generator(1)])
    assert isinstance(found, Volume) or found.reason.startswith("perturb:")
    assert not isinstance(found, DecodeFailure) or size == (1, 1), found
