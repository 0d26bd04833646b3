"""A small study of real DICOM files, a tiny ONNX model, and what a test needs to run them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from validate.cohort.case import Case, Cohort
from validate.inference.plan import InferencePlan, make_plan
from validate.models.begun import Begun
from validate.models.load import load_models
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol

SIZE = 8
STEPS = [{"window": {"source": "values", "center": 500.0, "width": 1001.0}}]
MODEL = {"id": "m", "name": "Tiny", "version": "1", "format": "onnx", "path": "tiny.onnx", "preprocess": STEPS}
# not in a process of its own, which would take half a second for each of these tests; test_containment.py does it
HERE = {"options": {"contained": False}}
OUTPUT = {"activation": "sigmoid", "kind": "probability"}


def write_onnx(path: Path, *, batch: int | str = "batch", bias: float = -1.5, size: int | str = "size") -> None:
    """Logit = 4 * mean(image) + bias."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 1, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 1])],
        [
            helper.make_tensor("weight", TensorProto.FLOAT, [1, 1], [4.0]),
            helper.make_tensor("bias", TensorProto.FLOAT, [1], [bias]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def write_dicom(path: Path, pixels: NDArray[np.uint16]) -> None:
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)


def write_study(folder: Path, count: int, *, files_per_case: int = 1, broken: tuple[int, ...] = ()) -> tuple[Case, ...]:
    """`count` cases with images of random grey; a broken case's last file is no DICOM file."""
    generator = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in range(count):
        files = tuple(folder / f"{number:04d}-{image}.dcm" for image in range(files_per_case))
        for file in files:
            write_dicom(file, generator.integers(0, 1001, (SIZE, SIZE), dtype=np.uint16))
        if number in broken:
            files[-1].write_bytes(b"this is no image")
        cases.append(
            Case(
                unit=f"u{number:04d}",
                patient=f"p{number // 2:04d}",
                study=f"s{number:04d}",
                series=f"e{number:04d}",
                digest=f"{number:064x}",
                attributes={"sex": "F" if number % 2 else "M"},
                has_label=True,
                files=files,
                keys={"case_id": f"C{number}"},
            )
        )
    return tuple(cases)


def _block(model: dict[str, Any]) -> dict[str, Any]:
    block = {"output": OUTPUT, **MODEL, **model}
    return {**(HERE if block["format"] == "onnx" else {}), **block}


def make_protocol(
    models: list[dict[str, Any]] | None = None, *, unit: str = "image", **inference: Any
) -> StudyProtocol:
    return StudyProtocol.model_validate(
        {
            "schema_version": "1",
            "id": "test",
            "version": "1",
            "title": "Test",
            "profile": "acceptance",
            "intended_use": "Test",
            "task": "classification",
            "seed": 1,
            "cohort": {"sources": [{"dicom": "x"}], "unit": unit, "sampling": "random"},
            "reference": {
                "table": "r.csv",
                "key": "case_id",
                "level": "image",
                "label": "opacity",
                "positive": 1,
                "standard": "by construction",
            },
            "models": [_block(model) for model in models or [{}]],
            "inference": {"shard_size": 8, "batch_size": 4, "workers": 2, "device": "cpu", **inference},
            "endpoints": [{"id": "auroc", "metric": "classification.auroc", "role": "primary"}],
        }
    )


def make_a_plan(
    folder: Path,
    cases: tuple[Case, ...],
    models: list[dict[str, Any]] | None = None,
    *,
    passes: tuple[Pass, ...] = (CLEAN,),
    unit: str = "image",
    **inference: Any,
) -> InferencePlan:
    if not (folder / "tiny.onnx").exists():
        write_onnx(folder / "tiny.onnx")
    protocol = make_protocol(models, unit=unit, **inference)
    cohort = Cohort(cases, (), (), "c" * 64)
    return make_plan(protocol, cohort, load_models(protocol, base=folder, threads=1), passes)


def _put_before(loaded: Any, predict: Callable[[Callable[[Any], Any], Any], Any]) -> None:
    """Let `predict(real, batch)` answer in the place of an open model, when the turn of each batch has come."""
    begin = loaded.begin

    def real(batch: Any) -> Any:
        return begin(batch).answer()

    loaded.begin = lambda batch: Begun(lambda: predict(real, batch))


def folder_bytes(folder: Path) -> Mapping[str, bytes]:
    """Every result of a run by name; timings are not results."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timing.parquet"
    }


@pytest.fixture
def study() -> Callable[..., tuple[Case, ...]]:
    return write_study


@pytest.fixture
def plan() -> Callable[..., InferencePlan]:
    return make_a_plan


@pytest.fixture
def protocol() -> Callable[..., StudyProtocol]:
    return make_protocol


@pytest.fixture
def tiny_onnx() -> Callable[..., None]:
    return write_onnx


@pytest.fixture
def dicom() -> Callable[..., None]:
    return write_dicom


@pytest.fixture
def results_of() -> Callable[[Path], Mapping[str, bytes]]:
    return folder_bytes


@pytest.fixture
def put_before() -> Callable[..., None]:
    return _put_before


@pytest.fixture
def dicom_file() -> Callable[..., None]:
    return write_dicom
