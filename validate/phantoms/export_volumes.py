"""A trained network of volumes as an ONNX file: `volume` (batch, 1, z, y, x) in, `logits` out, without a trace of the machine."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn
from torch.export import Dim

OPSET = 18


def write_onnx(network: nn.Module, path: Path) -> None:
    """Batch and all three axes are free."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for weights in network.parameters():
        weights.requires_grad = False
    free = {
        0: Dim("batch", min=1, max=64),
        2: Dim("z", min=1, max=4096),
        3: Dim("y", min=8, max=4096),
        4: Dim("x", min=8, max=4096),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its own deprecations
        program = torch.onnx.export(
            network,
            (torch.zeros(2, 1, 12, 48, 56),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["volume"],
            output_names=["logits"],
            dynamic_shapes={"volume": free},
            external_data=False,
            verbose=False,
        )
    model = program.model_proto
    for holder in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        del holder.metadata_props[:]
    for holder in (*model.graph.value_info, *model.graph.initializer):
        del holder.metadata_props[:]
    path.write_bytes(model.SerializeToString(deterministic=True))
