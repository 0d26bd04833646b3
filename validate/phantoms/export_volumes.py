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


def read_weights(network: nn.Module, path: Path) -> None:
    """Give the network the weights of a file that `write_onnx` wrote. Of a normalisation that was folded into the convolution before
    it, the shift becomes the bias; it then has to be left in evaluation.
    """
    import onnx

    held = {
        one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in onnx.load(path).graph.initializer
    }
    layers = dict(network.named_modules())
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name in held:
                weights.copy_(held[name])
        for name, shift in held.items():
            convolution, _, folded = name.rpartition(".weight_bias")
            if convolution and not folded:
                parent, _, place = convolution.rpartition(".")
                norm = layers[f"{parent}.{int(place) + 1}"]
                norm.weight.fill_(1.0)
                norm.bias.copy_(shift)
                norm.running_mean.zero_()
                norm.running_var.fill_(1.0 - norm.eps)
