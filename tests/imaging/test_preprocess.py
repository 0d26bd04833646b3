"""Declared steps do what they say, in order, and what can't be done on an image is its failure."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from validate.imaging.preprocess import STEPS, apply
from validate.imaging.volume import DecodeFailure, Volume


def volume(voxels: np.ndarray, **source: object) -> Volume:
    return Volume(voxels, source={"range": (0.0, 255.0), "windows": [], "voi_luts": [], **source})


@pytest.fixture
def grey() -> Volume:
    table = {"first": 0, "values": np.arange(256)[::-1].copy(), "bits": 8}
    return volume(
        np.arange(64, dtype=np.uint8).reshape(1, 8, 8),
        windows=[
            {"center": 32.0, "width": 64.0, "function": "LINEAR"},
            {"center": 8.0, "width": 4.0, "function": "LINEAR"},
        ],
        voi_luts=[table],
    )


def window(**options: object) -> list[dict[str, dict[str, object]]]:
    return [{"window": options}]


def test_no_step_gives_the_values_as_float32(grey):
    image = apply(grey, [])
    assert image.dtype == np.float32
    assert image.shape == (1, 8, 8)
    np.testing.assert_array_equal(image[0], grey.voxels[0])


def test_a_table_of_the_file_goes_before_its_windows(grey):
    np.testing.assert_allclose(apply(grey, window(source="voi_lut"))[0] * 255, 255 - grey.voxels[0], atol=1e-4)


def test_a_window_is_taken_where_it_is_asked_for(grey):
    image = apply(grey, window(source="window", index=1))
    # center 8, width 4: black up to 6, white above 9 (PS3.3 C.11.2.1.2.1)
    np.testing.assert_allclose(image[0, 0:2].ravel()[5:12], [0, 0, 1 / 3, 2 / 3, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize("options", [{"source": "voi_lut", "index": 1}, {"source": "window", "index": 2}])
def test_what_the_file_lacks_is_a_failure_not_a_guess(grey, options):
    with pytest.raises(DecodeFailure, match="missing: full_range") as caught:
        apply(grey, window(**options))
    assert caught.value.reason == "preprocess:no_window"
    whole = apply(grey, window(**options, missing="full_range"))
    np.testing.assert_allclose(whole[0], grey.voxels[0] / 255, atol=1e-6)


def test_values_of_the_protocol_window_alike(grey):
    np.testing.assert_array_equal(
        apply(grey, window(source="values", center=32, width=64)), apply(grey, window(source="window"))
    )


def test_a_range_without_extent_is_a_failure():
    with pytest.raises(DecodeFailure) as caught:
        apply(volume(np.zeros((1, 2, 2)), range=(3.0, 3.0)), window(source="full_range"))
    assert caught.value.reason == "preprocess:no_range"


def test_the_steps_follow_each_other(grey):
    image = apply(
        grey,
        [
            {"window": {"source": "full_range"}},
            {"crop": {"size": [4, 4]}},
            {"pad": {"size": [6, 4], "value": -1}},
            {"scale": {"to": [0, 255]}},
            {"channels": {"count": 3}},
            {"normalise": {"mean": [1, 2, 3], "std": [2, 2, 2]}},
        ],
    )
    assert image.shape == (3, 6, 4)
    np.testing.assert_allclose(image[0, 1, 0], (grey.voxels[0, 2, 2] - 1) / 2, rtol=1e-5)
    np.testing.assert_allclose(image[2, 0], (-255 - 3) / 2)
    assert image.flags.c_contiguous


def test_colour_has_its_channels_first():
    colour = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    np.testing.assert_array_equal(apply(volume(colour), [])[1], colour[0, :, :, 1])


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"crop": {"size": [9, 8]}}, "preprocess:too_small"),
        ({"normalise": {"mean": [0, 0, 0], "std": [1, 1, 1]}}, "preprocess:channels"),
    ],
)
def test_a_step_that_does_not_fit_the_image_is_a_failure(grey, step, reason):
    with pytest.raises(DecodeFailure) as caught:
        apply(grey, [step])
    assert caught.value.reason == reason


def test_several_frames_are_not_one_image():
    with pytest.raises(DecodeFailure, match="2 frames") as caught:
        apply(volume(np.zeros((2, 4, 4))), [])
    assert caught.value.reason == "preprocess:several_frames"


def test_colour_does_not_become_grey_by_itself():
    with pytest.raises(DecodeFailure) as caught:
        apply(volume(np.zeros((1, 4, 4, 3))), [{"channels": {"count": 1}}])
    assert caught.value.reason == "preprocess:channels"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("window", {"source": "values", "center": 3}),
        ("window", {"source": "full_range", "width": 3, "center": 1}),
        ("window", {"source": "voi_lut", "index": -1}),
        ("window", {"source": "values", "center": 3, "width": 0}),
        ("window", {"source": "guess"}),
        ("resize", {"size": [0, 4], "method": "bilinear"}),
        ("resize", {"size": [4, 4]}),
        ("resize", {"size": [4, 4], "method": "nearest", "antialias": True}),
        ("resize", {"size": [10**6, 4], "method": "area"}),
        ("scale", {"to": [0]}),
        ("scale", {"to": [0, float("nan")]}),
        ("normalise", {"mean": [0], "std": [0]}),
        ("channels", {"count": 2}),
        ("pad", {"size": [4, 4], "valeu": 1}),
    ],
)
def test_options_that_mean_nothing_are_refused(name, options):
    with pytest.raises(ValidationError):
        STEPS[name].model_validate(options)
