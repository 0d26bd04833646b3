"""From values of voxels to a mask, by hand on small maps; a chain that can't lead to one is refused beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from validate.imaging.mask import Grid
from validate.imaging.postprocess import STEPS, Undecided, chain_problems, label_map

GRID = Grid((1, 4, 5), np.diag([2.0, 2, 5, 1]))  # a voxel is 0.02 ml
NEAREST = {"to_image_grid": {"method": "nearest"}}
ISLANDS = [[1, 1, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 2, 0, 1, 1]]


def channels(labels: list[list[int]], count: int) -> np.ndarray:
    array = np.asarray(labels)[None]
    return np.stack([(array == value).astype(np.float32) for value in range(count)])


def made(labels: list[list[int]], *steps: dict[str, Any], count: int = 3) -> list[list[int]]:
    chain = ({"argmax": {}}, NEAREST, *steps)
    assert not list(chain_problems(chain))
    found: list[list[int]] = label_map(channels(labels, count), GRID, GRID, chain).labels[0].tolist()
    return found


def test_argmax_takes_the_highest_and_the_first_of_a_tie() -> None:
    values = np.array([[[[0.2, 0.5]]], [[[0.7, 0.5]]]], np.float32)
    grid = Grid((1, 1, 2), np.eye(4))
    assert label_map(values, grid, grid, [{"argmax": {}}, NEAREST]).labels.tolist() == [[[1, 0]]]
    named = label_map(values, grid, grid, [{"argmax": {"labels": [0, 500]}}, NEAREST])
    assert named.labels.tolist() == [[[500, 0]]] and named.labels.dtype == np.uint16


def test_a_threshold_is_met_at_its_value_and_later_channels_win() -> None:
    values = np.array([[[[0.5, 0.9, 0.1]]], [[[0.4, 0.6, 0.7]]]], np.float32)
    grid = Grid((1, 1, 3), np.eye(4))
    chain = [{"threshold": {"at": 0.5, "labels": [1, 4]}}, NEAREST]
    assert label_map(values, grid, grid, chain).labels.tolist() == [[[1, 4, 4]]]


def test_only_the_largest_part_of_each_label_stays() -> None:
    assert made(ISLANDS, {"largest_component": {}}) == [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 2, 0, 1, 1],
    ]
    assert made(ISLANDS, {"largest_component": {"labels": [2]}}) == ISLANDS


def test_small_parts_are_taken_out_by_ml_or_voxels() -> None:
    without = [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]
    assert made(ISLANDS, {"remove_small": {"voxels": 3}}) == without
    assert made(ISLANDS, {"remove_small": {"millilitres": 0.05}}) == without  # 3 voxels are 0.06 ml


def test_connectivity_decides_what_hangs_together() -> None:
    stairs = [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    assert made(stairs, {"remove_small": {"voxels": 2}}) == stairs
    assert sum(map(sum, made(stairs, {"remove_small": {"voxels": 2, "connectivity": 6}}))) == 0


def test_holes_are_filled_and_labels_renamed() -> None:
    ring = [[1, 1, 1, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 0, 2], [0, 0, 0, 0, 0]]
    volume = np.zeros((3, 3, 4, 5), np.float32)
    volume[:] = channels(ring, 3)[:, 0][:, None]  # a tube along z is open, so nothing of it is a hole
    volume[0, 0, :3, :3], volume[1, 0, :3, :3] = 0, 1  # with a floor
    volume[0, 2, :3, :3], volume[1, 2, :3, :3] = 0, 1  # and a lid
    grid = Grid((3, 4, 5), np.eye(4))
    filled = label_map(volume, grid, grid, [{"argmax": {}}, NEAREST, {"fill_holes": {}}]).labels
    assert filled[1, 1, 1] == 1
    renamed = label_map(volume, grid, grid, [{"argmax": {}}, NEAREST, {"relabel": {"values": {1: 7, 2: 0}}}]).labels
    assert set(np.unique(renamed)) == {0, 7}


def test_a_mask_goes_back_to_the_voxels_of_the_image() -> None:
    seen, image = Grid((1, 2, 2), np.diag([2.0, 2, 1, 1])), Grid((1, 4, 4), np.diag([1.0, 1, 1, 1]))
    values = np.zeros((2, 1, 2, 2), np.float32)
    values[1, 0, 0, 1] = 1
    mask = label_map(values, seen, image, [{"argmax": {}}, NEAREST])
    # voxel centres at 0 1 2 3 mm; those of the small grid at 0 and 2, so 1 mm lies on the border and goes to the later one
    assert mask.labels[0].tolist() == [[0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert mask.grid.is_same(image)


@pytest.mark.parametrize(
    ("chain", "says"),
    [
        ([{"argmax": {}}], "has 0 steps of to_image_grid"),
        ([NEAREST], "has 0 steps of argmax or threshold"),
        ([{"argmax": {}}, {"threshold": {"at": 0.5}}, NEAREST], "has 2 steps of argmax or threshold"),
        ([{"argmax": {}}, {"to_image_grid": {"method": "linear"}}], "can't be mixed linearly"),
        ([{"fill_holes": {}}, {"argmax": {}}, NEAREST], "works on labels"),
        ([{"argmax": {}}, NEAREST, {"dilate": {}}], "no step 'dilate'"),
        ([{"argmax": {}}, NEAREST, {"remove_small": {}}], "say millilitres or voxels"),
        ([{"argmax": {}, "fill_holes": {}}, NEAREST], "got 2 names"),
    ],
)
def test_a_chain_that_leads_to_no_mask_is_refused(chain: Any, says: str) -> None:
    assert any(says in problem for _, problem in chain_problems(chain))


def test_channels_that_do_not_fit_are_a_wrong_declaration() -> None:
    grid = Grid((1, 1, 1), np.eye(4))
    for step, says in (
        ({"argmax": {}}, "argmax of one channel"),
        ({"threshold": {"at": 0.5, "labels": [1, 2]}}, "2 labels, and the model gave 1 channels"),
    ):
        with pytest.raises(Undecided, match=says):
            label_map(np.zeros((1, 1, 1, 1), np.float32), grid, grid, [step, NEAREST])


def test_every_step_refuses_unknown_options() -> None:
    for options in STEPS.values():
        with pytest.raises(ValueError, match="colour"):
            options.model_validate({"colour": 1})
