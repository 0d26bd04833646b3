"""The child process of an ONNX model: hostile until proven otherwise, and with custom operators a vendor's machine code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from validate.models.child_answer import reply
from validate.models.left_to_device import batch
from validate.models.serving import Finished, Started, serve
from validate.processes.channel import Arrays, ChildGone, own_channel
from validate.processes.sandbox import confine, own_folders


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, contents = channel.receive()
        program = _Program()
        reply(channel, lambda: program.load(request, contents))
        serve(channel, program)
    except ChildGone:
        return


_Taken = tuple[list[str], dict[str, Any]]  # the outputs that are asked for, and inputs by name


class _Program:
    def __init__(self) -> None:
        self.session: Any = None

    def load(self, request: Mapping[str, Any], contents: tuple[NDArray[Any], ...]) -> tuple[dict[str, Any], Arrays]:
        from validate.models.onnx_session import NotOpened, ProviderMissing, open_session

        cpu = request["device"] == "cpu"
        library = None
        if request["library"]:
            library = f"/proc/self/fd/{os.memfd_create('operators')}"
            Path(library).write_bytes(contents[1].tobytes())  # exactly what was hashed, in memory
        isolation = confine(own_folders(), limit_memory=cpu, use_devices=not cpu)
        external = {name: part.tobytes() for name, part in zip(request["external"], contents[2:], strict=True)}
        try:
            self.session = open_session(
                contents[0].tobytes(),
                external,
                device=request["device"],
                provider=request["provider"],
                threads=int(request["threads"]),
                library=library,
            )
        except ProviderMissing as error:
            return {"error": "no_provider", "message": str(error)}, ()
        except NotOpened as error:
            return {"error": "not_opened", "message": str(error)}, ()
        return {
            "inputs": list(self.session.inputs),
            "outputs": list(self.session.outputs),
            "provider": self.session.provider,
            "notes": list(self.session.notes),
            "isolation": isolation,
        }, ()

    @property
    def ahead(self) -> bool:
        return bool(self.session is not None and self.session.device == "cuda")

    def take(self, header: Mapping[str, Any], arrays: Arrays) -> _Taken:
        """What the model is given, on its device."""
        if "left" not in header:
            return header["outputs"], self.session.placed(dict(zip(header["inputs"], arrays, strict=True)))
        import torch

        with torch.inference_mode():
            on_gpu = self.ahead and torch.cuda.is_available()
            there = [torch.from_numpy(one).to("cuda" if on_gpu else "cpu") for one in arrays]
            ready = batch(torch, header, there)
            if on_gpu:
                torch.cuda.current_stream().synchronize()  # the runtime computes on a stream of its own
        (name,) = header["inputs"]
        return header["outputs"], {name: ready} if on_gpu else self.session.placed({name: ready.numpy()})

    def start(self, taken: _Taken) -> Started:
        outputs, inputs = taken
        return Finished({}, self.session.computed(outputs, inputs))
