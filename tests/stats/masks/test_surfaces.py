from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from validate.errors import Undefined
from validate.stats.masks.borders import Boundary, border_of
from validate.stats.masks.nearest import nearest_distances
from validate.stats.masks.overlap import overlap_of
from validate.stats.masks.runs import runs_of
from validate.stats.masks.surface_distances import SurfaceDistances, surface_distances
from validate.stats.masks.surfels import contour_lengths, surfel_areas

SPACING = (2.5, 0.7, 1.1)


def distances(
    reference: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    boundary: Boundary,
    spacing: tuple[float, float, float] = SPACING,
) -> SurfaceDistances:
    borders = [border_of(runs_of(mask), boundary=boundary, spacing=spacing) for mask in (reference, prediction)]
    return surface_distances(*borders, boundary=boundary, spacing=spacing)


def blob(shape: tuple[int, ...], *, seed: int, smooth: float) -> NDArray[np.bool_]:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), smooth)
    return np.asarray(field >= np.quantile(field, 0.8))


def formula_pair() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two ellipsoids, each with a satellite, from whole numbers: any package can be fed the same."""
    z, y, x = np.indices((14, 40, 48))
    one = 16 * (z - 6) ** 2 + (y - 18) ** 2 + (x - 20) ** 2 <= 196
    other = 16 * (z - 7) ** 2 + (y - 20) ** 2 + (x - 19) ** 2 <= 225
    far = (z - 3) ** 2 + (y - 33) ** 2 + (x - 40) ** 2 <= 6
    near = (z - 10) ** 2 + (y - 5) ** 2 + (x - 40) ** 2 <= 9
    return one | near, other | far


SHAPES = [(9, 17, 23), (12, 40, 64), (5, 1, 9), (1, 1, 1), (30, 33), (40, 40)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smooth", [0.0, 1.0, 3.0])
def test_voxel_distances_are_those_of_an_exhaustive_distance_transform(shape: tuple[int, ...], smooth: float) -> None:
    one, other = blob(shape, seed=1, smooth=smooth), blob(shape, seed=2, smooth=smooth)
    found = distances(one, other, "voxel")
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    maps = [ndimage.distance_transform_edt(~edge, sampling=SPACING[-len(shape) :]) for edge in edges]
    np.testing.assert_allclose(found.to_prediction, np.sort(maps[1][edges[0]]), atol=1e-12)
    np.testing.assert_allclose(found.to_reference, np.sort(maps[0][edges[1]]), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smooth", [0.0, 1.0, 3.0])
def test_surfels_stand_wherever_the_voxels_around_a_corner_differ(shape: tuple[int, ...], smooth: float) -> None:
    mask = blob(shape, seed=3, smooth=smooth)
    padded = np.pad(mask.astype(np.int64), 1)
    window = [slice(0, -1), slice(1, None)]
    corners = [padded[tuple(window[bit >> axis & 1] for axis in range(mask.ndim))] for bit in range(2**mask.ndim)]
    inside = np.sum(corners, axis=0)
    expected = np.argwhere((inside > 0) & (inside < 2**mask.ndim))
    border = border_of(runs_of(mask), boundary="surfel", spacing=SPACING)
    rows = np.repeat(np.arange(border.first.size - 1), np.diff(border.first))
    found = np.column_stack([*np.divmod(rows, border.rows[1]), border.x])[:, -mask.ndim :]
    np.testing.assert_array_equal(found, expected)


def test_a_flat_face_of_surfels_has_the_area_of_its_voxels() -> None:
    areas = surfel_areas(SPACING)
    assert areas[0b00001111] == pytest.approx(0.7 * 1.1)  # by hand: a face across z
    assert areas[0b00110011] == pytest.approx(2.5 * 1.1)
    assert areas[0b01010101] == pytest.approx(2.5 * 0.7)
    assert areas[0] == areas[255] == 0
    np.testing.assert_allclose(surfel_areas((1, 1, 1))[1], np.sqrt(3) / 8)  # by hand: a triangle of sides √½


def test_a_code_and_its_complement_have_the_same_area() -> None:
    np.testing.assert_allclose(surfel_areas(SPACING), surfel_areas(SPACING)[::-1])
    np.testing.assert_allclose(contour_lengths((0.7, 1.1)), contour_lengths((0.7, 1.1))[::-1])


def test_surfel_areas_agree_with_the_published_table() -> None:
    # surface-distance 0.1, create_table_neighbour_code_to_surface_area((1.3, 0.7, 2.1)): the sum over its 256 codes, and the
    # four that a wrong triangulation, a wrong way through an ambiguous face, or a wrong axis would change
    areas = surfel_areas((1.3, 0.7, 2.1))
    np.testing.assert_allclose(
        [areas.sum(), areas[7], areas[27], areas[105], areas[24]],
        TABLE,
        rtol=1e-12,
    )


TABLE = [439.6977386951819, 1.9467723331962983, 2.7673327281830336, 1.615696444261731, 0.8078482221308655]


def test_the_figures_of_both_conventions_agree_with_the_packages_that_define_them() -> None:
    one, other = formula_pair()
    spacing = (3.0, 0.75, 0.75)
    surfel, voxel = distances(one, other, "surfel", spacing), distances(one, other, "voxel", spacing)
    found = [surfel.hausdorff(), surfel.hausdorff_percentile(), surfel.mean_of_directed()]
    found += [surfel.normalised_surface_dice(1.0), voxel.hausdorff_percentile(), voxel.average()]
    found += [voxel.normalised_surface_dice(1.0)]
    np.testing.assert_allclose(found, PACKAGES, rtol=1e-6)


# surface-distance 0.1: compute_robust_hausdorff(100), (95), mean of compute_average_surface_distance,
# compute_surface_dice_at_tolerance(1.0); MONAI 1.6.1: compute_hausdorff_distance(percentile=95),
# compute_average_surface_distance(symmetric=True), compute_surface_dice(class_thresholds=[1.0]); spacing (3, 0.75, 0.75).
PACKAGES = [
    15.624499991999745, 10.201102881551583, 2.1791181574763687, 0.44120079760015396,
    9.02651596069336, 2.2714145183563232, 0.30158731341362,
]  # fmt: skip


def test_forgetting_the_spacing_is_not_possible_without_being_seen() -> None:
    one, other = np.zeros((3, 8, 8), bool), np.zeros((3, 8, 8), bool)
    one[0, 3, 3] = other[1, 4, 3] = True
    assert distances(one, other, "voxel", (1, 1, 1)).hausdorff() == pytest.approx(np.sqrt(2))  # by hand
    assert distances(one, other, "voxel", (3, 0.1, 0.1)).hausdorff() == pytest.approx(np.hypot(3, 0.1))


def test_an_empty_mask_has_no_surface_distance() -> None:
    full, empty = np.ones((3, 4, 5), bool), np.zeros((3, 4, 5), bool)
    with pytest.raises(Undefined, match="the prediction is empty"):
        distances(full, empty, "surfel").hausdorff()
    with pytest.raises(Undefined, match="the reference and the prediction is empty"):
        distances(empty, empty, "voxel").average()


def test_a_percentile_or_tolerance_out_of_range_is_refused() -> None:
    found = distances(np.ones((2, 2), bool), np.ones((2, 2), bool), "voxel")
    with pytest.raises(ValueError, match="expected 0 to 100"):
        found.hausdorff_percentile(101)
    for tolerance in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite number of 0 or more"):
            found.normalised_surface_dice(tolerance)


def test_masks_that_are_no_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="type int64; expected bool"):
        runs_of(np.ones((2, 2), np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="4 axes"):
        runs_of(np.ones((1, 1, 2, 2), bool))
    with pytest.raises(ValueError, match="expected the same"):
        overlap_of(runs_of(np.ones((2, 2), bool)), runs_of(np.ones((2, 3), bool)))
    with pytest.raises(ValueError, match="the other border is empty"):
        point = border_of(runs_of(np.ones((1, 1), bool)), boundary="voxel", spacing=(1, 1, 1))
        nothing = border_of(runs_of(np.zeros((1, 1), bool)), boundary="voxel", spacing=(1, 1, 1))
        nearest_distances(point, nothing, spacing=(1, 1, 1))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    axes = draw(st.integers(2, 3))
    shape = tuple(draw(st.integers(2, 12)) for _ in range(axes))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.05, 0.3, 0.8]))
    one, other = generator.random(shape) < density, generator.random(shape) < density
    one.flat[0] = other.flat[-1] = True
    return one, other


@given(pair=pairs(), boundary=st.sampled_from(["surfel", "voxel"]))
@settings(max_examples=60, deadline=None)
def test_swapping_the_masks_changes_no_symmetric_figure(
    pair: tuple[NDArray[np.bool_], NDArray[np.bool_]], boundary: Boundary
) -> None:
    there, back = distances(pair[0], pair[1], boundary), distances(pair[1], pair[0], boundary)
    for read in (SurfaceDistances.hausdorff, SurfaceDistances.hausdorff_percentile, SurfaceDistances.average):
        assert read(there) == pytest.approx(read(back), rel=1e-12)
    assert there.normalised_surface_dice(1.0) == pytest.approx(back.normalised_surface_dice(1.0), rel=1e-12)


@given(pair=pairs(), boundary=st.sampled_from(["surfel", "voxel"]), factor=st.sampled_from([0.1, 2.0, 7.0]))
@settings(max_examples=60, deadline=None)
def test_distances_scale_with_the_spacing_and_do_not_move_with_the_image(
    pair: tuple[NDArray[np.bool_], NDArray[np.bool_]], boundary: Boundary, factor: float
) -> None:
    here = distances(pair[0], pair[1], boundary)
    scaled = distances(pair[0], pair[1], boundary, tuple(factor * length for length in SPACING))  # type: ignore[arg-type]
    moved = distances(np.pad(pair[0], 3), np.pad(pair[1], 3), boundary)
    assert scaled.average() == pytest.approx(factor * here.average(), rel=1e-9)
    assert moved.average() == pytest.approx(here.average(), rel=1e-9)
    assert moved.hausdorff_percentile() == pytest.approx(here.hausdorff_percentile(), rel=1e-9)


def test_any_number_of_threads_gives_the_same_distances() -> None:
    one, other = blob((40, 128, 128), seed=4, smooth=2.0), blob((40, 128, 128), seed=5, smooth=2.0)
    borders = [border_of(runs_of(mask, workers=2), boundary="surfel", spacing=SPACING) for mask in (one, other)]
    single = nearest_distances(*borders, spacing=SPACING, workers=1)
    np.testing.assert_array_equal(single, nearest_distances(*borders, spacing=SPACING, workers=3))


def test_distances_beyond_the_rows_looked_at_are_exact_too() -> None:
    one, other = np.zeros((60, 60, 60), bool), np.zeros((60, 60, 60), bool)
    one[1:4, 1:4, 1:4] = True
    other[50:58, 45:58, 30:58] = True
    found = distances(one, other, "voxel")
    edge = other & ~ndimage.binary_erosion(other)
    expected = ndimage.distance_transform_edt(~edge, sampling=SPACING)[one & ~ndimage.binary_erosion(one)]
    np.testing.assert_allclose(found.to_prediction, np.sort(expected))
