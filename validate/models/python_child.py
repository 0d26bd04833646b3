"""The child process that a Python callable lives in: no network, nothing written, no label read, no credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.child_answer import asked_for, named, reply
from validate.models.code_child import imported
from validate.models.runner import ONLY_INPUT
from validate.processes.channel import ELEMENTS, Arrays, ChildGone, own_channel
from validate.processes.sandbox import confine, own_folders

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, (content,) = channel.receive()
        program = _Program()
        reply(channel, lambda: program.load(request, content))
        while True:
            header, arrays = channel.receive()
            reply(channel, lambda header=header, arrays=arrays: program.predict(header, arrays))
    except ChildGone:
        return


class _Program:
    def __init__(self) -> None:
        self.predictor: Any = None
        self.output: str | None = None
        self.embedding: str | None = None

    def load(self, request: Mapping[str, Any], content: NDArray[np.uint8]) -> tuple[dict[str, Any], Arrays]:
        self.output, self.embedding = request["output"], request["embedding"]
        if request["threads"]:
            os.environ.update(dict.fromkeys(THREADS, str(request["threads"])))
        cpu = request["device"] == "cpu"
        if cpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        folder = request["folder"]
        readable = own_folders() if folder is None else [*own_folders(), Path(folder)]
        isolation = confine(readable, limit_memory=cpu, use_devices=not cpu)
        found = imported(request, content)
        self.predictor = found if request["arguments"] is None else found(**request["arguments"])
        if not callable(self.predictor):
            raise TypeError(f"{request['call']} is {type(self.predictor).__name__}, which can't be called")
        return {"isolation": isolation, "cpu": cpu}, ()

    def predict(self, header: Mapping[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        given = {name: np.array(array) for name, array in zip(header["inputs"], arrays, strict=True)}
        only = given.pop(ONLY_INPUT, None)
        outputs = named(self.predictor(only) if only is not None else self.predictor(**given))
        found = tuple(np.asarray(outputs[name]) for name in asked_for(outputs, self.output, self.embedding))
        for array in found:
            if array.dtype.name not in ELEMENTS:
                raise TypeError(f"the output is an array of {array.dtype.name}; return numbers, one row per case")
        return {"outputs": sorted(outputs)}, found
