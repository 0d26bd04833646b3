"""The whole way from DICOM files to stored scores, against its parts run alone and against one case after the other.

Peers, on the same files, model, batch size and threads, in the same run:
  slower part alone : the larger of a bare onnxruntime loop over arrays already in memory, and of decoding alone by the
      best arrangement of workers that this machine has
  both parts in turn : the sum of the two, which is the least that is possible where both keep all cores busy
  one by one : read, preprocess and run each case in turn
A ratio of 1 to the slower part means that everything else was free.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from validate.cohort.case import Case, Cohort
from validate.imaging.dicom import read_image
from validate.imaging.preprocess import apply
from validate.imaging.volume import DecodeFailure
from validate.inference.decode import DecodeTask, decode
from validate.inference.decoders import Decoders
from validate.inference.local import LocalEngine
from validate.inference.plan import InferencePlan, make_plan
from validate.inference.store import read_inference
from validate.inference.view import View
from validate.models.load import load_models
from validate.models.prediction import Failure
from validate.protocol.schema import StudyProtocol
from validate.resources import resource

STEPS = (
    {"window": {"source": "voi_lut", "index": 0}},
    {"resize": {"size": [128, 128], "method": "bilinear", "antialias": True}},
    {"scale": {"to": [0.0, 1.0]}},
)
BATCH = 16
DEVICE = """
import time
import numpy as np

def answer(images):
    time.sleep(0.06)
    return np.zeros(len(images))
"""
KINDS = (("thread", 1), ("thread", 2), ("process", 1), ("process", 2))


def run(*, quick: bool) -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = _readable(resource("sample_data", "cxr"))
        light, heavy = resource("sample_data", "models", "opacity.onnx"), Path(folder, "heavy.onnx")
        heaviest = Path(folder, "heaviest.onnx")
        _write_heavy(heavy, 48)
        _write_heavy(heaviest, 96)  # 1.7 thousand million multiplications a case, as a ResNet-18 needs for 224 × 224
        for name, model, count in (
            ("sample model", light, 4000),
            ("small network", heavy, 1000),
            ("network of ResNet-18 size", heaviest, 300),
        ):
            paths = [files[number % len(files)] for number in range(200 if quick else count)]
            rows += _rows(name, model, paths, Path(folder, name))
        rows.append(_elsewhere([files[number % len(files)] for number in range(320 if quick else 4800)], Path(folder)))
    return rows


def _elsewhere(paths: Sequence[Path], folder: Path) -> dict[str, Any]:
    """A device that takes no processor, as a GPU is to this program: a model in a process of its own that waits."""
    (folder / "device.py").write_text(DEVICE)
    block = {"format": "python", "path": str(folder / "device.py"), "options": {"call": "device:answer"}}
    plan = replace(_plan(block, paths), batch_size=32)
    found = min((_pipeline(plan, folder / f"device-{kind}", kind), kind) for kind in ("thread", "process"))
    return {
        "name": f"DICOM to stored scores, a device of its own with 60 ms a batch of 32, {len(paths):,} cases",
        "peer_name": "device alone",
        "ours": found[0],
        "peer": 0.06 * -(-len(paths) // 32),
        "note": f"{found[1]} workers",
    }


def _rows(name: str, model: Path, paths: Sequence[Path], folder: Path) -> list[dict[str, Any]]:
    plan = _plan(model, paths)
    decoding, arranged = min((_decoding(paths, kind, count), f"{count} {kind}") for kind, count in KINDS)
    images = [_image(path) for path in paths]
    bare, scores = _bare(model, images)
    ours = min(_pipeline(plan, folder / kind, kind) for kind in ("thread", "process"))
    table = read_inference(folder / "thread").column("score").to_pylist()
    np.testing.assert_allclose(table, scores, rtol=1e-6, atol=1e-9)  # equal outputs first
    subject = f"DICOM to stored scores, {name}, {len(paths):,} cases"
    parts = f"bare {bare:.2f} s, decoding {decoding:.2f} s by {arranged} workers"
    some = paths[: max(len(paths) // 8, 100)]
    naive = _one_by_one(plan, some) * len(paths) / len(some)
    return [
        {"name": subject, "peer_name": "slower part alone", "ours": ours, "peer": max(bare, decoding), "note": parts},
        # Where both parts use every core, as on a processor alone, nothing can take less than the two together.
        {"name": subject, "peer_name": "both parts in turn", "ours": ours, "peer": bare + decoding, "note": parts},
        {
            "name": subject,
            "peer_name": "one by one",
            "ours": ours,
            "peer": naive,
            "note": f"extrapolated from {len(some):,} cases",
        },
    ]


def _pipeline(plan: InferencePlan, out: Path, kind: Any) -> float:
    start = time.perf_counter()
    LocalEngine(kind=kind).run(plan, out=out, resume=False)
    return time.perf_counter() - start


def _decoding(paths: Sequence[Path], kind: Any, count: int) -> float:
    decoders = Decoders(count, kind)
    list(
        decoders.stream(
            DecodeTask(-1 - place, (path,), (View(STEPS),)) for place, path in enumerate(paths[: 8 * count])
        )
    )
    start = time.perf_counter()
    for _ in decoders.stream(DecodeTask(place, (path,), (View(STEPS),)) for place, path in enumerate(paths)):
        pass
    seconds = time.perf_counter() - start
    decoders.close()
    return seconds


def _bare(model: Path, images: Sequence[np.ndarray]) -> tuple[float, np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
    batches = [np.stack(images[start : start + BATCH]) for start in range(0, len(images), BATCH)]
    session.run(None, {"image": batches[0]})
    start = time.perf_counter()
    logits = [session.run(None, {"image": batch})[0] for batch in batches]
    seconds = time.perf_counter() - start
    return seconds, 1 / (1 + np.exp(-np.concatenate(logits).astype(np.float64)[:, 0]))


def _one_by_one(plan: InferencePlan, paths: Sequence[Path]) -> float:
    from validate.models.adapter import Batch

    loaded = plan.models[0].loaded
    start = time.perf_counter()
    for case, path in zip(plan.cases, paths, strict=False):
        loaded.predict(Batch((case,), apply(read_image(path), STEPS)[None]))
    return time.perf_counter() - start


def _image(path: Path) -> np.ndarray:
    (image,) = decode(DecodeTask(0, (path,), (View(STEPS),))).images
    assert not isinstance(image, Failure)
    return image


def _readable(folder: Path) -> list[Path]:
    files = []
    for path in sorted(folder.rglob("*.dcm")):
        try:
            apply(read_image(path), STEPS)
        except DecodeFailure:
            continue
        files.append(path)
    return files


def _plan(model: Path | dict[str, Any], paths: Sequence[Path]) -> InferencePlan:
    protocol = StudyProtocol.model_validate(
        {
            "schema_version": "1",
            "id": "bench",
            "version": "1",
            "title": "Bench",
            "profile": "acceptance",
            "intended_use": "Bench",
            "task": "classification",
            "seed": 1,
            "cohort": {"sources": [{"dicom": "x"}], "unit": "image", "sampling": "random"},
            "reference": {
                "table": "r",
                "key": "k",
                "level": "image",
                "label": "opacity",
                "positive": 1,
                "standard": "s",
            },
            "models": [
                {
                    "id": "m",
                    "name": "m",
                    "version": "1",
                    **(model if isinstance(model, dict) else {"format": "onnx", "path": str(model)}),
                    "preprocess": STEPS,
                    "output": {"activation": "sigmoid", "kind": "probability"},
                }
            ],
            "inference": {"batch_size": BATCH, "device": "cpu"},
            "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
        }
    )
    cases = tuple(
        Case(f"u{number}", f"p{number}", f"s{number}", f"e{number}", "0" * 64, {}, has_label=True, files=(path,))
        for number, path in enumerate(paths)
    )
    return make_plan(protocol, Cohort(cases, (), (), "0" * 64), load_models(protocol, base=Path()))


def _write_heavy(path: Path, width: int) -> None:
    """A plain convolutional model of `width` channels; 0.4 thousand million multiplications a case with 48."""
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(1)
    nodes, weights, last, channels = [], [], "image", 1
    for layer in range(6):
        kernel = generator.normal(0, (2 / (9 * channels)) ** 0.5, (width, channels, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"k{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"k{layer}"], [f"c{layer}"], pads=[1, 1, 1, 1], strides=[1, 1]))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        last, channels = f"r{layer}", width
        if layer == 0:
            nodes.append(helper.make_node("MaxPool", [last], ["small"], kernel_shape=[2, 2], strides=[2, 2]))
            last = "small"
    head = (generator.normal(0, 1, (1, width)) / width).astype(np.float32)
    weights += [numpy_helper.from_array(head, "w"), numpy_helper.from_array(np.zeros(1, np.float32), "b")]
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "heavy",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 128, 128])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
