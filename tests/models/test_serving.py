"""A GPU's way of serving, with a device that is a thread: taken ahead, started before the last answer, told in order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from validate.models.serving import Finished, serve
from validate.processes.channel import Arrays, Channel, ChildGone


class Device:
    """Computes one batch after the other on a thread of its own, as a GPU's stream does."""

    def __init__(self, *, ahead: bool, seconds: float = 0.03) -> None:
        self.ahead, self.seconds = ahead, seconds
        self.log: list[str] = []
        self.last: threading.Thread | None = None

    def take(self, header: Mapping[str, Any], arrays: Arrays) -> Any:
        if header.get("bad") == "take":
            raise MemoryError("no room")
        self.log.append(f"take {header['number']}")
        return header, np.array(arrays[0])

    def start(self, taken: Any) -> Any:
        header, given = taken
        if header.get("bad") == "start":
            raise ValueError("wrong shape")
        self.log.append(f"start {header['number']}")
        if not self.ahead:
            return Finished({"number": header["number"]}, (given * 2,))
        self.last = _Computing(self, header["number"], given, self.last)
        self.last.start()
        return self.last


class _Computing(threading.Thread):
    def __init__(self, device: Device, number: int, given: Any, before: threading.Thread | None) -> None:
        super().__init__(daemon=True)
        self.device, self.number, self.given, self.before = device, number, given, before

    def run(self) -> None:
        if self.before is not None:
            self.before.join()
        time.sleep(self.device.seconds)

    def done(self) -> bool:
        return not self.is_alive()

    def answer(self) -> Any:
        self.join()
        self.device.log.append(f"answer {self.number}")
        return {"number": self.number}, (self.given * 2,)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    there, back = os.pipe(), os.pipe()
    files = [os.fdopen(end, mode, buffering=0) for end, mode in zip((*there, *back), ("rb", "wb") * 2, strict=True)]
    yield Channel(files[2], files[1]), Channel(files[0], files[3])
    for file in files:
        file.close()


def served(channel: Channel, device: Device) -> threading.Thread:
    def work() -> None:
        with pytest.raises(ChildGone):
            serve(channel, device)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("ahead", [True, False])
def test_every_batch_is_answered_in_order_with_what_went_wrong(ends: tuple[Channel, Channel], *, ahead: bool) -> None:
    parent, child = ends
    device = Device(ahead=ahead, seconds=0.002)
    thread = served(child, device)
    bad = {3: "take", 4: "start"}
    sent = 0
    for number in range(8):
        while sent < min(number + 2, 8):  # two on their way, as the parent does
            parent.send({"number": sent, "bad": bad.get(sent)}, [np.full(3, sent)])
            sent += 1
        header, arrays = parent.receive(5)
        if number in bad:
            assert header["error"] in {"out_of_memory", "ValueError"}
            assert header["message"] in {"no room", "wrong shape"}
        else:
            assert header == {"number": number}
            np.testing.assert_array_equal(arrays[0], np.full(3, 2 * number))
    parent.writer.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_device_has_its_next_batch_before_the_last_is_answered(ends: tuple[Channel, Channel]) -> None:
    parent, child = ends
    device = Device(ahead=True)
    thread = served(child, device)
    for number in range(2):
        parent.send({"number": number}, [np.zeros(1)])
    parent.receive(5)
    parent.send({"number": 2}, [np.zeros(1)])
    for _ in range(2):
        parent.receive(5)
    assert device.log.index("start 1") < device.log.index("answer 0")
    assert device.log.index("start 2") < device.log.index("answer 1")
    parent.writer.close()
    thread.join(5)
