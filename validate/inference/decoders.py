"""Decoding ahead of the model: some workers, results in the order of the tasks, a bounded amount of pixels waiting.

A worker is a thread that decodes by itself, or one that has a child process decode. Threads start at once; processes
decode truly side by side (most Python decoders hold the interpreter lock) and survive a decoder that crashes or hangs.
No result depends on the kind or number of workers.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from validate.errors import ProtocolError
from validate.imaging.in_time import DECODING
from validate.inference.decode import TIMED_OUT, Decoded, DecodeTask, decode, timed_out
from validate.inference.decode_worker import decoded_from
from validate.inference.view import View
from validate.models.prediction import Failure
from validate.processes.channel import Child, ChildGone, ChildSilent, start_child

Kind = Literal["thread", "process"]

AHEAD_BYTES = 256 << 20
SHARED = 64 << 20  # bytes for the pixels of one image; larger volumes go over the pipe
PATIENCE = DECODING

CRASHED = Failure("decode:crashed", "The decoder ended its process on this image.")


@dataclass(slots=True)
class Decoders:
    """
    count, kind : of workers, as many of either kind where both are at work
    kinds : by transfer syntax, where it is not `kind`      patience : seconds that one image may take before it is a failure
    waited : seconds that the reader of the results has waited for an image
    """

    count: int
    kind: Kind = "thread"
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    patience: float = PATIENCE
    ahead_bytes: int = AHEAD_BYTES
    waited: float = 0.0
    replaced: int = 0
    _tasks: dict[Kind, queue.SimpleQueue[DecodeTask | None]] = field(
        default_factory=lambda: {"thread": queue.SimpleQueue(), "process": queue.SimpleQueue()}
    )
    _results: queue.SimpleQueue[tuple[int, Decoded | BaseException]] = field(default_factory=queue.SimpleQueue)
    _begun: dict[int, float] = field(default_factory=dict)
    _workers: dict[Kind, list[Any]] = field(default_factory=lambda: {"thread": [], "process": []})

    def stream(self, tasks: Iterable[DecodeTask]) -> Iterator[tuple[DecodeTask, Decoded]]:
        """Every task with what came of it, in order. Raises what a worker raised: never for a bad file."""
        waiting: dict[int, DecodeTask] = {}  # handed out and not yet yielded, in order
        done: dict[int, Decoded] = {}
        sizes = _Sizes()
        source = iter(tasks)
        upcoming = next(source, None)
        while upcoming is not None or waiting:
            while upcoming is not None and self._room(len(waiting), sizes):
                waiting[upcoming.place] = upcoming
                self._hand_out(upcoming)
                upcoming = next(source, None)
            place, task = next(iter(waiting.items()))
            while place not in done:
                self._collect(waiting, done, place)
            del waiting[place]
            result = done.pop(place)
            sizes.add(result.nbytes)
            yield task, result

    def close(self) -> None:
        """End every worker; a thread in the middle of an image ends after it and holds nothing up."""
        for kind, workers in self._workers.items():
            for worker in workers:
                self._tasks[kind].put(None)
                worker.abandon()
            workers.clear()

    @property
    def kinds_used(self) -> str:
        """In words: thread, process, or both."""
        return " and ".join(sorted({self.kind, *self.kinds.values()}, reverse=True))

    def kind_of(self, task: DecodeTask) -> Kind:
        """Who decodes it."""
        return self.kinds.get(task.syntax, self.kind)

    def _hand_out(self, task: DecodeTask) -> None:
        """To the workers of its kind, who are there from the first of their tasks on."""
        kind = self.kind_of(task)
        while len(self._workers[kind]) < self.count:
            self._add_worker(kind)
        self._tasks[kind].put(task)

    def _room(self, handed_out: int, sizes: _Sizes) -> bool:
        if handed_out < self.count:
            return True
        return sizes.known and handed_out < 64 * self.count and handed_out * sizes.mean < self.ahead_bytes

    def _collect(self, waiting: dict[int, DecodeTask], done: dict[int, Decoded], place: int) -> None:
        start = time.perf_counter()
        try:
            arrived, result = self._results.get(timeout=max(self._left(waiting[place]), 0.0))
        except queue.Empty:
            if self._left(waiting[place]) <= 0:
                arrived, result = place, timed_out(waiting[place], self.patience)
                self._add_worker(self.kind_of(waiting[place]))  # in the place of the thread that hangs
                self.replaced += 1
            else:
                return
        finally:
            self.waited += time.perf_counter() - start
        self._begun.pop(arrived, None)
        if isinstance(result, BaseException):
            raise result
        if arrived in waiting and arrived not in done:
            done[arrived] = result

    def _left(self, task: DecodeTask) -> float:
        """Seconds that this image still has. A process worker watches its own clock, a little earlier."""
        grace = 5.0 if self.kind_of(task) == "process" else 0.0
        begun = self._begun.get(task.place)
        return self.patience + grace if begun is None else begun + self.patience + grace - time.monotonic()

    def _add_worker(self, kind: Kind) -> None:
        worker = _ThreadWorker() if kind == "thread" else _ProcessWorker(self.patience)
        self._workers[kind].append(worker)
        threading.Thread(target=self._serve, args=(worker, kind), daemon=True, name="decode").start()

    def _serve(self, worker: Any, kind: Kind) -> None:
        while (task := self._tasks[kind].get()) is not None and not worker.abandoned:
            self._begun[task.place] = time.monotonic()
            try:
                self._results.put((task.place, worker.decode(task)))
            except BaseException as error:  # noqa: BLE001 - carried to the reader of the results and raised there
                self._results.put((task.place, error))
        worker.close()


@dataclass(slots=True)
class _Sizes:
    """Mean bytes of a decoded image so far."""

    count: int = 0
    total: int = 0

    def add(self, size: int) -> None:
        self.count += 1
        self.total += size

    @property
    def known(self) -> bool:
        return self.count > 0

    @property
    def mean(self) -> float:
        return self.total / self.count


@dataclass(slots=True)
class _ThreadWorker:
    abandoned: bool = False

    def decode(self, task: DecodeTask) -> Decoded:
        return decode(task)

    def abandon(self) -> None:
        self.abandoned = True

    def close(self) -> None:
        """Nothing to close."""


@dataclass(slots=True)
class _ProcessWorker:
    patience: float
    abandoned: bool = False
    child: Child | None = None
    views: tuple[View, ...] | None = None
    known: int = 0  # which child has been told the views

    def decode(self, task: DecodeTask) -> Decoded:
        if self.child is None:
            self.known = 0
            self.child = start_child("validate.inference.decode_worker", shared_bytes=SHARED)
        try:
            self.child.channel.send(self._request(task))
            header, arrays = self.child.channel.receive(self.patience)
        except (ChildGone, ChildSilent) as error:
            self.child.kill()
            self.child = None
            failure = TIMED_OUT if isinstance(error, ChildSilent) else CRASHED
            return Decoded((failure,) * len(task.views), {}, 0.0)
        if "error" in header:
            raise ProtocolError(str(header["error"]))
        try:
            return decoded_from(header, arrays, content=task.content)
        except (LookupError, TypeError, ValueError, StopIteration):  # an answer that is none
            self.child.kill()
            self.child = None
            return Decoded((CRASHED,) * len(task.views), {}, 0.0)

    def _request(self, task: DecodeTask) -> dict[str, Any]:
        """What the child is asked; views that are the same as the last time are not said again."""
        request: dict[str, Any] = {
            "paths": [str(path) for path in task.paths],
            "content": task.content,
            "number": task.number,
        }
        if self.views is not task.views or self.known != id(self.child):
            request["views"] = [view.document() for view in task.views]
            self.views, self.known = task.views, id(self.child)
        return request

    def abandon(self) -> None:
        self.abandoned = True
        if self.child is not None:
            self.child.process.kill()

    def close(self) -> None:
        if self.child is not None:
            self.child.end()
