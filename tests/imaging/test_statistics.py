"""What an image is like in numbers: known answers, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from validate.imaging.statistics import NAMES, image_statistics
from validate.imaging.volume import Volume

SOURCE = {"range": (0.0, 4095.0), "windows": [{"center": 500.0, "width": 1000.0, "function": "LINEAR"}]}


def test_noise_is_told_apart_from_edges() -> None:
    rng = np.random.default_rng(1)
    steps = np.kron(np.array([[200.0, 800.0], [700.0, 300.0]]), np.ones((100, 120)))
    found = image_statistics(
        Volume((steps + rng.normal(0, 20, steps.shape))[None], spacing=(1.0, 0.3, 0.3), source=SOURCE)
    )
    assert found["noise"] == pytest.approx(0.020, rel=0.05)
    assert found["mean"] == pytest.approx(0.5, abs=0.005) and found["pixel_mm"] == 0.3
    assert (found["rows"], found["columns"], found["slices"]) == (200, 240, 1)
    soft = image_statistics(Volume(steps[None], source=SOURCE))
    assert soft["sharpness"] is not None and found["sharpness"] is not None and soft["sharpness"] < found["sharpness"]


def test_what_is_black_is_counted_and_a_flat_image_has_no_more_than_its_size() -> None:
    half = np.zeros((1, 40, 40))
    half[:, :, 20:] = 600
    assert image_statistics(Volume(half, source=SOURCE))["black_share"] == 0.5
    flat = image_statistics(Volume(np.full((1, 8, 9), 7.0)))
    assert set(flat) == set(NAMES) and flat["rows"] == 8 and flat["mean"] is None


def test_colour_is_looked_at_in_grey() -> None:
    found = image_statistics(Volume(np.full((1, 20, 20, 3), 51, np.uint8), source={"range": (0.0, 255.0)}))
    assert found["mean"] == pytest.approx(0.2) and found["noise"] == pytest.approx(0.0)
