"""Window by window is what MONAI makes of it, and every voxel is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from validate.inference.sliding_window import importance, positions, slide
from validate.models.begun import Begun
from validate.protocol.sliding_window import SlidingWindow


def options(**changes: Any) -> SlidingWindow:
    return SlidingWindow.model_validate({"size": [4, 6, 5], "overlap": 0.5, "blending": "gaussian", **changes})


def answering(pixels: np.ndarray) -> np.ndarray:
    """Two channels, of which one looks at the place in the window: blending must show."""
    ramp = np.arange(pixels.shape[-1], dtype=np.float32)
    return np.concatenate([pixels[:, :1] * 2 + ramp, pixels[:, :1] ** 2], axis=1)


def at_once(model: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Begun[Any]]:
    return lambda pixels: Begun(lambda: model(pixels))


@pytest.mark.parametrize("shape", [(9, 13, 11), (4, 6, 5), (3, 20, 4), (1, 1, 1)])
@pytest.mark.parametrize("changes", [{}, {"blending": "constant"}, {"overlap": 0.25, "batch": 3}, {"overlap": 0.0}])
def test_it_is_the_sliding_window_of_monai(shape: tuple[int, int, int], changes: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    inferers = pytest.importorskip("monai.inferers")
    chosen = options(**changes)
    volume = np.random.default_rng(1).normal(size=(1, *shape)).astype(np.float32)
    theirs = inferers.sliding_window_inference(
        torch.from_numpy(volume)[None], chosen.window, chosen.batch,
        lambda x: torch.from_numpy(answering(x.numpy())),
        overlap=chosen.overlap, mode=chosen.blending, sigma_scale=chosen.sigma, cval=chosen.padding,
    )  # fmt: skip
    np.testing.assert_allclose(slide(volume, at_once(answering), chosen), theirs[0].numpy(), rtol=2e-5, atol=2e-5)


def test_a_model_of_planes_sees_each_slice_by_itself() -> None:
    volume = np.random.default_rng(2).normal(size=(1, 3, 8, 8)).astype(np.float32)
    shapes = []

    def plane(pixels: np.ndarray) -> np.ndarray:
        shapes.append(pixels.shape)
        return pixels * 3

    np.testing.assert_allclose(
        slide(volume, at_once(plane), options(size=[8, 8], overlap=0.0, batch=2)), volume * 3, rtol=1e-6
    )
    assert shapes == [(2, 1, 8, 8), (1, 1, 8, 8)]


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.7, 0.99])
def test_every_voxel_is_seen_and_no_window_leaves_the_volume(overlap: float) -> None:
    seen = np.zeros((7, 9, 8), int)
    for z, y, x in positions((7, 9, 8), (3, 4, 8), overlap):
        assert z + 3 <= 7 and y + 4 <= 9 and x == 0
        seen[z : z + 3, y : y + 4, x : x + 8] += 1
    assert seen.min() >= 1


def test_weights_fall_towards_the_border_and_stay_positive() -> None:
    weights = importance(options(size=[9, 9, 9]))
    assert weights.argmax() == 4 * 81 + 4 * 9 + 4
    assert weights.min() > 0
    assert (importance(options(blending="constant")) == 1).all()


def test_the_next_windows_are_with_the_model_before_what_it_said_of_the_last_is_asked_for() -> None:
    order: list[str] = []

    def model(pixels: np.ndarray) -> Begun[Any]:
        number = len([one for one in order if one.startswith("begin")])
        order.append(f"begin {number}")

        def answer() -> np.ndarray:
            order.append(f"answer {number}")
            return answering(pixels)

        return Begun(answer)

    slide(np.zeros((1, 4, 6, 15), np.float32), model, options(overlap=0.0, batch=1))
    assert order == ["begin 0", "begin 1", "answer 0", "begin 2", "answer 1", "answer 2"]
