"""A child process of one model, asked batch by batch, and started again when it ends on one of them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.adapter import OutOfMemory
from validate.models.lost_device import DeviceLost, lost_device
from validate.processes.channel import Arrays, Child, ChildGone, ChildSilent, start_child
from validate.processes.sandbox import hidden_now
from validate.protocol.model import Model

PATIENCE = 300.0  # seconds for one answer
OPENING = 60.0  # seconds at least for opening a model, however little one answer may take
SHARED = 256 << 20  # bytes for arrays of one batch; larger ones go over the pipe
CRASHES = 20  # in a row, after which it is the model and not the case


class ModelCrashed(Exception):
    """The model's process ended, gave no answer, or raised, on this batch. `reason` is a failure's code."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


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
        self.facts = self._start()

    def ask(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> tuple[dict[str, Any], Arrays]:
        """The child's answer. Raises OutOfMemory, DeviceLost, ModelCrashed, or what the program raised, as ModelCrashed too."""
        if self._child is None:
            self._start()
        answer, received = self._exchange(header, arrays, self._patience)
        self._crashes = 0
        if answer.get("error") == "out_of_memory":
            raise OutOfMemory(answer["message"])
        if "error" in answer and lost_device(str(answer["message"])):
            self.close()  # its context on the device is of no more use; the next batch gets a process of its own
            raise DeviceLost(str(answer["message"]))
        if "error" in answer:
            raise ModelCrashed("model_error", f"{answer['error']}: {answer['message']}")
        return answer, received

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _start(self) -> dict[str, Any]:
        child = self._child = start_child(self._module, shared_bytes=SHARED, hidden=self._hidden)
        weakref.finalize(self, _ended, child)  # a child ends with whoever asks it, closed or forgotten
        try:
            facts, _ = self._exchange(self._request, self._arrays, max(self._patience, OPENING))
        except ModelCrashed as crash:
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

    def _exchange(
        self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]], patience: float
    ) -> tuple[dict[str, Any], Arrays]:
        child = self._child
        if child is None:
            raise ModelCrashed("model_crashed", "the model's process is not there")
        try:
            child.channel.send(header, arrays)
            return child.channel.receive(patience)
        except (ChildGone, ChildSilent) as error:
            child.kill()
            self._child = None
            self._crashes += 1
            if self._crashes >= CRASHES:
                raise ModelError(
                    f"models.{self._model.id}: the model's process ended {CRASHES} times in a row; it can't be run."
                ) from error
            if isinstance(error, ChildSilent):
                raise ModelCrashed("model_timeout", f"it gave no answer in {patience:g} seconds") from error
            raise ModelCrashed("model_crashed", f"its process ended (code {child.process.returncode})") from error


def _ended(child: Child) -> None:
    if child.process.returncode is None:
        child.kill()
