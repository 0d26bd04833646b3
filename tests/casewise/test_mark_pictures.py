"""Pictures of the worst cases of a study of marks: the right slice, the file's own window, outlines where lesions and marks lie."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np

from validate.casewise.mark_pictures import Shape, mark_picture
from validate.imaging.volume import Volume

AFFINE = np.array([[2.0, 0, 0, -100], [0, 2.0, 0, -50], [0, 0, 5.0, 10], [0, 0, 0, 1]])


def volume() -> Volume:
    """(8, 50, 100) voxels of 5 × 2 × 2 mm, each slice as bright as its number."""
    voxels = np.broadcast_to(np.arange(8.0)[:, None, None], (8, 50, 100)).copy()
    return Volume(
        voxels, AFFINE, (5.0, 2.0, 2.0), "HU", {"windows": [{"center": 3.0, "width": 8.0, "function": "LINEAR"}]}
    )


def corners(sides: list[list[int]]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of all sides of pixels."""
    ends = np.array([[x, y, x + across, y + down] for x, y, across, down in sides])
    return (
        int(ends[:, [0, 2]].min()),
        int(ends[:, [1, 3]].min()),
        int(ends[:, [0, 2]].max()),
        int(ends[:, [1, 3]].max()),
    )


def test_the_largest_missed_lesion_is_shown_in_its_slice_and_window() -> None:
    # by hand: voxel (x 60, y 20, z 3) lies at (20, -10, 25) mm; a ball of 9 mm covers the voxels within 4.5 mm: two to each side
    lesions = [
        Shape("ball", (20.0, -10.0, 25.0, 9.0), False),
        Shape("ball", (-60.0, 0.0, 40.0, 6.0), False),
        Shape("ball", (0.0, 0.0, 10.0, 20.0), True),
    ]
    found = mark_picture(volume(), lesions, [Shape("ball", (28.0, -10.0, 25.0, 5.0), False)], space="mm")
    assert found is not None
    assert (found["slice"], found["slices"], found["about"], found["window"]) == (4, 8, "missed", [-1.0, 7.0])
    # 45 mm are 22 pixels: columns 38 to 82, and rows from the image's first to 42
    assert (found["rows"], found["columns"], found["spacing"]) == (43, 45, [2.0, 2.0])
    assert corners(found["reference"]) == (20, 18, 25, 23)
    assert corners(found["prediction"]) == (25, 19, 28, 22)
    assert set(base64.b64decode(found["pixels"])) == {round(255 * (3 + 1) / 8)}


def test_without_a_missed_lesion_a_false_mark_is_shown_and_without_either_nothing() -> None:
    right = [Shape("ball", (20.0, -10.0, 25.0, 9.0), True)]
    found = mark_picture(volume(), right, [Shape("point", (0.0, 0.0, 15.0), False)], space="mm")
    assert found is not None
    assert (found["slice"], found["about"]) == (2, "false")
    assert mark_picture(volume(), right, [Shape("ball", (20.0, -10.0, 25.0, 8.0), True)], space="mm") is None


def test_what_has_no_place_or_lies_outside_has_no_picture() -> None:
    missed = [Shape("ball", (20.0, -10.0, 25.0, 9.0), False)]
    assert mark_picture(replace(volume(), affine=None), missed, [], space="mm") is None
    assert mark_picture(volume(), [Shape("ball", (20.0, -10.0, 500.0, 9.0), False)], [], space="mm") is None


def test_boxes_in_pixels_of_a_plane_are_drawn_from_corner_to_corner() -> None:
    flat = Volume(np.zeros((1, 60, 60)), None, None, "stored", {})
    found = mark_picture(flat, [Shape("box", (20.0, 30.0, 26.0, 40.0), False)], [], space="pixels")
    assert found is not None
    # by hand: pixels whose centres lie in the box: columns 20 to 25, rows 30 to 39
    assert corners(found["reference"]) == (20, 30, 26, 40)
