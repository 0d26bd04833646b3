"""What of the GPU benchmark a processor can tell: ring and plain give the same scores, and its steps are the program's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.imaging.preprocess import apply
from validate.imaging.volume import Volume


@pytest.fixture(scope="module")
def bench() -> Any:
    pytest.importorskip("torch")
    path = Path(__file__).parents[1] / "benchmarks" / "gpu_pipeline.py"
    spec = importlib.util.spec_from_file_location("gpu_pipeline", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_pipeline"] = module
    spec.loader.exec_module(module)
    return module


def test_preprocessing_on_the_device_is_that_of_the_processor(bench: Any) -> None:
    """The stated tolerance of the two ways: 2e-6 of a grey value in [0, 1]."""
    import torch

    pixels = np.random.default_rng(2).integers(0, 4096, (2, 70, 50), dtype=np.uint16)
    on_device = bench.prepared(torch.from_numpy(pixels.view(np.int16)), 32)[:, 0].numpy()
    steps: list[dict[str, dict[str, Any]]] = [
        {"window": {"source": "values", "center": 2048.0, "width": 4096.0}},
        {"resize": {"size": [32, 32], "method": "bilinear", "antialias": True}},
    ]
    for one, image in zip(on_device, pixels, strict=True):
        np.testing.assert_allclose(one, apply(Volume(image[None]), steps)[0], atol=2e-6)


def test_ring_and_plain_agree_and_every_batch_comes_once(bench: Any) -> None:
    from torch import nn

    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    batches = [np.full((3, 8, 8), 100 * number, np.uint16) for number in range(11)]
    ring, plain = (way(model, batches, 4, "cpu") for way in (bench.ringed, bench.plain))
    np.testing.assert_array_equal(ring, plain)
    assert ring.shape == (33,) and (np.diff(ring) >= 0).all() and len(np.unique(ring)) == 11


@pytest.mark.gpu
def test_the_ring_keeps_the_device_busy(bench: Any) -> None:
    found = bench.measured(device="cuda", batch=64, count=60, size=224, side=1024, repeats=3)
    assert found["ratio_to_bare"]["ring"] >= 0.95
