"""A model's process at work: one batch after the other, on a GPU with the next one on its way while the device is busy.

On a GPU a thread takes batches in and copies them to the device (`take`, on a stream of its own), while this one starts the model on
what has arrived (`start`) and sends answers in the order of the requests. The device is given its next batch before the answer of the
last one is waited for. On a processor, where all of that is one thing after the other anyhow, it is done so.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from validate.models.child_answer import reply
from validate.processes.channel import Arrays, Channel, ChildGone

GLANCE = 0.0005  # seconds between two looks at whether the device is done or the next batch has come
Answer = tuple[dict[str, Any], Arrays]


class Started(Protocol):
    """A batch on the device."""

    def done(self) -> bool:
        """Whether `answer` would come at once."""
        ...

    def answer(self) -> Answer:
        """Wait for it."""
        ...


class Program(Protocol):
    @property
    def ahead(self) -> bool:
        """Whether batches are taken in on a thread of their own."""
        ...

    def take(self, header: Mapping[str, Any], arrays: Arrays) -> Any:
        """A batch as the model is given it; its arrays are good until it is answered."""
        ...

    def start(self, taken: Any) -> Started: ...


class Raised:
    """A batch that came to nothing; its answer says why."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def done(self) -> bool:
        return True

    def answer(self) -> Answer:
        raise self.error


class Finished:
    """A batch that was done as it was started."""

    def __init__(self, header: dict[str, Any], arrays: Arrays) -> None:
        self.found = header, arrays

    def done(self) -> bool:
        return True

    def answer(self) -> Answer:
        return self.found


def serve(channel: Channel, program: Program) -> None:
    """Answer every batch, in order. Raises ChildGone when the parent closes the pipe."""
    if program.ahead:
        _ahead(channel, program)
    while True:
        header, arrays = channel.receive(copy=False)
        taken = _taken(program, header, arrays)
        reply(channel, (taken if isinstance(taken, Raised) else _started(program, taken)).answer)


def _ahead(channel: Channel, program: Program) -> None:
    taken: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(channel, program, taken), name="take", daemon=True).start()
    running: deque[Started] = deque()
    while True:
        found = _next(taken, running)
        if isinstance(found, ChildGone):
            raise found
        if found is not None:
            running.append(found if isinstance(found, Raised) else _started(program, found))
        else:
            reply(channel, running.popleft().answer)


def _next(taken: queue.SimpleQueue[Any], running: deque[Started]) -> Any:
    """What has been taken in; None where the oldest answer is there, or enough is on the device."""
    if not running:
        return taken.get()
    while len(running) < 2 and not running[0].done():
        try:
            return taken.get(timeout=GLANCE)
        except queue.Empty:
            continue
    return None


def _take_in(channel: Channel, program: Program, taken: queue.SimpleQueue[Any]) -> None:
    while True:
        try:
            header, arrays = channel.receive(copy=False)
        except ChildGone as gone:
            taken.put(gone)
            return
        taken.put(_taken(program, header, arrays))


def _taken(program: Program, header: Mapping[str, Any], arrays: Arrays) -> Any:
    try:
        return program.take(header, arrays)
    except Exception as error:  # noqa: BLE001 - the parent says what it means, in its turn
        return Raised(error)


def _started(program: Program, taken: Any) -> Started:
    try:
        return program.start(taken)
    except Exception as error:  # noqa: BLE001 - foreign code; the parent says what it means
        return Raised(error)
