"""What one more pass over disturbed images costs beside the bare model, and whether memory grows with the number of severities.

A ResNet-18 in ONNX (random weights, 3 × 224 × 224, CPU) reads 512 × 512 radiographs of 16 bits. Bare: onnxruntime on arrays in memory,
the best of some repeats. One more pass: the run with five severities less the run without, by five; so it holds the disturbance in
native units, preprocessing, the way to the model's process and storing; what is loaded once is loaded before. Memory: the largest
resident size, looked at every 20 ms, of a process and its children with few passes and with many.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

SIZE, SIDE, BATCH = 512, 224, 8
CAUSES = (
    *(
        "quantum_noise",
        "detector_blur",
        "scatter",
        "tone_curve",
        "windowing",
        "bit_depth",
        "collimation",
        "laterality_marker",
    ),
    *("dead_lines", "rotation", "translation", "crop", "resize_chain", "jpeg", "burned_in_text"),
)
SEVERITIES = (1, 2, 3, 4, 5)
STEPS = (
    {"window": {"source": "window", "index": 0}},
    {"resize": {"size": [SIDE, SIDE], "method": "bilinear", "antialias": False}},
    {"channels": {"count": 3}},
)


def run(*, quick: bool) -> list[dict[str, Any]]:
    count, causes = (16, CAUSES[:2]) if quick else (24, CAUSES)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, files = folder / "resnet18.onnx", write_images(folder / "images", count)
        write_resnet18(model)
        engine_seconds(model, files[:BATCH], ((causes[0], 1),), folder / "first")
        for cause in causes:
            passes = tuple((cause, severity) for severity in SEVERITIES)
            # In turn, since the speed of a shared machine drifts; the best of each.
            bares, alones, manys = [], [], []
            for number in range(2):
                bares += [bare_seconds(model, count), bare_seconds(model, count)]
                alones.append(engine_seconds(model, files, (), folder / f"{cause}-clean{number}"))
                manys.append(engine_seconds(model, files, passes, folder / f"{cause}{number}"))
            bare = min(bares)
            added = (min(manys) - min(alones)) / len(passes) - bare
            rows.append(
                {"name": f"one more pass, {cause}, {count} images", "peer_name": "bare ResNet-18", "ours": max(added, 1e-6), "peer": bare,
                 "note": f"adds {added / bare:.0%} of the bare model's time"}
            )  # fmt: skip
        numbers = (1, 3) if quick else (5, 45)
        few, more = (peak_megabytes(model, files, number) for number in numbers)
        rows.append(
            {
                "name": f"peak memory, {numbers[1]} passes (GB)",
                "peer_name": f"{numbers[0]} passes (GB)",
                "ours": more / 1000,
                "peer": few / 1000,
                "note": "",
            }
        )
    return rows


def bare_seconds(model: Path, count: int) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    batches = [np.random.default_rng(1).random((BATCH, 3, SIDE, SIDE), np.float32) for _ in range(count // BATCH)]
    session.run(None, {"image": batches[0]})
    start = time.perf_counter()
    for batch in batches:
        session.run(None, {"image": batch})
    return time.perf_counter() - start


def engine_seconds(model: Path, files: Sequence[Path], passes: Sequence[tuple[str, int]], out: Path) -> float:
    from validate.inference.local import LocalEngine
    from validate.inference.store import read_inference

    plan = planned(model, files, passes)
    start = time.perf_counter()
    LocalEngine(kind="thread").run(plan, out=out, resume=False)
    seconds = time.perf_counter() - start
    rows = read_inference(out)
    assert rows.num_rows == len(files) * (1 + len(passes))
    assert set(rows["status"].to_pylist()) == {"ok"}
    return seconds


def peak_megabytes(model: Path, files: Sequence[Path], passes: int) -> float:
    """Of a process of its own."""
    command = [sys.executable, __file__, str(model), str(passes), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return float(done.stdout.split()[-1])


def planned(model: Path, files: Sequence[Path], passes: Sequence[tuple[str, int]]) -> Any:
    from validate.cohort.case import Case, Cohort
    from validate.inference.plan import make_plan
    from validate.models.load import load_models
    from validate.protocol.passes import CLEAN, Pass
    from validate.protocol.schema import StudyProtocol
    from validate.registry import load

    protocol = StudyProtocol.model_validate(
        {
            "schema_version": "1", "id": "bench", "version": "1", "title": "Bench", "profile": "acceptance", "intended_use": "Bench",
            "task": "classification", "seed": 1,
            "cohort": {"sources": [{"dicom": "x"}], "unit": "image", "sampling": "random"},
            "reference": {"table": "r", "key": "k", "level": "image", "label": "opacity", "positive": 1, "standard": "s"},
            "models": [{
                "id": "m", "name": "m", "version": "1", "format": "onnx", "path": str(model), "preprocess": STEPS,
                "output": {"activation": "sigmoid", "kind": "probability"},
            }],
            "inference": {"batch_size": BATCH, "device": "cpu"},
            "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
        }
    )  # fmt: skip
    cases = tuple(
        Case(f"u{n}", f"p{n}", f"s{n}", f"e{n}", "0" * 64, {}, has_label=True, files=(path,))
        for n, path in enumerate(files)
    )
    disturbed = tuple(
        Pass(
            f"{cause}-{number}",
            volume_transform={
                "name": cause,
                "options": load("perturbations", cause).severities[(number - 1) % 5],
                "seed": 1,
                "stream": cause,
            },
        )
        for cause, number in passes
    )
    return make_plan(protocol, Cohort(cases, (), (), "0" * 64), load_models(protocol, base=Path()), (CLEAN, *disturbed))


def write_images(folder: Path, count: int) -> list[Path]:
    """Explicit little endian, so that decoding is the least it can be."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:SIZE, :SIZE]
    files = []
    for number in range(count):
        pixels = (1500 + 900 * np.sin(x / 40 + number) * np.cos(y / 50) + rng.normal(0, 30, (SIZE, SIZE))).clip(0, 4095)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.1.1"
        meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        dataset.Rows = dataset.Columns = SIZE
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.PixelSpacing, dataset.WindowCenter, dataset.WindowWidth = [0.2, 0.2], 1500, 2400
        dataset.PixelData = pixels.astype(np.uint16).tobytes()
        path = folder / f"{number}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        files.append(path)
    return files


def write_resnet18(path: Path) -> None:
    """Eight basic blocks of two 3 × 3 convolutions, 64 to 512 channels, 1.8 billion multiplications; weights mean nothing."""
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

    last = convolution("image", 64, 3, 7, 2, relu=True)
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
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], transB=1),
    ]
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, "resnet18", [given], [out], weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def _child() -> None:
    model, passes, *files = sys.argv[1:]
    sys.path.insert(0, str(Path(__file__).parents[2]))
    wanted = [("quantum_noise", number) for number in range(int(passes))]
    own, most, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            with contextlib.suppress(psutil.Error):
                most[0] = max(most[0], sum(one.memory_info().rss for one in (own, *own.children(recursive=True))))

    threading.Thread(target=watch, daemon=True).start()
    with tempfile.TemporaryDirectory() as out:
        engine_seconds(Path(model), [Path(file) for file in files], wanted, Path(out, "o"))
    done.set()
    print(most[0] / 1e6)


if __name__ == "__main__":
    _child()
