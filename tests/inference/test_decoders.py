"""Decoding ahead: in order, within bounds, and a decoder that hangs or crashes costs one image."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.errors import ProtocolError
from validate.inference import decoders as module
from validate.inference.decode import Decoded, DecodeTask, decode
from validate.inference.decoders import TIMED_OUT, Decoders
from validate.inference.view import View
from validate.models.prediction import Failure

Make = Callable[..., Any]
STEPS = ({"window": {"source": "full_range"}},)
VIEW = View(STEPS)


@pytest.fixture
def tasks(study: Make, tmp_path: Path) -> list[DecodeTask]:
    cases = study(tmp_path / "dicom", 12, broken=(5,))
    return [DecodeTask(place, case.files, (VIEW,)) for place, case in enumerate(cases)]


@pytest.mark.parametrize("kind", ["thread", "process"])
@pytest.mark.parametrize("count", [1, 4])
def test_results_come_in_the_order_of_the_tasks(tasks: list[DecodeTask], kind: Any, count: int) -> None:
    decoders = Decoders(count, kind)
    results = list(decoders.stream(tasks))
    decoders.close()
    assert [task.place for task, _ in results] == list(range(12))
    for task, result in results:
        expected = decode(task)
        assert result.source == expected.source
        if isinstance(expected.images[0], Failure):
            assert result.images == expected.images
        else:
            assert np.array_equal(result.images[0], expected.images[0])


def test_several_recipes_of_one_image_are_made_from_one_decoding(tasks: list[DecodeTask]) -> None:
    small = (*STEPS, {"resize": {"size": [4, 4], "method": "nearest"}})
    result = decode(DecodeTask(0, tasks[0].paths, (VIEW, View(small), View(({"crop": {"size": [99, 99]}},)))))
    assert [getattr(image, "shape", None) for image in result.images] == [(1, 8, 8), (1, 4, 4), None]
    assert result.images[2] == Failure("preprocess:too_small", result.images[2].detail)  # type: ignore[union-attr]


def test_no_failure_names_the_file(tmp_path: Path) -> None:
    for content in (b"", b"junk", b"\0" * 128 + b"DICM" + b"\xff" * 64):
        (tmp_path / "SECRET.dcm").write_bytes(content)
        (image,) = decode(DecodeTask(0, (tmp_path / "SECRET.dcm",), (VIEW,))).images
        assert isinstance(image, Failure)
        assert "SECRET" not in image.detail


def test_a_reader_that_raises_anything_is_a_failure_of_its_image(
    tasks: list[DecodeTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, reason in ((KeyError("Doe^Jane"), "decode:error"), (MemoryError(), "decode:out_of_memory")):

        def raising(path: Path, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr("validate.imaging.image.read_image", raising)
        (image,) = decode(tasks[0]).images
        assert isinstance(image, Failure) and image.reason == reason
        assert "Doe" not in image.detail


def test_a_thread_that_hangs_is_replaced_and_its_image_fails(
    tasks: list[DecodeTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def hanging(task: DecodeTask) -> Decoded:
        if task.place == 2:
            release.wait(30)
        return decode(task)

    monkeypatch.setattr(module, "decode", hanging)
    decoders = Decoders(1, "thread", patience=0.4)
    results = [result for _, result in decoders.stream(tasks)]
    decoders.close()
    release.set()
    assert results[2].images == (
        Failure("decode:timeout", "Decoding took longer than the time allowed for one image."),
    )
    assert [isinstance(result.images[0], Failure) for result in results] == [n in {2, 5} for n in range(12)]
    assert decoders.replaced == 1


def test_a_process_that_hangs_or_dies_is_replaced_and_its_image_fails(
    tasks: list[DecodeTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module.start_child
    started: list[Any] = []

    def start(name: str, **options: Any) -> Any:
        child = real(name, **options)
        started.append(child)
        return child

    monkeypatch.setattr(module, "start_child", start)
    decoders = Decoders(1, "process", patience=60)
    results = decoders.stream(tasks[:1])
    next(results)
    os.kill(started[0].process.pid, signal.SIGKILL)
    started[0].process.wait()
    crashed = [result for _, result in decoders.stream([DecodeTask(50, tasks[0].paths, (VIEW,))])]
    assert crashed[0].images == (Failure("decode:crashed", "The decoder ended its process on this image."),)
    again = [result for _, result in decoders.stream([DecodeTask(51, tasks[0].paths, (VIEW,))])]
    assert not isinstance(again[0].images[0], Failure)
    os.kill(started[1].process.pid, signal.SIGSTOP)
    decoders._workers["process"][0].patience = 0.3
    silent = [result for _, result in decoders.stream([DecodeTask(52, tasks[0].paths, (VIEW,))])]
    assert silent[0].images[0] == module.TIMED_OUT
    decoders.close()


def test_decoding_children_end_with_their_parent(tasks: list[DecodeTask]) -> None:
    program = f"""
import os, time
from pathlib import Path
from validate.inference.decode import DecodeTask
from validate.inference.decoders import Decoders
from validate.inference.view import View
decoders = Decoders(2, "process")
list(decoders.stream([DecodeTask(n, (Path({str(tasks[0].paths[0])!r}),), (View({STEPS!r}),)) for n in range(8)]))
print(" ".join(str(worker.child.process.pid) for worker in decoders._workers["process"] if worker.child), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(number) for number in parent.stdout.readline().split()]
        assert children
        parent.kill()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}/cmdline").exists() and _runs(child) for child in children):
        assert time.monotonic() < deadline, "a decoding child outlived its parent"


def test_no_more_is_decoded_ahead_than_the_bound_allows(tasks: list[DecodeTask]) -> None:
    taken: list[int] = []

    def source() -> Iterator[DecodeTask]:
        for task in tasks[:5] + tasks[6:]:
            taken.append(task.place)
            yield task

    decoders = Decoders(2, "thread", ahead_bytes=1)  # nothing but the workers' own images
    for place, (_task, result) in enumerate(decoders.stream(source())):
        assert result.nbytes == 8 * 8 * 4
        assert len(taken) <= place + 1 + 2 + 1  # yielded, with the workers, and the one looked at next
    decoders.close()


def test_a_wrong_recipe_is_raised_to_the_run(tasks: list[DecodeTask], monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(task: DecodeTask) -> Decoded:
        raise ProtocolError("no such step")

    monkeypatch.setattr(module, "decode", refusing)
    decoders = Decoders(1, "thread")
    with pytest.raises(ProtocolError, match="no such step"):
        list(decoders.stream(tasks))
    decoders.close()


def _runs(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_each_syntax_has_workers_of_its_kind_and_the_order_stays(tasks: list[DecodeTask]) -> None:
    mixed = [replace(task, syntax="a" if task.place % 3 else "b") for task in tasks]
    decoders = Decoders(2, "thread", {"b": "process"})
    results = list(decoders.stream(mixed))
    assert {kind: len(workers) for kind, workers in decoders._workers.items()} == {"thread": 2, "process": 2}
    assert decoders.kinds_used == "thread and process"
    decoders.close()
    assert [task.place for task, _ in results] == list(range(12))
    for task, result in results:
        expected = decode(task)
        assert [isinstance(one, Failure) for one in result.images] == [
            isinstance(one, Failure) for one in expected.images
        ]
        if not isinstance(expected.images[0], Failure):
            assert np.array_equal(result.images[0], expected.images[0])


def test_a_case_whose_time_is_long_over_is_given_up_at_once(tmp_path: Path) -> None:
    """The reader of the results may come late itself, as on a machine that is busy."""
    decoders = Decoders(1, patience=0.5)
    task = DecodeTask(0, (tmp_path / "none.dcm",), (VIEW,))
    decoders._begun[0] = time.monotonic() - 100
    done: dict[int, Any] = {}
    decoders._collect({0: task}, done, 0)
    assert done[0].images == (TIMED_OUT,)
    decoders.close()
