"""Slices of the worst cases: the right slice, the right borders, and nothing where there is nothing to show."""

from __future__ import annotations

import base64

import numpy as np

from validate.casewise.pictures import borders, picture
from validate.imaging.mask import Grid, LabelMap

GRID = Grid((3, 40, 50), np.diag([1.0, 2.0, 5.0, 1.0]))


def label_map(*, slice_: int, rows: slice, columns: slice) -> LabelMap:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[slice_, rows, columns] = 1
    return LabelMap(labels, GRID)


def test_the_slice_is_the_one_in_which_the_masks_differ_most() -> None:
    reference = label_map(slice_=1, rows=slice(10, 20), columns=slice(10, 20))
    predicted = label_map(slice_=2, rows=slice(10, 22), columns=slice(10, 20))
    voxels = np.arange(np.prod(GRID.shape), dtype=float).reshape(GRID.shape)
    found = picture(voxels, reference, predicted, 1)
    assert found is not None
    assert (found["slice"], found["slices"]) == (3, 3)
    # by hand: rows 10 to 21 and columns 10 to 19, 8 pixels more on every side
    assert (found["rows"], found["columns"], found["spacing"]) == (28, 26, [2.0, 1.0])
    pixels = np.frombuffer(base64.b64decode(found["pixels"]), np.uint8).reshape(28, 26)
    shown = voxels[2, 2:30, 2:28]
    assert found["window"] == [float(x) for x in np.percentile(shown, (1, 99))]
    assert (pixels[0, 0], pixels[-1, -1]) == (0, 255)
    assert found["reference"] == []
    assert len(found["prediction"]) == 2 * (12 + 10)


def test_borders_run_between_inside_and_outside_up_to_the_edge_of_the_picture() -> None:
    mask = np.array([[True, False], [False, False]])
    # by hand: the four sides of the first pixel, each from its upper or left end
    assert sorted(borders(mask)) == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_two_empty_masks_have_no_picture() -> None:
    nothing = LabelMap(np.zeros(GRID.shape, np.uint8), GRID)
    assert picture(np.zeros(GRID.shape), nothing, nothing, 1) is None
