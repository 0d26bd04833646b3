"""Held images are disturbed once for all models, with the noise that their case has, whatever they are batched with."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.imaging.perturb.draw import Noise
from validate.imaging.volume import Volume
from validate.inference.asking import Asking
from validate.inference.batching import Batcher
from validate.inference.decode import Decoded, Seen
from validate.inference.decode_worker import decoded_from, described
from validate.inference.disturb import Disturbing, device_of
from validate.inference.disturbing_threads import beside, in_turn
from validate.inference.held import Held, held_bytes
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference
from validate.inference.view import Transform, View
from validate.models.prediction import Failure
from validate.protocol.passes import CLEAN, Pass
from validate.registry import load

Make = Callable[..., Any]
STEPS = ({"window": {"source": "window", "index": 0}},)


def radiograph(seed: int, side: int = 24) -> Volume:
    voxels = np.random.default_rng(seed).integers(0, 4096, (1, side, side)).astype(np.uint16)
    source = {
        "range": (0.0, 4095.0),
        "windows": [{"center": 2000.0, "width": 3000.0, "function": "LINEAR"}],
        "voi_luts": [{"first": 3.0, "values": np.arange(64), "bits": 6}],
    }
    return Volume(voxels, affine=np.diag([1.0, 2.0, 3.0, 1.0]), spacing=(1.0, 0.5, 0.25), unit="stored", source=source)


def held(count: int, side: int = 24) -> list[Held]:
    return [Held(radiograph(number, side), f"u{number}", 0) for number in range(count)]


def view(sigma: float, stream: str = "s") -> View:
    return View(STEPS, volume_transform=Transform("gaussian_noise", {"sigma": sigma}, 7, stream))


def pictures(found: list[Seen | Failure]) -> list[Any]:
    return [one.image if isinstance(one, Seen) else one for one in found]


def test_a_batch_is_what_its_images_are_alone_and_the_next_severity_has_the_same_noise() -> None:
    disturbing, images = Disturbing("cpu", shared=False), held(5)
    for sigma in (40.0, 400.0):
        together = pictures(disturbing.images(view(sigma), images))
        alone = [pictures(Disturbing("cpu", shared=False).images(view(sigma), [one]))[0] for one in images]
        for one, other in zip(together, alone, strict=True):
            assert np.array_equal(one, other)
    assert {"perturb", "preprocess"} == set(disturbing.stages)


def test_a_disturbed_batch_is_kept_for_the_next_model_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = load("perturbations", "gaussian_noise")
    asked: list[int] = []

    class Counted:
        def many(self, volumes: Any, *more: Any, **named: Any) -> Any:
            asked.append(len(volumes))
            return noise.many(volumes, *more, **named)

    monkeypatch.setattr("validate.inference.disturb.registry.load", lambda *_: Counted())
    disturbing, images = Disturbing("cpu", shared=True), held(4)
    first, second = (pictures(disturbing.images(view(40.0), images)) for _ in range(2))
    assert sum(asked) == 4 and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    disturbing.images(view(41.0), images)
    assert sum(asked) == 8
    disturbing.images(view(40.0), images)
    assert sum(asked) == 12


def test_another_image_at_the_address_of_one_that_is_gone_is_not_taken_for_it() -> None:
    """With several models and one disturbance, every batch asks for the same pass as the batch before."""
    disturbing = Disturbing("cpu", shared=True)
    for number in range(40):
        one = [Held(radiograph(number), f"u{number}", 0)]
        ((got,), (alone,)) = (
            pictures(found.images(view(40.0), one)) for found in (disturbing, Disturbing("cpu", shared=False))
        )
        assert np.array_equal(got, alone)
        del one


def test_an_image_that_breaks_a_batch_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = load("perturbations", "gaussian_noise")

    class Breaking:
        def many(self, volumes: Any, *more: Any, **named: Any) -> Any:
            if any(volume.voxels[0, 0, 0] == 4095 for volume in volumes):
                raise RuntimeError("Doe^Jane")
            return noise.many(volumes, *more, **named)

    monkeypatch.setattr("validate.inference.disturb.registry.load", lambda *_: Breaking())
    images = held(3)
    images[1].volume.voxels[0, 0, 0] = 4095
    found = Disturbing("cpu", shared=False).images(view(40.0), images)
    assert [isinstance(one, Failure) for one in found] == [False, True, False]
    assert isinstance(found[1], Failure) and found[1].reason == "perturb:error" and "Doe" not in found[1].detail


def test_a_volume_comes_from_a_child_as_it_was_and_once_for_all_views() -> None:
    one = Held(radiograph(3), "u", 2)
    decoded = Decoded(
        (one, Failure("decode:corrupt", "x"), one), {"decoder": "d"}, 0.5, (None, None, None), {"decode": 0.5}
    )
    header, arrays = described(decoded)
    found = decoded_from(header, arrays, content="u")
    assert found.images[0] is found.images[2] and found.images[1] == decoded.images[1]
    other = found.images[0]
    assert isinstance(other, Held) and (other.content, other.number) == ("u", 2)
    assert other.volume.voxels.dtype == np.uint16 and np.array_equal(other.volume.voxels, one.volume.voxels)
    assert other.volume.spacing == one.volume.spacing and other.volume.affine is not None
    assert np.array_equal(other.volume.affine, np.diag([1.0, 2.0, 3.0, 1.0]))
    assert other.volume.source["range"] == (0.0, 4095.0)
    assert other.volume.source["windows"] == one.volume.source["windows"]
    assert np.array_equal(other.volume.source["voi_luts"][0]["values"], np.arange(64))
    assert found.nbytes == one.volume.voxels.nbytes == held_bytes([one, one])
    with pytest.raises((LookupError, StopIteration)):
        decoded_from(header, arrays[:1], content="u")


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_what_waits_does_not_grow_with_the_number_of_severities(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    """The most bytes that passes hold at once, for two severities and for twenty."""
    from validate.inference.shard_work import ShardWork, Waiting

    alive: dict[int, int] = {}
    add, lock = ShardWork.add, threading.Lock()

    def watched(self: Any, case: Any, images: Any, *more: Any) -> None:
        add(self, case, images, *more)
        with lock:
            of_work = [
                one
                for image in self._images
                if isinstance(image, Waiting)
                for one in image.images.values()
                if isinstance(one, Held)
            ]
            waiting.update({id(image.volume): image.nbytes for image in of_work})
            alive[0] = max(alive.get(0, 0), len({id(image.volume) for image in of_work}))

    cases, most = study(tmp_path / "dicom", 12), []
    monkeypatch.setattr(ShardWork, "add", watched)
    for severities in (2, 20):
        waiting: dict[int, int] = {}
        alive.clear()
        passes = tuple(
            Pass(
                f"n-{s}",
                volume_transform={"name": "gaussian_noise", "options": {"sigma": 10.0 + s}, "seed": 1, "stream": "n"},
            )
            for s in range(severities)
        )
        out = tmp_path / f"{kind}{severities}"
        LocalEngine(kind=kind).run(plan(tmp_path, cases, passes=(CLEAN, *passes)), out=out, resume=False)
        assert read_inference(out).num_rows == 12 * (1 + severities)
        most.append((alive[0], len(waiting)))
    assert most[0] == most[1] and most[0][1] == 12  # each image is one volume in memory, however many passes see it


def test_images_are_disturbed_where_the_model_runs() -> None:
    assert device_of("CPUExecutionProvider") == "cpu"
    torch = pytest.importorskip("torch")
    assert device_of("CUDAExecutionProvider") == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a priority for each thread")
def test_the_thread_beside_a_model_works_in_the_gaps_that_others_leave() -> None:
    def nice(thread: int) -> int:
        return os.getpriority(os.PRIO_PROCESS, thread)

    mine = threading.get_native_id()
    before = nice(mine)
    with beside() as pool, in_turn() as others:
        other, turn = (one.submit(lambda: nice(threading.get_native_id())).result() for one in (pool, others))
    assert (other, turn, nice(mine)) == (min(before + 5, 19), before, before)


@pytest.mark.parametrize("cause", ["quantum_noise", "ct_motion", "mr_motion", "defocus", "speckle"])
def test_threads_side_by_side_find_what_one_finds(cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cases with one content too, whose noise is drawn once; and where not all pieces may be on their way at once."""
    monkeypatch.setattr("validate.inference.disturb.TOGETHER", 2 * 24 * 24 * 4)
    monkeypatch.setattr("validate.inference.disturb.AT_ONCE", 7 * 24 * 24 * 4)
    images = [Held(radiograph(number % 12), f"u{number % 12}", 0) for number in range(24)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            one, several = (Disturbing("cpu", shared=False) for _ in range(2))
            for severity in load("perturbations", cause).severities:
                seen = View(STEPS, volume_transform=Transform(cause, severity, 7, cause))
                alone, together = pictures(one.images(seen, images)), pictures(several.images(seen, images, pool.map))
                assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("on_processor", [True, False])
def test_a_model_that_wants_the_cores_is_idle_while_images_are_disturbed(
    plan: Make, study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_processor: bool
) -> None:
    given: list[Future[Any]] = []
    idle, threads = list[bool](), set[str]()
    put, images = Asking.put, Disturbing.images

    def watched_put(self: Asking, *more: Any, **named: Any) -> Any:
        given.append(put(self, *more, **named))
        return given[-1]

    def watched_images(self: Disturbing, *more: Any) -> Any:
        idle.append(all(answer.done() for answer in given))
        threads.add(threading.current_thread().name.split("_")[0])
        return images(self, *more)

    monkeypatch.setattr(Asking, "put", watched_put)
    monkeypatch.setattr(Disturbing, "images", watched_images)
    if not on_processor:
        monkeypatch.setattr(Batcher, "on_processor", property(lambda _: False))
    noise = {"name": "gaussian_noise", "options": {"sigma": 10.0}, "seed": 1, "stream": "n"}
    passes = tuple(Pass(f"n-{number}", volume_transform=noise) for number in range(3))
    wanted = plan(tmp_path, study(tmp_path / "dicom", 9), passes=(CLEAN, *passes))
    LocalEngine(kind="thread").run(wanted, out=tmp_path / "out", resume=False)
    assert read_inference(tmp_path / "out").num_rows == 36
    assert threads == ({"MainThread"} if on_processor else {"disturb"})
    assert all(idle) or not on_processor


def test_frequencies_that_are_kept_are_not_written_over() -> None:
    """Out of focus twice in the same way gives the same, whether the frequencies were kept or not."""
    perturbation, image = load("perturbations", "defocus"), radiograph(3)
    noise = Noise(lambda: np.random.default_rng(1))
    mild, severe = (
        {"dioptres": 6.0, "field": field} for field in (0.3, 0.2)
    )  # discs so large that frequencies are kept
    first = perturbation(image, severe, noise.again()).voxels
    perturbation(image, mild, noise.again())
    again = perturbation(image, severe, noise.again()).voxels
    alone_ = perturbation(image, severe, np.random.default_rng(1)).voxels
    assert np.array_equal(first, again) and np.array_equal(first, alone_)
    assert np.array_equal(image.voxels, radiograph(3).voxels), "the image itself stays"
