"""A network of the size of a ResNet-18 as an ONNX file, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIDE = 224


def write_resnet18(path: Path, slices: int = 0) -> None:
    """Eight basic blocks of two 3 × 3 convolutions, 64 to 512 channels, 1.8 billion multiplications; weights mean nothing.

    slices : of a volume (1, slices, y, x), each of which goes through the network, their answers averaged; 0 for an image
    """
    from onnx import TensorProto, helper, numpy_helper, save

    rng = np.random.default_rng(1)
    nodes: list[Any] = []
    weights: list[Any] = []

    def convolution(into: str, outgoing: int, incoming: int, size: int, stride: int, *, relu: bool) -> str:
        name = f"v{len(nodes)}"
        kernel = rng.normal(0, (2 / (size * size * incoming)) ** 0.5, (outgoing, incoming, size, size)).astype(
            np.float32
        )
        weights.append(numpy_helper.from_array(kernel, f"{name}k"))
        nodes.append(
            helper.make_node("Conv", [into, f"{name}k"], [name], pads=[size // 2] * 4, strides=[stride, stride])
        )
        if relu:
            nodes.append(helper.make_node("Relu", [name], [f"{name}r"]))
        return f"{name}r" if relu else name

    if slices:
        shapes = {"planes": [-1, 1, SIDE, SIDE], "of_volume": [-1, slices, 1]}
        weights += [numpy_helper.from_array(np.array(shape, np.int64), name) for name, shape in shapes.items()]
        nodes.append(helper.make_node("Reshape", ["image", "planes"], ["each"]))
    last = convolution("each" if slices else "image", 64, 1 if slices else 3, 7, 2, relu=True)
    nodes.append(helper.make_node("MaxPool", [last], ["pool"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    last, channels = "pool", 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage and not block else 1
            first = convolution(last, width, channels, 3, stride, relu=True)
            second = convolution(first, width, width, 3, 1, relu=False)
            way = (
                last if stride == 1 and channels == width else convolution(last, width, channels, 1, stride, relu=False)
            )
            name = f"b{stage}{block}"
            nodes.append(helper.make_node("Add", [second, way], [f"{name}s"]))
            nodes.append(helper.make_node("Relu", [f"{name}s"], [name]))
            last, channels = name, width
    weights += [
        numpy_helper.from_array((rng.normal(0, 1, (1, 512)) / 5000).astype(np.float32), "w"),
        numpy_helper.from_array(np.zeros(1, np.float32), "b"),
    ]
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["of_slices" if slices else "logits"], transB=1),
    ]
    if slices:
        nodes += [
            helper.make_node("Reshape", ["of_slices", "of_volume"], ["answers"]),
            helper.make_node("ReduceMean", ["answers"], ["logits"], axes=[1], keepdims=0),
        ]
    shape = ["batch", 1, slices, SIDE, SIDE] if slices else ["batch", 3, SIDE, SIDE]
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, "resnet18", [given], [out], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
