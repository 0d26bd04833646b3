"""Where libraries disagree about one pair of masks, and where a spacing is forgotten: each convention against its own package."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import validate


def balls(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two ellipsoids that nearly agree, in voxels of 1 mm."""
    random = np.random.default_rng(seed)
    grid = np.ogrid[:20, :20, :20]
    centre, radius = random.uniform(8, 11, 3), random.uniform(3.5, 7, 3)
    shapes = ((centre, radius), (centre + random.normal(0, 0.9, 3), radius * random.uniform(0.8, 1.2, 3)))
    one, other = (
        sum(((axis - at) / half) ** 2 for axis, at, half in zip(grid, *shape, strict=True)) <= 1 for shape in shapes
    )
    return one, other


def pooled_hd95(one: np.ndarray, other: np.ndarray) -> float:
    """The 95th percentile of both directions together, as MedPy's hd95 takes it, by scipy's distance transform."""
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    away = [ndimage.distance_transform_edt(~border) for border in borders]
    return float(np.percentile(np.concatenate((away[1][borders[0]], away[0][borders[1]])), 95))


def test_one_pair_has_three_hausdorff_distances_and_two_surface_dice_and_ours_says_which() -> None:
    # The values beside each: surface-distance 0.1, MONAI 1.6.1 (tests/stats/masks holds both packages against ours), and by scipy
    one, other = balls(462)
    surfel, voxel = (
        validate.compare_masks(one, other, spacing=(1.0, 1.0, 1.0), tolerance=1.0, boundary=boundary)
        for boundary in ("surfel", "voxel")
    )
    assert (surfel.hd95, voxel.hd95) == (pytest.approx(5**0.5), pytest.approx(8**0.5))  # 2.24 and 2.83 mm
    assert pooled_hd95(one, other) == pytest.approx(6**0.5)  # 2.45 mm: neither of them
    assert (surfel.nsd, voxel.nsd) == (pytest.approx(0.6656, abs=5e-5), pytest.approx(0.5633, abs=5e-5))


def test_a_forgotten_spacing_gives_1_41_where_3_00_is_right() -> None:
    # by hand: the third voxel of the reference lies a row and a slice (√2 voxels) from one voxel of the prediction and four columns
    # from the other. Slices are 3 mm apart, pixels 0.75 mm: √(9 + 0.5625) = 3.09 mm, and 4 · 0.75 = 3.00 mm.
    reference, prediction = np.zeros((2, 2, 5), bool), np.zeros((2, 2, 5), bool)
    reference[0, 0, 0] = True
    for mask in (reference, prediction):
        mask[1, 1, 0] = mask[0, 0, 4] = True
    right, forgotten = (
        validate.compare_masks(reference, prediction, spacing=spacing, tolerance=1.0, boundary="voxel").hd
        for spacing in ((3.0, 0.75, 0.75), (1.0, 1.0, 1.0))
    )
    assert (right, forgotten) == (pytest.approx(3.0), pytest.approx(2**0.5))
    with pytest.raises(TypeError):
        validate.compare_masks(reference, prediction, tolerance=1.0, boundary="voxel")
