"""The child process that a Python callable lives in: no network, nothing written, no label read, no credentials."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.channel import ELEMENTS, Arrays, ChildGone, own_channel
from validate.models.child_answer import named, reply
from validate.models.sandbox import confine, own_folders

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, (content,) = channel.receive()
        program = _Program()
        reply(channel, lambda: program.load(request, content))
        while True:
            header, (pixels,) = channel.receive()
            reply(channel, lambda header=header, pixels=pixels: program.predict(header["output"], pixels))
    except ChildGone:
        return


class _Program:
    def __init__(self) -> None:
        self.predictor: Any = None

    def load(self, request: Mapping[str, Any], content: NDArray[np.uint8]) -> tuple[dict[str, Any], Arrays]:
        sys.dont_write_bytecode = True
        if request["threads"]:
            os.environ.update(dict.fromkeys(THREADS, str(request["threads"])))
        cpu = request["device"] == "cpu"
        if cpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        folder = request["folder"]
        readable = own_folders() if folder is None else [*own_folders(), Path(folder)]
        isolation = confine(readable, limit_memory=cpu, use_devices=not cpu)
        module_name, _, attribute = str(request["call"]).partition(":")
        if folder is not None and not request["installed"]:
            sys.path.insert(0, folder)
        if folder is None and not request["installed"]:
            module = _executed(module_name, request["name"], content.tobytes())
        else:
            module = importlib.import_module(module_name)
        found: Any = module
        for part in attribute.split("."):
            found = getattr(found, part)
        self.predictor = found if request["arguments"] is None else found(**request["arguments"])
        if not callable(self.predictor):
            raise TypeError(f"{request['call']} is {type(self.predictor).__name__}, which can't be called")
        return {"isolation": isolation, "cpu": cpu}, ()

    def predict(self, wanted: str | None, pixels: NDArray[np.float32]) -> tuple[dict[str, Any], Arrays]:
        outputs = named(self.predictor(np.array(pixels)))
        name = wanted if wanted is not None else next(iter(outputs)) if len(outputs) == 1 else None
        if name is None or name not in outputs:
            return {"outputs": sorted(outputs)}, ()
        raw = np.asarray(outputs[name])
        if raw.dtype.name not in ELEMENTS:
            raise TypeError(f"the output is an array of {raw.dtype.name}; return numbers, one row per case")
        return {"outputs": sorted(outputs)}, (raw,)


def _executed(name: str, file_name: str, content: bytes) -> ModuleType:
    """The module made of exactly the bytes that were hashed."""
    module = ModuleType(name)
    module.__file__ = file_name
    sys.modules[name] = module
    exec(compile(content, file_name, "exec"), module.__dict__)  # noqa: S102 - it is what this process is for
    return module
