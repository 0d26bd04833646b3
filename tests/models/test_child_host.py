"""Two batches on their way to one process: answers in order, and what ends the process is the matter of one batch alone."""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.models import child_host
from validate.models.adapter import OutOfMemory
from validate.models.child_host import ChildHost, ModelCrashed
from validate.models.code_source import find_code

Make = Callable[..., Any]
SOURCE = """
import os, time
import numpy as np
def answer(images):
    order = float(images.ravel()[0])
    if order == -1:
        os._exit(7)
    if order == -2:
        raise MemoryError("full")
    if order == -3:
        raise ValueError("no")
    if order == -4:
        time.sleep(60)
    time.sleep(0.002)
    return np.full(len(images), images.astype("float64").sum())
"""
BAD = {-1.0: (ModelCrashed, "code 7"), -2.0: (OutOfMemory, "full"), -3.0: (ModelCrashed, "ValueError: no")}


@pytest.fixture
def bell() -> Iterator[tuple[int, int]]:
    """To wait for, and to ring with."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def host(model: Make, tmp_path: Path) -> Iterator[ChildHost]:
    (tmp_path / "tiny.py").write_text(SOURCE)
    block = model(format="python", path="tiny.py", options={"call": "tiny:answer"})
    source = find_code("tiny:answer", tmp_path / "tiny.py", group="x", key="call", model=block)
    request = {**source.request(), "arguments": None, "device": "cpu", "threads": 1, "output": None, "embedding": None}
    made = ChildHost(
        block, "validate.models.python_child", runtime="Python", request=request, arrays=[source.content()]
    )
    yield made
    made.close()


def begun(host: ChildHost, first: float, count: int = 3) -> Any:
    batch = np.arange(first, first + count, dtype=np.float32).reshape(count, 1)
    batch[0] = first
    return host.begin({"inputs": [""]}, [batch])


def total(first: float, count: int = 3) -> float:
    return float(np.arange(first, first + count).sum())


def told(one: Any) -> float:
    _, (found,) = one.answer()
    return float(found[0])


def test_answers_are_those_of_their_batches_whatever_is_under_way(host: ChildHost) -> None:
    first, second, third = begun(host, 10), begun(host, 20), begun(host, 30)
    assert len(host._under_way) == 2  # the third waits for its answer to be asked for
    assert [told(first), told(second), told(third)] == [total(10), total(20), total(30)]
    first, second = begun(host, 40), begun(host, 50)
    assert [told(second), told(first)] == [total(50), total(40)]  # in whatever order they are asked for
    assert not host._under_way


def test_what_does_not_fit_the_shared_memory_waits_until_nothing_else_is_under_way(
    host: ChildHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes over the pipe, which both sides would fill at once, each waiting for the other to read."""
    monkeypatch.setattr(child_host, "SHARED", 1 << 16)
    host.close()
    first, large, third = begun(host, 1), begun(host, 7, count=100_000), begun(host, 9)
    assert told(first) == total(1)
    again = begun(host, 2)
    assert [one.sent for one in host._under_way] == [True]
    assert [told(large), told(third), told(again)] == [total(7, 100_000), total(9), total(2)]


@pytest.mark.parametrize("bad", BAD)
def test_what_goes_wrong_is_told_of_its_batch_and_the_next_is_answered(host: ChildHost, bad: float) -> None:
    error, words = BAD[bad]
    before, wrong = begun(host, 5), begun(host, bad)
    assert told(before) == total(5)
    after = begun(host, 70)
    with pytest.raises(error, match=words):
        wrong.answer()
    last = begun(host, 80)
    assert [told(after), told(last)] == [total(70), total(80)]


def test_a_batch_that_hangs_costs_its_patience_once(host: ChildHost, bell: tuple[int, int]) -> None:
    host._patience = 0.3
    hanging, after = begun(host, -4), begun(host, 6)
    assert hanging.wait(bell[0])  # no hope of an answer any more
    with pytest.raises(ModelCrashed, match=r"no answer in 0\.3 seconds"):
        hanging.answer()
    assert told(after) == total(6)


def test_waiting_ends_with_the_bell_or_the_answer(host: ChildHost, bell: tuple[int, int]) -> None:
    one = begun(host, 1)
    assert one.wait(bell[0])
    assert select.select([bell[0]], [], [], 0)[0] == []
    told(one)
    os.write(bell[1], b".")
    slow = begun(host, -4)
    assert not slow.wait(bell[0])


def test_many_batches_with_accidents_at_random_places_are_all_accounted_for(host: ChildHost) -> None:
    """Asked as the engine does: the next is begun before the last is answered."""
    dice, expected, found = random.Random(3), list[Any](), list[Any]()
    waiting: list[Any] = []
    for number in range(60):
        first = dice.choice([-1.0, -2.0, -3.0]) if dice.random() < 0.15 else float(number + 1)
        expected.append(BAD[first][0] if first < 0 else total(first))
        waiting.append(begun(host, first))
        while len(waiting) > (0 if number == 59 else dice.choice([0, 1, 1])):
            try:
                found.append(told(waiting.pop(0)))
            except (ModelCrashed, OutOfMemory) as error:
                found.append(type(error))
    assert found == expected
