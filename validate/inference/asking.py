"""Batches on their way through models: one after the other, on a thread of their own, while the next are read and prepared."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar

Answer = TypeVar("Answer")
OnEvent = Callable[[str, dict[str, Any]], None]

WAITING = 2  # batches that are with a model or wait for one; beyond, whoever has the next waits
FAREWELL = 5.0  # seconds that a batch in a model still gets when the run is stopped


class Stopped(Exception):
    """The run is over, and no model is asked any more."""


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
        self._given: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._running: deque[Future[Any]] = deque()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def put(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Give a batch. Raises what an earlier one ended the run with."""
        if self._thread is None:
            # A daemon: a model that never answers does not keep the program from ending.
            self._thread = threading.Thread(target=self._serve, name="model", daemon=True)
            self._thread.start()
        while self._running and (len(self._running) >= WAITING or self._running[0].done()):
            self._settle()
        answer: Future[Answer] = Future()
        self._running.append(answer)
        self._given.put((answer, work))
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
        """End the thread after the batch that is in a model; what waits is given up."""
        running = [answer for answer in self._running if not answer.done()]
        self._stopped = True
        self._given.put(None)
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

    def _serve(self) -> None:
        while True:
            start = time.perf_counter()
            given = self._given.get()
            self.idle += time.perf_counter() - start
            if given is None:
                return
            answer, work = given
            if self._stopped:
                answer.set_exception(CancelledError())
                continue
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - carried to whoever gave the batch, and raised there
                self._stopped = True  # so that which batches came back does not hang on who was quicker
                answer.set_exception(error)
