"""How near marks lie to lesions, by hand and by counting points."""

from __future__ import annotations

import numpy as np
import pytest

from validate.stats.detection import geometry
from validate.stats.detection.hits import assign


def test_boxes_that_share_a_quarter() -> None:
    # by hand: 2 × 2 shifted by (1, 1) shares 1 of 4 + 4 - 1; in a volume 1 of 8 + 8 - 1
    assert geometry.box_iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 3, 3]]))[0, 0] == pytest.approx(1 / 7)
    assert geometry.box_iou(np.array([[0.0, 0, 0, 2, 2, 2]]), np.array([[1.0, 1, 1, 3, 3, 3]]))[0, 0] == pytest.approx(
        1 / 15
    )
    assert geometry.box_iou(np.array([[0.0, 0, 2, 2]]), np.array([[2.0, 0, 4, 2]]))[0, 0] == 0.0


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize(
    ("apart", "one", "other"), [(3.0, 6.0, 4.0), (0.5, 6.0, 4.0), (1.2, 5.0, 5.0), (9.0, 6.0, 4.0), (0.0, 4.0, 4.0)]
)
def test_balls_and_discs_share_what_points_thrown_at_them_say(
    axes: int, apart: float, one: float, other: float
) -> None:
    points = np.random.default_rng(1).uniform(-4, 8, (400_000, axes))
    inside = [
        np.linalg.norm(points - [at, *[0] * (axes - 1)], axis=1) <= size / 2 for at, size in ((0, one), (apart, other))
    ]
    share = (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()
    balls = [np.array([[at, *[0.0] * (axes - 1), size]]) for at, size in ((0.0, one), (apart, other))]
    assert geometry.ball_iou(*balls)[0, 0] == pytest.approx(share, abs=0.012)


def test_overlap_is_symmetric_and_the_same_wherever_it_happens_and_however_large() -> None:
    rng = np.random.default_rng(2)
    balls = np.concatenate([rng.uniform(0, 10, (2, 20, 3)), rng.uniform(1, 8, (2, 20, 1))], axis=2)
    found = geometry.ball_iou(balls[0], balls[1])
    assert pytest.approx(found) == geometry.ball_iou(balls[1], balls[0]).T
    moved = balls * 3.5 + np.array([7, -3, 11, 0])
    assert geometry.ball_iou(moved[0], moved[1]) == pytest.approx(found, abs=1e-9)


def test_the_highest_mark_chooses_first_and_a_lesion_is_hit_once() -> None:
    fit = np.array([[0.5, 0.9], [0.8, -np.inf], [0.7, 0.6], [-np.inf, -np.inf]])
    found = assign(np.array([0.9, 0.8, 0.7, 0.6]), fit, np.zeros(2, bool))
    assert found.lesion.tolist() == [1, 0, -1, -1]
    assert found.repeated.tolist() == [False, False, True, False]
    assert found.false.tolist() == [False, False, False, True]


def test_a_mark_on_what_is_to_be_ignored_is_neither_hit_nor_false() -> None:
    fit = np.array([[1.0, -np.inf], [1.0, -np.inf], [0.2, 0.9]])
    found = assign(np.array([0.9, 0.8, 0.7]), fit, np.array([True, False]))
    assert found.lesion.tolist() == [-1, -1, 1]
    assert found.ignored.tolist() == [True, True, False]
    assert not found.false.any()
