"""The child process that a MONAI bundle lives in: it reads its own folder and the case in hand, and can write nothing."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.models.child_answer import reply
from validate.models.torch_child import fill, make_reproducible
from validate.processes.channel import Arrays, ChildGone, own_channel
from validate.processes.sandbox import confine, own_folders


def main() -> None:
    """Serve until the parent closes the pipe."""
    channel = own_channel()
    try:
        request, (weights,) = channel.receive()
        bundle = _Bundle()
        reply(channel, lambda: bundle.load(request, weights))
        while True:
            header, _ = channel.receive()
            reply(channel, lambda header=header: bundle.predict(header))
    except ChildGone:
        return


class _Bundle:
    def __init__(self) -> None:
        self.parser: Any = None
        self.network: Any = None
        self.device: Any = None
        self.request: Mapping[str, Any] = {}

    def load(self, request: Mapping[str, Any], weights: NDArray[np.uint8]) -> tuple[dict[str, Any], Arrays]:
        cpu = request["device"] == "cpu"
        readable = [*own_folders(), Path(request["folder"]), Path(request["scratch"])]
        isolation = confine(readable, limit_memory=cpu, use_devices=not cpu)
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = sys.prefix
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(request["folder"]))  # a bundle may bring scripts of its own
        # MONAI draws with it where it is there; here it would look for fonts and write them into a cache, at length
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
        import monai
        import torch
        from monai.bundle import ConfigParser

        make_reproducible(torch, int(request["threads"]))
        found = "cuda" if not cpu and torch.cuda.is_available() else "cpu"
        if request["device"] == "cuda" and found == "cpu":
            return {"error": "no_cuda", "message": f"torch {torch.__version__} finds no CUDA device here"}, ()
        self.request, self.device = request, torch.device(found)
        parser = ConfigParser()
        parser.read_config(str(Path(request["folder"], request["config"])))
        parser["bundle_root"] = request["folder"]
        parser["device"] = f"$torch.device('{found}')"
        for key, value in request["overrides"].items():
            parser[key] = value
        left_out = _without_saving(parser, request["postprocessing"])
        if request["kind"] == "torchscript":
            self.network = torch.jit.load(io.BytesIO(weights.tobytes()), map_location=found).eval()
        else:
            self.network = parser.get_parsed_content(request["network"]).to(self.device).eval()
            fill(self.network, torch.load(io.BytesIO(weights.tobytes()), map_location=found, weights_only=True))
        self.parser = parser
        for name in ("preprocessing", "inferer", "postprocessing"):
            if request[name] is not None:
                parser.get_parsed_content(request[name])
        return {
            "monai": str(monai.__version__),
            "torch": str(torch.__version__),
            "provider": found,
            "isolation": isolation,
            "left_out": left_out,
            "parameters": sum(int(one.numel()) for one in self.network.parameters()),
        }, ()

    def predict(self, header: Mapping[str, Any]) -> tuple[dict[str, Any], Arrays]:
        import torch
        from monai.data import MetaTensor

        request, parser = self.request, self.parser
        image, output = request["image_key"], request["output_key"]
        torch.manual_seed(0)
        with torch.inference_mode():
            data = parser.get_parsed_content(request["preprocessing"])({image: header["image"]})
            given = data[image]
            inferer = parser.get_parsed_content(request["inferer"])
            found = inferer(torch.as_tensor(given)[None].to(self.device), self.network)
            if isinstance(found, tuple | list):
                found = found[0]
            data[output] = MetaTensor(torch.as_tensor(found)[0], affine=given.affine, meta=dict(given.meta))
            if request["postprocessing"] is not None:
                data = parser.get_parsed_content(request["postprocessing"])(data)
        values = data[output]
        affine = values.affine if isinstance(values, MetaTensor) else given.affine
        array = np.asarray(torch.as_tensor(values).detach().cpu().numpy())
        kind = np.float64 if array.dtype.kind == "f" else np.int64
        return {}, (array.astype(kind), np.asarray(affine.cpu().numpy(), np.float64))


def _without_saving(parser: Any, postprocessing: str | None) -> list[str]:
    """Take transforms out of the configuration that write files; their names."""
    if postprocessing is None:
        return []
    block = parser.config.get(postprocessing)
    transforms = block.get("transforms") if isinstance(block, dict) else None
    if not isinstance(transforms, list):
        return []
    saving = [one for one in transforms if isinstance(one, dict) and "Save" in str(one.get("_target_", ""))]
    for one in saving:
        transforms.remove(one)
    return [str(one["_target_"]) for one in saving]
