"""What is left to a device is decided as on the processor, and done there gives its bits, or where it resizes its grey values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.imaging.deciding import can_wait, unfinished
from validate.imaging.device_steps import TOLERANCE, finished, sent
from validate.imaging.preprocess import STEPS, apply
from validate.imaging.unfinished import Unfinished
from validate.imaging.volume import DecodeFailure, Volume
from validate.imaging.volume_steps import ONLY_VOLUMES

torch = pytest.importorskip("torch")

WINDOWS = [
    {"center": 300.5, "width": 411.0, "function": "LINEAR"},
    {"center": 200.0, "width": 1.0, "function": "LINEAR"},
    {"center": 120.0, "width": 80.0, "function": "SIGMOID"},
    {"center": 220.25, "width": 0.5, "function": "LINEAR_EXACT"},
]
TABLE = {"first": 7, "values": np.random.default_rng(4).integers(0, 4096, 300), "bits": 12}
KINDS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
Steps = list[dict[str, dict[str, Any]]]


def drawn(
    kind: str, *, channels: int = 1, size: tuple[int, int] = (23, 31), seed: int = 1, tables: bool = False
) -> Volume:
    random = np.random.default_rng(seed)
    shape = (1, *size, channels) if channels > 1 else (1, *size)
    if kind.startswith("float"):
        voxels = random.normal(200, 150, shape).astype(kind)
    else:
        about = np.iinfo(kind)
        voxels = random.integers(about.min, about.max, shape, dtype=kind, endpoint=True)
        voxels[:, ::2] = random.integers(max(about.min, -100), min(about.max, 500), voxels[:, ::2].shape, dtype=kind)
    source = {"windows": WINDOWS, "voi_luts": [TABLE] if tables else [], "range": (-100.0, 4000.0)}
    return Volume(voxels, source=source)


def done(images: list[Unfinished]) -> np.ndarray:
    first = images[0]
    assert len({one.alike for one in images}) == 1
    pixels = torch.from_numpy(np.stack([sent(one.pixels) for one in images]))
    numbers = torch.from_numpy(np.array([one.numbers for one in images], np.float64))
    table = None if first.table is None else torch.from_numpy(first.table)
    found = finished(torch, pixels, first.pixels.dtype.name, first.steps, numbers, table).numpy()
    assert found.shape == (len(images), *first.shape)
    assert found.dtype == np.float32
    return found


WINDOW = {"window": {"source": "window"}}
SAME: list[Steps] = [
    [],
    [WINDOW],
    [{"window": {"source": "window", "index": 1}}],
    [{"window": {"source": "window", "index": 3}}],
    [{"window": {"source": "window", "index": 9, "missing": "full_range"}}, {"scale": {"to": [-1, 1]}}],
    [{"window": {"source": "values", "center": 100, "width": 301}}, {"normalise": {"mean": [0.41], "std": [0.23]}}],
    [{"window": {"source": "full_range"}}, {"crop": {"size": [11, 20]}}, {"pad": {"size": [40, 41], "value": 0.3}}],
    [WINDOW, {"resize": {"size": [50, 13], "method": "nearest"}}, {"channels": {"count": 3}}],
    [WINDOW, {"channels": {"count": 3}}, {"normalise": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}],
    [
        {"crop": {"size": [9, 9]}},
        {"window": {"source": "values", "center": 50, "width": 60, "function": "LINEAR_EXACT"}},
    ],
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", SAME)
def test_it_gives_the_bits_of_the_processor(kind: str, steps: Steps) -> None:
    volumes = [drawn(kind, seed=seed) for seed in range(3)]
    waiting = [unfinished(volume, steps) for volume in volumes]
    assert None not in waiting
    for one, volume in zip(done(waiting), volumes, strict=True):  # type: ignore[arg-type]
        np.testing.assert_array_equal(one, apply(volume, steps))


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16"])
def test_a_table_of_the_file_is_looked_up_alike(kind: str) -> None:
    steps: Steps = [{"window": {"source": "voi_lut"}}, {"scale": {"to": [0, 255]}}]
    first, second = (unfinished(drawn(kind, seed=seed, tables=True), steps) for seed in (1, 2))
    assert first is not None
    assert second is not None
    assert first.alike != second.alike  # tables are each image's own
    np.testing.assert_array_equal(done([first])[0], apply(drawn(kind, seed=1, tables=True), steps))


def test_a_sigmoid_differs_by_rounding_alone() -> None:
    steps: Steps = [{"window": {"source": "window", "index": 2}}]
    one = unfinished(drawn("int16"), steps)
    assert one is not None
    np.testing.assert_allclose(done([one])[0], apply(drawn("int16"), steps), rtol=3e-7, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    new=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    how=st.sampled_from(
        [("bilinear", True), ("bilinear", False), ("bicubic", True), ("bicubic", False), ("area", False)]
    ),
    channels=st.sampled_from([1, 3]),
)
def test_resizing_stays_within_the_stated_tolerance(
    size: tuple[int, int], new: tuple[int, int], how: tuple[str, bool], channels: int
) -> None:
    method, antialias = how
    steps: Steps = [
        {"window": {"source": "full_range"}},
        {"resize": {"size": list(new), "method": method, "antialias": antialias}},
    ]
    volume = drawn("uint8", channels=channels, size=size)
    one = unfinished(volume, steps)
    assert one is not None
    np.testing.assert_allclose(done([one])[0], apply(volume, steps), atol=TOLERANCE, rtol=0)


WRONG: list[Steps] = [
    [{"window": {"source": "window", "index": 7}}],
    [{"window": {"source": "values", "center": 3, "width": 0.5}}],
    [{"crop": {"size": [50, 5]}}],
    [{"crop": {"size": [5, 5, 5]}}],
    [{"pad": {"size": [5, 5, 5]}}],
    [{"resize": {"size": [5, 5, 5], "method": "nearest"}}],
    [{"normalise": {"mean": [0, 0], "std": [1, 1]}}],
    [{"channels": {"count": 3}}, {"channels": {"count": 1}}],
]


@pytest.mark.parametrize("steps", WRONG)
def test_what_can_not_be_done_is_said_in_the_same_words(steps: Steps) -> None:
    with pytest.raises(DecodeFailure) as here:
        apply(drawn("uint16"), steps)
    with pytest.raises(DecodeFailure) as left:
        unfinished(drawn("uint16"), steps)
    assert (left.value.reason, left.value.detail) == (here.value.reason, here.value.detail)


def test_what_hangs_on_earlier_steps_is_not_left() -> None:
    volume = Volume(drawn("uint16").voxels, source={})
    hanging: Steps = [{"scale": {"to": [0, 2]}}, {"window": {"source": "full_range"}}]
    assert unfinished(volume, hanging) is None
    assert unfinished(volume, hanging[1:]) is not None
    assert unfinished(Volume(drawn("float32").voxels.astype(np.float16), source={}), []) is None


def test_many_large_images_are_done_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validate.imaging.device_steps.TOGETHER", 2 * 23 * 31)
    images = [unfinished(drawn("uint16", seed=seed), [WINDOW]) for seed in range(5)]
    found = done(images)  # type: ignore[arg-type]
    for seed, one in enumerate(found):
        np.testing.assert_array_equal(one, apply(drawn("uint16", seed=seed), [WINDOW]))


def test_half_precision_is_rounded_last() -> None:
    one = unfinished(drawn("uint16"), [WINDOW])
    assert one is not None
    expected = apply(drawn("uint16"), [WINDOW]).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(done([one.halved()])[0], expected)


def test_every_step_of_an_image_can_be_left() -> None:
    assert {name for name in STEPS if can_wait([{name: {}}])} == set(STEPS) - set(ONLY_VOLUMES)
