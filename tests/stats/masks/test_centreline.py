"""Centreline Dice of lines that are their own centrelines, by hand, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from validate.errors import Undefined
from validate.stats.masks.centreline import centreline_dice


def lines(*, axis: int = 2, move: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Voxels 2 to 11 of a row, and 6 to 13 of the same one."""
    masks = []
    for begin, end in ((2, 12), (6, 14)):
        mask = np.zeros((20, 20, 20), bool)
        place: list[int | slice] = [5 + move, 5 + move, 5 + move]
        place[axis] = slice(begin + move, end + move)
        mask[tuple(place)] = True
        masks.append(mask)
    return masks[0], masks[1]


def test_of_two_lines_it_is_what_they_share() -> None:
    # by hand: 6 of the reference's 10 voxels lie in the prediction, 6 of the prediction's 8 in the reference
    sensitivity, precision = 6 / 10, 6 / 8
    expected = 2 * precision * sensitivity / (precision + sensitivity)
    one, other = lines()
    assert centreline_dice(one, other) == pytest.approx(expected)
    assert centreline_dice(other, one) == pytest.approx(expected)  # symmetry
    assert centreline_dice(*lines(move=4)) == pytest.approx(expected)  # translation
    assert centreline_dice(*lines(axis=0)) == pytest.approx(expected)
    assert centreline_dice(one[5], other[5]) == pytest.approx(expected)  # in a plane


def test_a_tube_around_a_line_has_that_line_for_centre() -> None:
    one, other = lines()
    thick = np.zeros_like(one)
    thick[4:7, 4:7, 1:13] = True  # three voxels wide, around the reference's ten and one more at each end
    assert centreline_dice(one, thick) == pytest.approx(1.0)
    # by hand: as before, but that the tube's own centreline, of the ten voxels 2 to 11, has 6 in the other line, whose 8 have 7 in the tube
    found = centreline_dice(other, thick)
    assert found == pytest.approx(2 * (7 / 8) * (6 / 10) / (7 / 8 + 6 / 10), abs=0.03)


def test_an_empty_mask_has_no_centreline() -> None:
    one, _ = lines()
    with pytest.raises(Undefined, match="the prediction is empty"):
        centreline_dice(one, np.zeros_like(one))
