"""Resampling equals torch's interpolate, which models were trained with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.imaging.resize import resized

SIZES = [
    ((97, 143), (128, 128)),
    ((300, 211), (64, 50)),
    ((64, 64), (224, 37)),
    ((5, 7), (3, 9)),
    ((2, 3), (1, 1)),
    ((1, 1), (4, 5)),
]


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize(
    ("method", "antialias"),
    [
        ("bilinear", False),
        ("bilinear", True),
        ("bicubic", False),
        ("bicubic", True),
        ("nearest", False),
        ("area", False),
    ],
)
def test_every_method_equals_torch(old, new, method, antialias):
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(3).normal(size=(2, *old)).astype(np.float32)
    options = {"align_corners": False, "antialias": antialias} if method.startswith("bi") else {}
    mode = {"nearest": "nearest-exact"}.get(method, method)
    reference = torch.nn.functional.interpolate(torch.from_numpy(image)[None], size=new, mode=mode, **options)
    np.testing.assert_allclose(resized(image, new, method=method, antialias=antialias), reference[0].numpy(), atol=1e-4)


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([("bilinear", True), ("bilinear", False), ("bicubic", True), ("bicubic", False), ("area", False)]),
)
def test_a_flat_image_stays_flat(old, new, how):
    flat = np.full((1, *old), 0.75, np.float32)
    np.testing.assert_allclose(resized(flat, new, method=how[0], antialias=how[1]), 0.75, atol=1e-6)


def test_the_same_size_changes_nothing():
    image = np.random.default_rng(3).normal(size=(1, 8, 9)).astype(np.float32)
    assert resized(image, (8, 9), method="bicubic", antialias=False) is image
