"""Noise that is read again is the noise that was drawn, whoever asks and in whatever order."""

from __future__ import annotations

import numpy as np
import pytest

from validate.imaging.perturb.body import high_quantile
from validate.imaging.perturb.draw import Draw, Noise


def generator() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=5))


def test_noise_read_again_is_what_the_generator_draws() -> None:
    noise, plain = Noise(generator), generator()
    wanted = [plain.standard_normal((3, 4), np.float32), plain.random((2,), np.float32), plain.integers(9)]
    for _ in range(3):
        reader = noise.again()
        assert np.array_equal(reader.standard_normal((3, 4), np.float32), wanted[0])
        assert np.array_equal(reader.random((2,), np.float32), wanted[1])
        assert reader.integers(9) == wanted[2]


def test_who_asks_for_something_else_draws_as_if_nobody_had_asked_before() -> None:
    noise = Noise(generator)
    first = noise.again()
    first.standard_normal((5,), np.float32)
    first.random((2,), np.float32)
    other, plain = noise.again(), generator()
    for reader_call, own_call in (
        (other.standard_normal((5,), np.float32), plain.standard_normal((5,), np.float32)),
        (other.standard_exponential((4,), np.float32), plain.standard_exponential((4,), np.float32)),
        (other.standard_gamma(2.0, (4,), np.float32), plain.standard_gamma(2.0, (4,), np.float32)),
    ):
        assert np.array_equal(reader_call, own_call)
    again = noise.again()
    again.standard_normal((5,), np.float32)
    plain = generator()
    plain.standard_normal((5,), np.float32)
    assert np.array_equal(again.random((2,), np.float32), plain.random((2,), np.float32))


def test_a_draw_leaves_what_is_kept_as_it_was() -> None:
    noise = Noise(generator)
    drawn = Draw([noise.again()], "cpu").normal(4)
    drawn += 100
    assert float(Draw([noise.again()], "cpu").normal(4).max()) < 50


@pytest.mark.parametrize("share", [0.99, 0.995, 0.5])
def test_a_quantile_near_the_top_is_numpys(share: float) -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(1).normal(size=(3, 1001)).astype(np.float32)
    found = high_quantile(torch.from_numpy(values), share)[:, 0].numpy()
    assert found == pytest.approx(np.quantile(values, share, axis=1), rel=1e-5)
    assert float(high_quantile(torch.tensor([[4.0]]), share)) == 4.0
