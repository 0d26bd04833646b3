"""The phantom is a chest, and its truth is where it says."""

from __future__ import annotations

import numpy as np
import pytest

from validate.phantoms.chest import Opacity, Pose, Scene, anatomy, frontal, lateral
from validate.phantoms.grid import SIZE, blurred, dome, edge, ellipse, plane, profile
from validate.phantoms.stream import stream


def chest(*, sex: str = "M", age: float = 55.0, opacity: Opacity | None = None, pose: Pose | None = None) -> Scene:
    return frontal(anatomy(sex, age, stream(1, "test")), pose or Pose(), opacity)


def at(image: np.ndarray, x: float, y: float) -> float:
    """Value at a place of the plane, −1 to 1."""
    return float(image[int((y + 1) * SIZE / 2), int((x + 1) * SIZE / 2)])


def test_lungs_let_more_through_than_heart_and_abdomen_and_air_most_of_all() -> None:
    attenuation = chest().attenuation
    lung, heart, abdomen, outside = (
        at(attenuation, *place) for place in ((-0.45, 0.0), (0.1, 0.3), (-0.4, 0.8), (0.97, -0.97))
    )
    assert outside < 0.05 < lung < heart < abdomen + 1.0
    assert lung < 0.75 * heart


def test_an_opacity_adds_attenuation_where_it_is_and_nowhere_else() -> None:
    opacity = Opacity(x=0.45, y=-0.2, radius=0.12, elongation=1.0, angle=0.0, strength=0.5)
    with_it, without = chest(opacity=opacity), chest()
    difference = with_it.attenuation - without.attenuation
    assert at(difference, 0.45, -0.2) == pytest.approx(0.5, abs=0.05)
    assert abs(difference[:, : SIZE // 2]).max() < 1e-6  # the other lung
    y, x = np.unravel_index(difference.argmax(), difference.shape)
    assert abs(x - 0.5 * (0.45 / 1.0 + 1) * SIZE) < 6
    assert abs(y - 0.5 * (-0.2 + 1) * SIZE) < 6
    np.testing.assert_allclose(difference, 0.5 * with_it.finding, atol=1e-12)


def test_without_an_opacity_the_truth_is_empty() -> None:
    assert chest().finding.max() == 0.0


def test_hearts_grow_with_age_and_women_have_breasts() -> None:
    draws = [stream(3, number) for number in range(40)]
    young = np.mean([anatomy("M", 25, stream(3, n)).heart for n in range(40)])
    old = np.mean([anatomy("M", 85, stream(3, n)).heart for n in range(40)])
    assert old > young * 1.1
    assert all(anatomy("F", 50, random).breast > 0 for random in draws)
    assert anatomy("M", 50, stream(3, "m")).breast == 0.0
    assert anatomy("F", 9, stream(3, "f")).breast == 0.0


def test_a_lateral_view_is_not_a_frontal_one() -> None:
    body = anatomy("F", 50, stream(1, "lateral"))
    from_the_side = lateral(body, Pose()).attenuation
    assert np.corrcoef(from_the_side.ravel(), frontal(body, Pose()).attenuation.ravel())[0, 1] < 0.8
    assert from_the_side.shape == (SIZE, SIZE)


def test_the_same_patient_in_two_poses_keeps_the_same_vessels() -> None:
    body = anatomy("M", 50, stream(1, "pose"))
    still, moved = (frontal(body, Pose(shift=shift)).attenuation for shift in ((0.0, 0.0), (8 / 64, 0.0)))
    np.testing.assert_allclose(moved[:, 12:-4], still[:, 4:-12], atol=1e-9)  # borders apart: blurs repeat the edge


def test_equal_purposes_give_equal_streams_and_others_do_not() -> None:
    assert stream(1, "a", 2).random() == stream(1, "a", 2).random()
    assert stream(1, "a", 2).random() != stream(1, "a", 3).random()
    assert stream(1, "a", 12).random() != stream(1, "a1", 2).random()


def test_a_blur_keeps_the_mean_of_a_flat_image_and_the_sum_of_a_point() -> None:
    point = np.zeros((33, 33))
    point[16, 16] = 1.0
    spread = blurred(point, 2.0)
    assert spread.sum() == pytest.approx(1.0)
    # by hand: a Gaussian of sigma 2 cut at three sigma has variance a little under 4
    variance = (spread.sum(axis=0) * (np.arange(33) - 16) ** 2).sum()
    assert variance == pytest.approx(4.0, rel=0.05)
    np.testing.assert_allclose(blurred(np.full((8, 8), 3.0), 1.5), 3.0)
    assert blurred(point, 0.0) is point


def test_shapes_are_what_their_names_say() -> None:
    x, y = plane()
    assert ellipse(x, y, (0.0, 0.0), (0.5, 0.25))[SIZE // 2, SIZE // 2] < 0.05
    assert dome(np.array([0.0, 0.6, 1.0, 2.0])).tolist() == pytest.approx([1.0, 0.8, 0.0, 0.0])  # by hand: 3-4-5
    assert edge(np.array([-1.0, 0.0, 1.0]), 0.05).tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-6)
    knots, values = (0.0, 1.0, 2.0), (0.0, 1.0, 4.0)
    np.testing.assert_allclose(profile(np.array([-1.0, 0.0, 1.0, 2.0, 3.0]), knots, values), [0, 0, 1, 4, 4])
