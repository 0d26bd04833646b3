"""The trained network in the three forms that `validate` reads: ONNX, torch.export and TorchScript.

What the exporters add about the machine they ran on (paths in stack traces, pickled example inputs) is left out.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim
from torch.nn.utils.fusion import fuse_conv_bn_eval

from validate.phantoms.network import OpacityNet

OPSET = 18
NAME = "opacity"
LARGEST_BATCH = 4096


def write_models(network: OpacityNet, folder: Path) -> tuple[Path, ...]:
    """opacity.onnx, opacity.pt2 and opacity.ts: `image` (batch, 1, 128, 128) in, `logits` (batch, 1) out."""
    folder.mkdir(parents=True, exist_ok=True)
    network = fused(network)
    example = torch.zeros(2, 1, 128, 128)
    writers = {"onnx": _onnx, "pt2": _torch_export, "ts": _torchscript}
    paths = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters, about their own deprecations
        for suffix, contents in writers.items():
            path = folder / f"{NAME}.{suffix}"
            path.write_bytes(contents(network, example))
            paths.append(path)
    return tuple(paths)


def fused(network: OpacityNet) -> OpacityNet:
    """The same function with each batch normalisation folded into the convolution before it."""
    twin = OpacityNet()
    twin.eval()
    twin.load_state_dict(network.state_dict())
    for block in twin.features:
        convolution, normalisation = block[0], block[1]
        block[0], block[1] = fuse_conv_bn_eval(convolution, normalisation), nn.Identity()
    for weights in twin.parameters():
        weights.requires_grad = False
    return twin


def _onnx(network: OpacityNet, example: torch.Tensor) -> bytes:
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes={"image": {0: Dim("batch", min=1, max=LARGEST_BATCH)}},
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    for holder in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del holder.metadata_props[:]
    for holder in (*model.graph.value_info, *model.graph.initializer):
        del holder.metadata_props[:]
    contents: bytes = model.SerializeToString(deterministic=True)
    return contents


def _torch_export(network: OpacityNet, example: torch.Tensor) -> bytes:
    shapes = {"image": {0: Dim("batch", min=1, max=LARGEST_BATCH)}}
    program = torch.export.export(network, (example,), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    program.example_inputs = None
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _torchscript(network: OpacityNet, example: torch.Tensor) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.freeze(torch.jit.trace(network, example)), buffer)
    return _without(buffer, ".debug_pkl")


def _without(archive: io.BytesIO, suffix: str) -> bytes:
    """The zip archive, less the members whose names end so."""
    slim = io.BytesIO()
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(slim, "w", zipfile.ZIP_STORED) as target:
        for member in source.infolist():
            if not member.filename.endswith(suffix):
                target.writestr(zipfile.ZipInfo(member.filename), source.read(member))
    return slim.getvalue()
