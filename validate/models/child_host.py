"""A child process of one model, asked batch by batch, and started again when it ends on one of them."""

from __future__ import annotations

import select
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.adapter import OutOfMemory
from validate.models.begun import Begun
from validate.models.lost_device import DeviceLost, lost_device
from validate.processes.channel import Arrays, Child, ChildGone, ChildSilent, start_child
from validate.processes.sandbox import hidden_now
from validate.protocol.model import Model

PATIENCE = 300.0  # seconds for one answer
OPENING = 60.0  # seconds at least for opening a model, however little one answer may take
SHARED = 256 << 20  # bytes for arrays of one batch; larger ones go over the pipe
SLOTS = 2  # batches that may be on their way: one that the model is busy with, and the next
REOPENINGS = 5  # of a model that could be opened before; whatever ends its process may pass
CRASHES = 20  # in a row, after which it is the model and not the case


class ModelCrashed(Exception):
    """The model's process ended, gave no answer, or raised, on this batch. `reason` is a failure's code."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(slots=True)
class _Asked:
    """A request. sent : to the child that is there now      begun : when its turn came, by the monotonic clock"""

    header: Mapping[str, Any]
    arrays: Sequence[NDArray[Any]]
    sent: bool = False
    begun: float = 0.0
    outcome: tuple[dict[str, Any], Arrays] | ModelCrashed | None = None


class ChildHost:
    """
    module : of our own; its `main` serves the channel (torch_child.py, python_child.py, onnx_child.py)
    runtime : what the child runs the model with, as in "torch can't open this model"
    request, arrays : the first message, which opens the model; sent again to a child that is started anew
    facts : the child's answer to it
    refused : what an error that the child names means, by its code: a sentence after "models.ID: "
    patience : seconds for one answer
    Raises ModelError when the child can't open the model.
    """

    def __init__(
        self,
        model: Model,
        module: str,
        *,
        runtime: str,
        request: Mapping[str, Any],
        arrays: Sequence[NDArray[Any]] = (),
        refused: Mapping[str, Callable[[str], str]] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._model, self._module, self._runtime = model, module, runtime
        self._request, self._arrays, self._refused = dict(request), tuple(arrays), dict(refused or {})
        self._patience = patience
        self._hidden = hidden_now()  # known to children that are started anew too, on whatever thread
        self._crashes = 0
        self._child: Child | None = None
        self._under_way: deque[_Asked] = deque()
        self.facts = self._start()

    def ask(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
        """The child's answer. Raises OutOfMemory, DeviceLost, ModelCrashed, or what the program raised, as ModelCrashed too."""
        return self.begin(header, arrays).answer()

    def begin(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> Begun[tuple[dict[str, Any], Arrays]]:
        """The same, sent now where that makes nobody wait, so that the child has it when it is done with the one before; else when
        its answer is asked for. The child sees them in the order in which they are begun. Its answer raises as `ask`.
        """
        asked = _Asked(header, arrays)
        if self._child is not None and len(self._under_way) < SLOTS and self._child.channel.fits(header, arrays):
            self._send(asked)
        return Begun(lambda: self._answered(asked), lambda bell: self._waited(asked, bell))

    def _answered(self, asked: _Asked) -> tuple[dict[str, Any], Arrays]:
        while asked.outcome is None:
            if not asked.sent:
                self._send_anew(asked)
            else:
                self._settle()
        if isinstance(asked.outcome, Exception):
            raise asked.outcome
        answer, received = asked.outcome
        if answer.get("error") == "out_of_memory":
            raise OutOfMemory(answer["message"])
        if "error" in answer and lost_device(str(answer["message"])):
            self.close()  # its context on the device is of no more use; the next batch gets a process of its own
            raise DeviceLost(str(answer["message"]))
        if "error" in answer:
            raise ModelCrashed("model_error", f"{answer['error']}: {answer['message']}")
        return answer, received

    def _waited(self, asked: _Asked, bell: int) -> bool:
        """Until its answer can be read, or its time is up, or the bell rings; it is the oldest that is under way."""
        child = self._child
        if asked.outcome is not None or not asked.sent or child is None or self._under_way[0] is not asked:
            return True
        left = max(asked.begun + self._patience - time.monotonic(), 0.0)
        answer = child.channel.reader.fileno()
        ready, _, _ = select.select([answer, bell], [], [], left)
        return answer in ready or not ready

    def _send(self, asked: _Asked) -> None:
        """To a child that is there; where it is gone, that is found out when the answer is asked for."""
        assert self._child is not None
        try:
            self._child.channel.send(asked.header, asked.arrays)
        except ChildGone:
            return
        asked.sent, asked.begun = True, time.monotonic()
        self._under_way.append(asked)

    def _send_anew(self, asked: _Asked) -> None:
        while self._under_way:
            self._settle()  # of others, whose answers are kept for them
        if self._child is None:
            self._start(REOPENINGS)
        self._send(asked)
        if not asked.sent:
            self._ended(asked, ChildGone("the other side is gone"))

    def _settle(self) -> None:
        """Wait for the oldest that is under way."""
        oldest, child = self._under_way[0], self._child
        assert child is not None
        try:
            oldest.outcome = child.channel.receive(max(oldest.begun + self._patience - time.monotonic(), 0.0))
        except (ChildGone, ChildSilent) as error:
            self._ended(oldest, error)
            return
        self._under_way.popleft()
        self._crashes = 0
        if self._under_way:
            self._under_way[0].begun = time.monotonic()  # only now it is this one's turn

    def _ended(self, asked: _Asked, error: ChildGone | ChildSilent) -> None:
        """The child ended on this one; what else was under way is sent again to the next."""
        self._forget()
        asked.outcome = self._crashed(error, self._patience)

    def _forget(self) -> None:
        for other in self._under_way:
            other.sent = False
        self._under_way.clear()

    def close(self) -> None:
        """End the child."""
        self._forget()
        if self._child is not None:
            self._child.end()
            self._child = None

    def _start(self, tries: int = 1) -> dict[str, Any]:
        child = self._child = start_child(self._module, shared_bytes=SHARED, slots=SLOTS, hidden=self._hidden)
        weakref.finalize(self, _kill, child)  # a child ends with whoever asks it, closed or forgotten
        try:
            facts, _ = self._opening(child)
        except ModelCrashed as crash:
            if tries > 1 and crash.reason == "model_crashed":
                return self._start(tries - 1)
            raise ModelError(
                f"models.{self._model.id}.path: {self._runtime} can't open this model: {crash}."
            ) from crash
        if "error" not in facts:
            return facts
        self.close()
        if facts["error"] in self._refused:
            raise ModelError(f"models.{self._model.id}{self._refused[facts['error']](str(facts['message']))}")
        raise ModelError(
            f"models.{self._model.id}.path: {self._runtime} can't open this model: {facts['error']}: "
            f"{' '.join(str(facts['message']).split())[:300]}"
        )

    def _opening(self, child: Child) -> tuple[dict[str, Any], Arrays]:
        patience = max(self._patience, OPENING)
        try:
            child.channel.send(self._request, self._arrays)
            return child.channel.receive(patience)
        except (ChildGone, ChildSilent) as error:
            raise self._crashed(error, patience) from error

    def _crashed(self, error: ChildGone | ChildSilent, patience: float) -> ModelCrashed:
        """What it means for a batch. Raises ModelError where it has happened too often for that."""
        child = self._child
        if child is not None:
            child.kill()
            self._child = None
        self._crashes += 1
        if self._crashes >= CRASHES:
            raise ModelError(
                f"models.{self._model.id}: the model's process ended {CRASHES} times in a row; it can't be run."
            ) from error
        if isinstance(error, ChildSilent):
            return ModelCrashed("model_timeout", f"it gave no answer in {patience:g} seconds")
        code = child.process.returncode if child is not None else None
        return ModelCrashed("model_crashed", f"its process ended (code {code})")


def _kill(child: Child) -> None:
    if child.process.returncode is None:
        child.kill()
