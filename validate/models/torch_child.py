"""The child process that a torch model lives in: no network, no files of ours, bounded memory, no credentials.

It gets the checked archive or the weights over its channel and answers with arrays. If the model crashes, only this process
ends.
"""

from __future__ import annotations

import io
import logging
import mmap
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.child_answer import asked_for, named, reply
from validate.models.code_child import imported
from validate.models.left_to_device import batch
from validate.models.runner import ONLY_INPUT
from validate.models.serving import Answer, Finished, Started, serve
from validate.processes.channel import Arrays, ChildGone, own_channel
from validate.processes.sandbox import confine, own_folders

KINDS = {
    "export": "torch.export",
    "torchscript": "TorchScript",
    "safetensors": "weights (safetensors)",
    "state_dict": "weights (state dict, read with weights_only)",
    "pickle": "pickled module or weights",
}


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, (content, code) = channel.receive()
        cpu = request["device"] == "cpu"
        isolation = confine(_readable(request), limit_memory=cpu, use_devices=not cpu)
        # torch makes its compiler's cache folder as it is imported: one that exists, since none can be made any more
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = sys.prefix
        program = _Program()
        reply(channel, lambda: program.load(request, content, code, isolation))
        if program.ahead:
            pinned(channel.incoming)
        serve(channel, program)
    except ChildGone:
        return


def _readable(request: Mapping[str, Any]) -> list[Path]:
    folders = [request["import_from"], request["code"]["folder"] if request["code"] is not None else None]
    return [*own_folders(), *(Path(folder) for folder in folders if folder is not None)]


class _Unfit(Exception):
    """The file and the architecture do not belong together; the message says how."""


class _Program:
    def __init__(self) -> None:
        self.module: Any = None
        self.device = "cpu"
        self.output: str | None = None
        self.embedding: str | None = None
        self.half = False
        self.copying: Any = None

    def load(
        self, request: Mapping[str, Any], content: NDArray[np.uint8], code: NDArray[np.uint8], isolation: list[str]
    ) -> tuple[dict[str, Any], Arrays]:
        import torch

        make_reproducible(torch, int(request["threads"]))
        self.output, self.embedding, self.half = request["output"], request["embedding"], bool(request["half"])
        self.device = "cuda" if request["device"] != "cpu" and torch.cuda.is_available() else "cpu"
        if request["device"] == "cuda" and self.device == "cpu":
            return {"error": "no_cuda", "message": f"torch {torch.__version__} finds no CUDA device here"}, ()
        try:
            self.module = _opened(torch, request, content.tobytes(), code, self.device)
        except _Unfit as error:
            return {"error": "weights", "message": str(error)}, ()
        return {
            "runtime": f"torch {torch.__version__}",
            "provider": f"{self.device}, in half precision" if self.half else self.device,
            "isolation": isolation,
            "kind": KINDS[request["kind"]],
            "parameters": sum(int(parameter.numel()) for parameter in self.module.parameters()),
        }, ()

    @property
    def ahead(self) -> bool:
        return self.device == "cuda"

    def take(self, header: Mapping[str, Any], arrays: Arrays) -> _Taken:
        """What the model is given, on its device; on a GPU on its way there, on a stream of its own."""
        import torch

        with torch.inference_mode():
            if self.device == "cpu":  # a copy, since a model may write into its input
                return _Taken(header, self._inputs(torch, header, [torch.from_numpy(np.array(one)) for one in arrays]))
            if self.copying is None:
                self.copying = torch.cuda.Stream()
            with torch.cuda.stream(self.copying):
                there = [torch.from_numpy(one).to(self.device, non_blocking=True) for one in arrays]
                inputs = self._inputs(torch, header, there)
                arrived = torch.cuda.Event()
                arrived.record()
        return _Taken(header, inputs, arrived)

    def _inputs(self, torch: Any, header: Mapping[str, Any], tensors: Sequence[Any]) -> dict[str, Any]:
        if "left" in header:
            return {ONLY_INPUT: batch(torch, header, tensors)}
        return dict(zip(header["inputs"], tensors, strict=True))

    def start(self, taken: _Taken) -> Started:
        import torch

        header, inputs = taken.header, taken.inputs
        if taken.arrived is not None:
            torch.cuda.current_stream().wait_event(taken.arrived)
            for tensor in inputs.values():
                # its memory is not given away while the model reads it
                tensor.record_stream(torch.cuda.current_stream())
        torch.manual_seed(0)  # a program that draws numbers draws the same for every batch
        # what half precision is safe for is computed in it, the rest in single precision, as torch.amp decides
        with torch.inference_mode(), torch.autocast(self.device, dtype=torch.float16, enabled=self.half):
            outputs = named(self.module(*inputs.values()) if header["positional"] else self.module(**inputs))
        told = {"outputs": sorted(outputs)}
        found = [outputs[name].detach() for name in asked_for(outputs, self.output, self.embedding)]
        if self.device == "cpu" or not found:
            return Finished(told, tuple(one.numpy() for one in found))
        return _OnTheWay(told, found)


@dataclass(frozen=True, slots=True)
class _Taken:
    """arrived : on a GPU, the event after which the inputs are there and ready"""

    header: Mapping[str, Any]
    inputs: dict[str, Any]
    arrived: Any = None


class _OnTheWay:
    """Outputs that a GPU is computing, and their copies to this side."""

    def __init__(self, told: dict[str, Any], outputs: Sequence[Any]) -> None:
        import torch

        self.told = told
        self.copies = [torch.empty(one.shape, dtype=one.dtype, pin_memory=True) for one in outputs]
        for copy, output in zip(self.copies, outputs, strict=True):
            copy.copy_(output, non_blocking=True)
        self.copied = torch.cuda.Event()
        self.copied.record()

    def done(self) -> bool:
        return bool(self.copied.query())

    def answer(self) -> Answer:
        self.copied.synchronize()
        return self.told, tuple(copy.numpy() for copy in self.copies)


def pinned(memory: mmap.mmap | None) -> None:
    """Lock the memory that batches arrive in, so that a GPU fetches them from there itself."""
    if memory is None:
        return
    import torch

    whole = np.frombuffer(memory, np.uint8)
    # Where so much can't be locked, copies are slower and no number is another.
    torch.cuda.cudart().cudaHostRegister(whole.ctypes.data, whole.nbytes, 0)


def _opened(torch: Any, request: Mapping[str, Any], content: bytes, code: NDArray[np.uint8], device: str) -> Any:
    archive = io.BytesIO(content)
    if request["kind"] == "export":
        program = torch.export.load(archive)
        if device == "cuda":
            program = torch.export.passes.move_to_device_pass(program, device)
        return program.module()
    if request["kind"] == "torchscript":
        return torch.jit.load(archive, map_location=device).eval()
    if request["import_from"] is not None:
        sys.path.insert(0, str(request["import_from"]))
    module = imported(request["code"], code)(**request["arguments"]) if request["code"] is not None else None
    if module is not None and not isinstance(module, torch.nn.Module):
        raise _Unfit(f"the architecture returned {type(module).__name__}, no torch.nn.Module")
    weights = _weights(torch, request["kind"], content, device)
    if isinstance(weights, torch.nn.Module) and module is None:
        return weights.to(device).eval()
    if module is None:
        raise _Unfit(f"the file holds {type(weights).__name__}, not a module; name the architecture it belongs to")
    fill(module, weights)
    return module.to(device).eval()


def _weights(torch: Any, kind: str, content: bytes, device: str) -> Any:
    if kind == "safetensors":
        from safetensors.torch import load

        return load(content)
    try:
        return torch.load(io.BytesIO(content), map_location=device, weights_only=kind == "state_dict")
    except Exception as error:
        if kind != "state_dict":
            raise
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise _Unfit(
            "this file holds more than weights, and opening it would run code that is in it, which is refused "
            f"({first[:160]}). Save the weights alone (safetensors, or torch.save of the state dict), or, if you trust "
            "whoever wrote it, say unpickle: true, which the report prints."
        ) from error


def fill(module: Any, weights: Any) -> None:
    """Every tensor in its place and none left over."""
    if hasattr(weights, "state_dict"):
        weights = weights.state_dict()
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(weights, dict) and set(weights) and isinstance(weights.get(key), dict):
            weights = weights[key]
            break
    if not isinstance(weights, dict):
        raise _Unfit(f"the file holds {type(weights).__name__}; expected tensors by name")
    wanted = module.state_dict()
    missing, extra = sorted(set(wanted) - set(weights)), sorted(set(weights) - set(wanted))
    if missing or extra:
        told = [f"{len(names)} {what} (the first is '{names[0]}')" for names, what in
                ((missing, "tensors of the architecture are not in the file"),
                 (extra, "tensors of the file are not in the architecture")) if names]  # fmt: skip
        raise _Unfit(f"the weights do not belong to this architecture: {'; '.join(told)}")
    for name, own in wanted.items():  # in its order: a file of tensors may come in any
        if tuple(weights[name].shape) != tuple(own.shape):
            raise _Unfit(
                f"the weights do not belong to this architecture: '{name}' is {tuple(weights[name].shape)} in the file and "
                f"{tuple(own.shape)} in the architecture"
            )
    module.load_state_dict(weights)


def make_reproducible(torch: Any, threads: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if threads:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    # TF32 would round float32 to ten bits: the protocol said float32.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
