"""Tiny models with a known answer: logit = weight * mean(image) + bias, in every format."""

from __future__ import annotations

import dataclasses
import io
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from validate.cohort.case import Case
from validate.models.adapter import Batch
from validate.protocol.model import Model

sys.path.insert(0, str(Path(__file__).parent))
WEIGHT, BIAS = 4.0, -1.5


def make_model(**changes: Any) -> Model:
    block = {
        "id": "m",
        "name": "Tiny",
        "version": "1",
        "format": "onnx",
        "path": "tiny.onnx",
        "output": {"activation": "sigmoid", "kind": "probability"},
        **changes,
    }
    return Model.model_validate(block)


def make_cases(count: int, **changes: Any) -> tuple[Case, ...]:
    return tuple(
        Case(
            unit=f"unit-{number:03d}",
            patient=f"patient-{number:03d}",
            study=f"study-{number:03d}",
            series=f"series-{number:03d}",
            digest="0" * 64,
            has_label=True,
            **{"attributes": {}, "keys": {"case_id": f"A{number}"}, **changes},
        )
        for number in range(count)
    )


def make_onnx(
    *,
    columns: int = 1,
    shape: tuple[int | str, ...] = ("batch", 1, "height", "width"),
    element: int = TensorProto.FLOAT,
    outputs: tuple[str, ...] = ("logits",),
    operator: str = "Gemm",
    domain: str = "",
    weight: float = WEIGHT,
    external: str | None = None,
) -> bytes:
    channels = shape[1] if isinstance(shape[1], int) else 1
    values = np.full((columns, channels), weight / channels, dtype=np.float32)
    tensor = helper.make_tensor("weight", TensorProto.FLOAT, values.shape, values.tobytes(), raw=True)
    if external is not None:
        tensor = onnx.TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=values.shape)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=external)
        tensor.external_data.add(key="length", value=str(values.nbytes))
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
    ]
    nodes += [
        helper.make_node(operator, ["flat", "weight", "bias"], [name], domain=domain, transB=1) for name in outputs
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", element, shape)],
        [helper.make_tensor_value_info(name, element, [shape[0], columns]) for name in outputs],
        [tensor, helper.make_tensor("bias", TensorProto.FLOAT, [columns], [BIAS + step for step in range(columns)])],
    )
    imports = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString()


def make_pixels(count: int, *, channels: int = 1, size: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((count, channels, size, size), dtype=np.float32)


def expected_scores(pixels: np.ndarray) -> np.ndarray:
    """By hand: 1 / (1 + exp(-(4 * mean - 1.5)))."""
    logits = WEIGHT * pixels.astype(np.float64).mean(axis=(1, 2, 3)) + BIAS
    return 1 / (1 + np.exp(-logits))


def make_torch(kind: str, *, returns: str = "tensor") -> bytes:
    """The same model as torch.export archive ("export") or TorchScript ("torchscript")."""
    import torch

    class Tiny(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([[WEIGHT]]))
            self.bias = torch.nn.Parameter(torch.tensor([BIAS]))

        def forward(self, image: torch.Tensor) -> Any:
            logits = torch.nn.functional.linear(image.mean((2, 3)), self.weight, self.bias)
            return {"logits": logits, "double": logits * 2} if returns == "dict" else logits

    model, buffer = Tiny().eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "export":
            sizes = {"image": {0: torch.export.Dim("batch"), 2: torch.export.Dim("y"), 3: torch.export.Dim("x")}}
            torch.export.save(torch.export.export(model, (torch.zeros(2, 1, 8, 9),), dynamic_shapes=sizes), buffer)
        else:
            torch.jit.save(torch.jit.trace(model, torch.zeros(2, 1, 8, 8), strict=False), buffer)
    return buffer.getvalue()


def make_writing_script(path: str) -> bytes:
    """A TorchScript archive that writes a file while it is being loaded."""
    from typing import Tuple  # noqa: UP035 - the script compiler reads this annotation

    import torch

    class Writer(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.path = path

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.mean((2, 3))

        @torch.jit.export
        def __getstate__(self) -> Tuple[str, bool]:  # noqa: UP006
            return (self.path, self.training)

        @torch.jit.export
        def __setstate__(self, state: Tuple[str, bool]) -> None:  # noqa: UP006
            self.path = state[0]
            self.training = state[1]
            torch.save(torch.zeros(3), state[0])

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Writer()), buffer)
    return buffer.getvalue()


def write_dicom(path: Path, pixels: np.ndarray, *, study: str, series: str, instance: str, **header: Any) -> Path:
    """One 8-bit image with the identifiers that answers are matched by."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = DigitalXRayImageStorageForPresentation
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = instance
    image.StudyInstanceUID, image.SeriesInstanceUID, image.Modality = study, series, "DX"
    image.PatientID, image.PatientName, image.StudyID = "P1", "Nobody^Real", "1"
    image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = image.AccessionNumber = ""
    image.ReferringPhysicianName, image.SeriesNumber, image.InstanceNumber = "", 1, 1
    image.PhotometricInterpretation, image.SamplesPerPixel = "MONOCHROME2", 1
    image.Rows, image.Columns = pixels.shape
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.PixelData = pixels.astype(np.uint8).tobytes()
    for name, value in header.items():
        setattr(image, name, value)
    image.save_as(path, enforce_file_format=True)
    return path


def make_imaged(folder: Path, count: int, *, size: int = 8, seed: int = 5) -> Batch:
    """Cases with a DICOM file each, and the same pixels as grey in [0, 1], as the engine would hand them over."""
    values = np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)
    cases = []
    for number, (case, pixels) in enumerate(zip(make_cases(count), values, strict=True), start=1):
        uids = {
            "study": f"1.2.826.0.1.{number}",
            "series": f"1.2.826.0.1.{number}.1",
            "instance": f"1.2.826.0.1.{number}.1.1",
        }
        path = write_dicom(folder / f"image-{number}.dcm", pixels, **uids)
        keys = {
            **case.keys,
            "patient_id": "P1",
            "study_instance_uid": uids["study"],
            "series_instance_uid": uids["series"],
            "sop_instance_uid": uids["instance"],
        }
        cases.append(dataclasses.replace(case, files=(path,), keys=keys))
    return Batch(tuple(cases), (values[:, None] / np.float32(255)).astype(np.float32))


def make_batch(count: int, **changes: Any) -> Batch:
    return Batch(make_cases(count), make_pixels(count, **changes))


BUNDLE_NETWORK = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self, labels=False):
        super().__init__()
        self.labels = labels
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.bias = torch.nn.Parameter(torch.zeros(1))

    def forward(self, image):
        if self.labels:
            return self.weight * image + self.bias
        return self.weight * image.flatten(1).mean(1, keepdim=True) + self.bias
"""


def make_bundle(folder: Path, *, labels: bool = False, **changes: Any) -> Path:
    """A MONAI bundle of the tiny model; with `labels`, of a mask where it is above 0."""
    import json

    import torch

    after: list[dict[str, Any]] = [{"_target_": "SaveImaged", "keys": "pred", "output_dir": "$@bundle_root + '/eval'"}]
    if labels:
        after.insert(0, {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.0})
    configuration = {
        "bundle_root": ".",
        "device": "$torch.device('cuda')",
        "network_def": {"_target_": "scripts.tiny.Tiny", "labels": labels},
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {"_target_": "LoadImaged", "keys": "image"},
                {"_target_": "EnsureChannelFirstd", "keys": "image"},
                {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": 0, "a_max": 255, "b_min": 0, "b_max": 1},
            ],
        },
        "inferer": {"_target_": "SimpleInferer"},
        "postprocessing": {"_target_": "Compose", "transforms": after},
        **changes,
    }
    for name in ("configs", "models", "scripts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "configs/inference.json").write_text(json.dumps(configuration))
    (folder / "configs/metadata.json").write_text('{"name": "Tiny", "version": "0.3.1", "monai_version": "1.4.0"}')
    (folder / "scripts/__init__.py").write_text("")
    (folder / "scripts/tiny.py").write_text(BUNDLE_NETWORK)
    torch.save({"weight": torch.tensor([WEIGHT]), "bias": torch.tensor([BIAS])}, folder / "models/model.pt")
    return folder


@pytest.fixture
def bundle() -> Callable[..., Path]:
    return make_bundle


@pytest.fixture
def recording_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A folder with a "podman" that writes what it is asked to asked.jsonl; no other engine is found."""

    def made(program: str | None = None) -> Path:
        folder, here = tmp_path / "engine", Path(__file__).parent
        folder.mkdir(exist_ok=True)
        (folder / "podman").write_text(
            f'#!/bin/sh\nexec {sys.executable} -I {here / "recording_engine.py"} {folder} "$@"\n'
        )
        (folder / "podman").chmod(0o755)
        (folder / "run.sh").write_text(program or (here / "tiny_container.sh").read_text())
        found = {"podman": str(folder / "podman")}
        monkeypatch.setattr("validate.models.container_engine.shutil.which", found.get)
        return folder

    return made


@pytest.fixture
def model() -> Callable[..., Model]:
    return make_model


@pytest.fixture
def cases() -> Callable[..., tuple[Case, ...]]:
    return make_cases


@pytest.fixture
def batch() -> Callable[..., Batch]:
    return make_batch


@pytest.fixture
def imaged(tmp_path: Path) -> Callable[..., Batch]:
    def made(count: int, **changes: Any) -> Batch:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        return make_imaged(folder, count, **changes)

    return made


@pytest.fixture
def dicom() -> Callable[..., Path]:
    return write_dicom


@pytest.fixture
def expected() -> Callable[[np.ndarray], np.ndarray]:
    return expected_scores


@pytest.fixture
def onnx_bytes() -> Callable[..., bytes]:
    return make_onnx


@pytest.fixture(scope="session")
def torch_bytes() -> Callable[..., bytes]:
    return make_torch


@pytest.fixture(scope="session")
def writing_script() -> Callable[[str], bytes]:
    return make_writing_script


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with what authority.py writes."""
    from authority import write_certificates  # type: ignore[import-not-found]

    folder: Path = write_certificates(tmp_path)
    return folder


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write a file beside the protocol and give the protocol's folder."""

    def save(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path

    return save
