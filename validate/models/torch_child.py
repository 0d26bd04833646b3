"""The child process that a torch program lives in: no network, no files of ours, bounded memory, no credentials.

It gets the checked archive over its channel and answers with arrays. If the program crashes, only this process ends.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.channel import Arrays, ChildGone, own_channel
from validate.models.child_answer import named, reply
from validate.models.sandbox import confine, own_folders


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, (content,) = channel.receive()
        cpu = request["device"] == "cpu"
        isolation = confine(own_folders(), limit_memory=cpu, use_devices=not cpu)
        # torch makes its compiler's cache folder as it is imported: one that exists, since none can be made any more
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = sys.prefix
        program = _Program()
        reply(channel, lambda: program.load(request, content, isolation))
        while True:
            _, (pixels,) = channel.receive()
            reply(channel, lambda pixels=pixels: program.predict(pixels))
    except ChildGone:
        return


class _Program:
    def __init__(self) -> None:
        self.module: Any = None
        self.device = "cpu"
        self.output: str | None = None

    def load(
        self, request: Mapping[str, Any], content: NDArray[np.uint8], isolation: list[str]
    ) -> tuple[dict[str, Any], Arrays]:
        import torch

        _make_reproducible(torch, int(request["threads"]))
        self.output = request["output"]
        self.device = "cuda" if request["device"] != "cpu" and torch.cuda.is_available() else "cpu"
        if request["device"] == "cuda" and self.device == "cpu":
            return {"error": "no_cuda", "message": f"torch {torch.__version__} finds no CUDA device here"}, ()
        archive = io.BytesIO(content.tobytes())
        if request["kind"] == "export":
            program = torch.export.load(archive)
            if self.device == "cuda":
                program = torch.export.passes.move_to_device_pass(program, self.device)
            self.module = program.module()
        else:
            self.module = torch.jit.load(archive, map_location=self.device).eval()
        return {
            "runtime": f"torch {torch.__version__}",
            "provider": self.device,
            "isolation": isolation,
            "parameters": sum(int(parameter.numel()) for parameter in self.module.parameters()),
        }, ()

    def predict(self, pixels: NDArray[np.float32]) -> tuple[dict[str, Any], Arrays]:
        import torch

        torch.manual_seed(0)  # a program that draws numbers draws the same for every batch
        with torch.inference_mode():
            batch = torch.from_numpy(np.array(pixels)).to(self.device)
            outputs = named(self.module(batch))
        wanted = self.output if self.output is not None else next(iter(outputs)) if len(outputs) == 1 else None
        if wanted is None or wanted not in outputs:
            return {"outputs": sorted(outputs)}, ()
        return {"outputs": sorted(outputs)}, (outputs[wanted].detach().cpu().numpy(),)


def _make_reproducible(torch: Any, threads: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if threads:
        torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    # TF32 would round float32 to ten bits: the protocol said float32.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
