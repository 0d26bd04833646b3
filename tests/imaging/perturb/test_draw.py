"""Noise that is read again is the noise that was drawn, whoever asks and in whatever order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
import pytest

from validate.imaging.perturb.body import high_quantile
from validate.imaging.perturb.draw import Draw, Noise, Room
from validate.imaging.perturb.grey import ends
from validate.imaging.volume import Volume


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


def test_what_is_made_of_noise_is_made_once_and_is_what_a_plain_generator_gives() -> None:
    made: list[int] = []

    def doubled(source: np.random.Generator, size: int) -> np.ndarray:
        made.append(size)
        return 2 * source.standard_normal((size,), dtype=np.float32)

    noise = Noise(generator)
    first, second = (Draw([noise.again()], "cpu").made(doubled, 5) for _ in range(2))
    assert made == [5] and np.array_equal(first, second)
    assert np.array_equal(first, Draw([generator()], "cpu").made(doubled, 5))
    first += 1
    assert np.array_equal(Draw([noise.again()], "cpu").made(doubled, 5), second)


def test_black_and_white_are_remembered_of_an_image_and_of_no_other() -> None:
    for low in (0.0, 100.0, 200.0):  # each may lie where the one before it lay
        voxels = np.linspace(low, low + 50, 5000, dtype=np.float32).reshape(1, 50, 100)
        volume = Volume(voxels)
        assert ends(volume) == ends(volume) == pytest.approx((low + 0.25, low + 49.75), abs=0.02)


def kept_by(noises: list[Noise], images: list[object], made: list[int], device: str = "cpu") -> object:
    torch = pytest.importorskip("torch")

    def make() -> object:
        made.append(1)
        return torch.full((4,), float(len(made)))

    return Draw([noise.again() for noise in noises], device, images).kept(make)


def test_what_follows_from_images_is_made_once_for_the_same_images_and_no_others() -> None:
    noises, images, made = [Noise(generator), Noise(generator)], [np.zeros(3), np.zeros(3)], list[int]()
    first = kept_by(noises, images, made)
    assert kept_by(noises, images, made) is first and len(made) == 1
    assert kept_by(noises, [images[0], np.zeros(3)], made) is not first, "another image, equal or not"
    assert kept_by(noises, images, made) is not first, "the last one made is kept"
    assert len(made) == 3
    kept_by(noises[:1], images[:1], made)
    kept_by([noises[0], Noise(generator)], images, made)
    kept_by(noises, images, made, "meta")
    assert len(made) == 6


def test_what_finds_no_room_is_made_each_time() -> None:
    room = Room(20)  # a tensor of four takes 16 bytes
    one, other, made = Noise(generator, room), Noise(generator, room), list[int]()
    image = [np.zeros(3)]
    for noise, times in ((one, 1), (one, 1), (other, 2), (other, 3), (one, 3)):
        kept_by([noise], image, made)
        assert len(made) == times
    Draw([generator()], "cpu", image).kept(lambda: made.append(1))
    Draw([generator()], "cpu", image).kept(lambda: made.append(1))
    assert len(made) == 5, "a plain generator keeps nothing"


def test_noise_that_finds_no_room_is_drawn_again_and_the_same() -> None:
    plain = generator()
    wanted = [plain.random((2,), np.float32), plain.standard_normal((100,), np.float32), plain.integers(9)]
    room = Room(64)
    noise = Noise(generator, room)
    for _ in range(3):
        reading = noise.again()
        assert np.array_equal(reading.random((2,), np.float32), wanted[0])
        assert np.array_equal(reading.standard_normal((100,), np.float32), wanted[1])
        assert reading.integers(9) == wanted[2]
    assert room.left == 64 - 8


def test_what_is_made_of_a_generator_is_made_again_where_it_finds_no_room() -> None:
    def thousand(of: np.random.Generator, scale: float) -> np.ndarray:
        return of.standard_normal(1000) * scale

    plain = generator()
    wanted = [plain.random((2,), np.float32), thousand(plain, 3.0), plain.integers(9)]
    noise = Noise(generator, Room(64))
    for _ in range(3):
        reading = noise.again()
        assert np.array_equal(reading.random((2,), np.float32), wanted[0])
        assert np.array_equal(reading.made(thousand, (3.0,)), wanted[1])  # type: ignore[attr-defined]
        assert reading.integers(9) == wanted[2]


class Slow:
    """A generator that another thread can come in between."""

    def standard_normal(self, size: Any, dtype: Any) -> Any:
        time.sleep(0.05)
        return self.own.standard_normal(size, dtype)

    def __init__(self) -> None:
        self.own = generator()


def test_two_threads_that_read_one_noise_are_given_the_same_numbers() -> None:
    """Two cases of one content, in two pieces of a batch: neither may draw what the other is about to be given."""
    noise, plain = Noise(cast("Any", Slow)), generator()
    wanted = [plain.standard_normal((3,), np.float32) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        readers = [
            pool.submit(lambda one: [one.standard_normal((3,), np.float32) for _ in range(2)], noise.again())
            for _ in range(2)
        ]
        assert all(np.array_equal(reader.result(), wanted) for reader in readers)
