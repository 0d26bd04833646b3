"""Batches on their way through models: one after the other, on a thread of their own, while the next are read and prepared.

A model in a process of its own is sent the next batch while it is busy with one, so that it never waits for this program.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from validate.models.begun import Begun

Answer = TypeVar("Answer")
OnEvent = Callable[[str, dict[str, Any]], None]

WAITING = 2  # batches that are with a model or wait for one; beyond, whoever has the next waits
FAREWELL = 5.0  # seconds that a batch in a model still gets when the run is stopped


class Stopped(Exception):
    """The run is over, and no model is asked any more."""


@dataclass(slots=True)
class _Given:
    answer: Future[Any]
    begin: Callable[[], Begun[Any]]
    of: object
    begun: Begun[Any] | None = None


class Asking:
    """One thread, so that batches reach the models in the order they are given, whatever each takes.

    What models report meanwhile is told to `on_event` by whoever gives batches, between two of them: the audit trail has one writer.
    idle : seconds that the thread has waited for a batch      waited : seconds that others have waited for it
    """

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event
        self.idle = 0.0
        self.waited = 0.0
        self._events: deque[tuple[str, dict[str, Any]]] = deque()
        self._given: queue.SimpleQueue[_Given | None] = queue.SimpleQueue()
        self._rope: socket.socket | None = None
        self._running: deque[Future[Any]] = deque()
        self._stopped = self._failed = False
        self._thread: threading.Thread | None = None

    def put(self, begin: Callable[[], Begun[Answer]], *, of: object = None) -> Future[Answer]:
        """Give a batch. `begin` sends it to the model `of`, where that is busy with the one before.

        Raises what an earlier one ended the run with.
        """
        if self._thread is None:
            self._rope, bell = socket.socketpair()
            # A daemon: a model that never answers does not keep the program from ending.
            self._thread = threading.Thread(target=self._serve, args=(bell,), name="model", daemon=True)
            self._thread.start()
        while self._running and (len(self._running) >= WAITING or self._running[0].done()):
            self._settle()
        answer: Future[Answer] = Future()
        self._running.append(answer)
        self._hand(_Given(answer, begin, of))
        return answer

    def settle(self, answers: Sequence[Future[Any]]) -> None:
        """Wait for these batches and those before them. Raises what one of them ended the run with."""
        while self._running and not all(answer.done() for answer in answers):
            self._settle()
        self.tell()

    def note(self, name: str, data: dict[str, Any]) -> None:
        """An event, from within a batch. Raises Stopped where nobody listens any more."""
        self._events.append((name, data))
        self.check()

    def check(self) -> None:
        """Raises Stopped where the run is over."""
        if self._stopped:
            raise Stopped

    def close(self) -> None:
        """End the thread after what is with a model; what waits is given up."""
        running = [answer for answer in self._running if not answer.done()]
        self._stopped = True
        self._hand(None)
        wait(running, timeout=FAREWELL)
        self._running.clear()
        self.tell()

    def _settle(self) -> None:
        oldest = self._running.popleft()
        start = time.perf_counter()
        try:
            oldest.result()
        finally:
            self.waited += time.perf_counter() - start
            self.tell()

    def tell(self) -> None:
        """Say what has happened so far."""
        while self._events:
            self.on_event(*self._events.popleft())

    def _hand(self, given: _Given | None) -> None:
        if self._rope is not None:
            self._given.put(given)
            with suppress(OSError):  # of a thread that has ended
                self._rope.send(b".")

    def _taken(self, bell: socket.socket) -> _Given | None:
        given = self._given.get()
        bell.recv(1)
        return given

    def _serve(self, bell: socket.socket) -> None:
        assert self._rope is not None
        oldest: _Given | None = None
        with bell, self._rope:
            while True:
                if oldest is None:
                    start = time.perf_counter()
                    given = self._taken(bell)
                    self.idle += time.perf_counter() - start
                elif oldest.begun is not None and oldest.begun.wait(bell.fileno()):
                    self._answer(oldest)
                    oldest = None
                    continue
                else:
                    given = self._taken(bell)
                if oldest is not None and (given is None or given.of is not oldest.of):
                    self._answer(oldest)  # of another model, whose seconds are its own
                    oldest = None
                if given is None:
                    return
                if self._stopped:
                    given.answer.set_exception(CancelledError())
                    continue
                given.begun = _begun(given)
                if oldest is not None:
                    self._answer(oldest)
                oldest = given

    def _answer(self, given: _Given) -> None:
        if self._failed:
            given.answer.set_exception(CancelledError())
            return
        assert given.begun is not None
        try:
            given.answer.set_result(given.begun.answer())
        except BaseException as error:  # noqa: BLE001 - carried to whoever gave the batch, and raised there
            self._stopped = self._failed = True  # so that which batches came back does not hang on who was quicker
            given.answer.set_exception(error)


def _begun(given: _Given) -> Begun[Any]:
    """What can't be sent says so in its turn."""
    try:
        return given.begin()
    except BaseException as error:  # noqa: BLE001
        return Begun(partial(_raised, error))


def _raised(error: BaseException) -> Any:
    raise error
