"""What every perturbation keeps: the seed decides, units and range stay, batches change nothing, failures say why."""

from __future__ import annotations

import numpy as np
import pytest

from validate.imaging.perturb.perturbation import SUITES
from validate.imaging.volume import DecodeFailure, Volume
from validate.registry import load, names


def radiograph(seed: int = 1, *, spacing: tuple[float, float, float] | None = (1.0, 0.5, 0.5)) -> Volume:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:64, 0:80]
    voxels = 1500 + 900 * np.sin(x / 9) * np.cos(y / 11) + rng.normal(0, 20, (64, 80))
    source = {"range": (0.0, 4095.0), "windows": [{"center": 1500.0, "width": 2400.0, "function": "LINEAR"}]}
    return Volume(voxels[None].astype(np.uint16), spacing=spacing, source=source)


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def test_the_seed_and_nothing_else_decides() -> None:
    noise = load("perturbations", "quantum_noise")
    images = [radiograph(seed) for seed in range(3)]
    alone = [noise(image, {"fraction": 0.25}, generator(7 + place)) for place, image in enumerate(images)]
    together = noise.many(images, {"fraction": 0.25}, generators=[generator(s) for s in (7, 8, 9)])
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one.voxels, other.voxels)
    assert not np.array_equal(alone[0].voxels, noise(images[0], {"fraction": 0.25}, generator(8)).voxels)


def test_an_image_that_can_not_be_disturbed_says_why_and_its_neighbours_go_on() -> None:
    noise = load("perturbations", "quantum_noise")
    found = noise.many(
        [radiograph(spacing=None), radiograph()], {"fraction": 0.5}, generators=[generator(1), generator(2)]
    )
    assert isinstance(found[0], DecodeFailure) and found[0].reason == "perturb:no_spacing"
    assert isinstance(found[1], Volume)
    with pytest.raises(DecodeFailure, match="how large its pixels are"):
        noise(radiograph(spacing=None), {"fraction": 0.5}, generator(1))


def test_each_names_five_severities_that_its_options_accept_and_what_it_leaves_out() -> None:
    for name in names("perturbations"):
        one = load("perturbations", name)
        assert one.suites <= set(SUITES), name
        assert len(one.severities) == 5 or not one.suites, name
        for options in one.severities:
            assert one.strength in one.OPTIONS.model_validate(options).model_dump(), name
        assert one.validity and one.source and one.anchor, name
