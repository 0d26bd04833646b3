"""Models of volumes: a series in, a mask on its own grid out, whatever became of the voxels in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.cohort.case import Case, Cohort
from validate.errors import ModelError, ProtocolError
from validate.imaging.mask import Grid
from validate.imaging.nifti import image_bytes, read_mask
from validate.inference.local import LocalEngine
from validate.inference.plan import InferencePlan, make_plan
from validate.inference.store import mask_file, read_inference
from validate.models.load import load_models
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol

ENGINE = LocalEngine(kind="thread")
COS, SIN = np.cos(0.2), np.sin(0.2)
# columns run to posterior, rows to the right and a little down, slices up and a little to the left
OBLIQUE = np.array([[0, -0.9 * COS, 2 * SIN, 30], [1, 0, 0, -20], [0, 0.9 * SIN, 2 * COS, 5], [0, 0, 0, 1]])
STEPS = [
    {"orientation": {"to": "RAS"}},
    {"spacing": {"to": [2.0, 0.9, 0.9], "method": "linear"}},
    {"clip": {"low": 0.0, "high": 1000.0}},
]
POST = [
    {"to_image_grid": {"method": "linear"}},
    {"threshold": {"at": 0.5, "labels": [3]}},
    {"remove_small": {"voxels": 4}},
]
WINDOW = {"size": [4, 8, 8], "overlap": 0.5, "blending": "gaussian"}


def write_voxelwise(path: Path, *, planar: bool = False) -> None:
    """Logit = (value - 500) / 50 of each voxel."""
    from onnx import TensorProto, helper

    axes = ["n", 1, "y", "x"] if planar else ["n", 1, "z", "y", "x"]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "scale"], ["scaled"]), helper.make_node("Add", ["scaled", "bias"], ["out"])],
        "voxelwise",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, axes)],
        [helper.make_tensor("scale", TensorProto.FLOAT, [1], [0.02]), helper.make_tensor("bias", TensorProto.FLOAT, [1], [-10])],
    )  # fmt: skip
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    )


def ball(number: int, shape: tuple[int, int, int] = (9, 21, 19)) -> np.ndarray:
    """900 within 12 mm of a point, 100 without; smooth at the edge, so that interpolation loses little."""
    z, y, x = np.meshgrid(*(np.arange(size) for size in shape), indexing="ij")
    centre = np.array([9 + number % 3, 10, 4, 1]) @ OBLIQUE.T
    points = np.stack([x, y, z, np.ones_like(x)], axis=-1) @ OBLIQUE.T
    distance = np.linalg.norm(points[..., :3] - centre[:3], axis=-1)
    return (100 + 800 / (1 + np.exp((distance - 6) / 0.7))).astype(np.float32)


def volumes(folder: Path, count: int, *, shapes: list[tuple[int, int, int]] | None = None) -> tuple[Case, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number in range(count):
        shape = (shapes or [(9, 21, 19)])[number % len(shapes or [1])]
        path = folder / f"{number}.nii.gz"
        path.write_bytes(image_bytes(ball(number, shape), Grid(shape, OBLIQUE)))
        cases.append(Case(f"u{number}", f"p{number}", f"s{number}", f"e{number}", "0" * 64, {}, True, (path,)))
    return tuple(cases)


def study(models: list[dict[str, Any]], task: str = "segmentation") -> StudyProtocol:
    model = {
        "id": "m", "name": "M", "version": "1", "format": "onnx", "path": "voxelwise.onnx", "input": "series",
        "preprocess": STEPS, "sliding_window": WINDOW, "output": {"activation": "sigmoid", "kind": "mask"}, "postprocess": POST,
    }  # fmt: skip
    return StudyProtocol.model_validate(
        {
            "schema_version": "1", "id": "t", "version": "1", "title": "T", "profile": "acceptance", "intended_use": "T",
            "task": task, "seed": 1,
            "cohort": {"sources": [{"nifti": "x"}], "unit": "image", "sampling": "random"},
            "reference": {"masks": "r", "names": "{patient}.nii.gz", "level": "image", "classes": {"organ": 3}, "standard": "s"},
            "models": [{**model, **one} for one in models],
            "inference": {"shard_size": 2, "batch_size": 2, "workers": 2, "device": "cpu"},
            "endpoints": [{"id": "dice", "metric": "segmentation.mean.dice", "role": "primary"}],
        }
    )  # fmt: skip


def planned(
    folder: Path, cases: tuple[Case, ...], *models: dict[str, Any], passes: tuple[Pass, ...] = (CLEAN,)
) -> InferencePlan:
    write_voxelwise(folder / "voxelwise.onnx")
    write_voxelwise(folder / "planes.onnx", planar=True)
    protocol = study(list(models) or [{}])
    loaded = load_models(protocol, base=folder, threads=1)
    return make_plan(protocol, Cohort(cases, (), (), "c" * 64), loaded, passes)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_volume_becomes_a_mask_on_its_own_grid(tmp_path: Path, kind: Any) -> None:
    cases = volumes(tmp_path / "nifti", 3)
    LocalEngine(kind=kind).run(planned(tmp_path, cases), out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [(row["unit"], row["status"], row["target"]) for row in rows] == [(f"u{n}", "ok", "organ") for n in range(3)]
    for number, row in enumerate(rows):
        mask = read_mask(mask_file(tmp_path / "out", "m", "clean", f"u{number}"))
        truth = ball(number) >= 500
        assert mask.grid.is_same(Grid((9, 21, 19), OBLIQUE))
        assert set(np.unique(mask.labels)) == {0, 3}
        assert dice(mask.labels == 3, truth) > 0.97
        voxel = float(np.prod(mask.grid.spacing)) / 1000
        assert row["score"] == pytest.approx((mask.labels == 3).sum() * voxel)


def test_planes_windows_and_whole_volumes_say_the_same(tmp_path: Path) -> None:
    still = {"preprocess": []}
    models = (
        {"id": "windows", **still},
        {"id": "whole", "sliding_window": None, **still},
        {"id": "planes", "path": "planes.onnx", "sliding_window": {**WINDOW, "size": [8, 8]}, **still},
    )
    ENGINE.run(planned(tmp_path, volumes(tmp_path / "nifti", 2), *models), out=tmp_path / "out", resume=False)
    for number in range(2):
        labels = [read_mask(mask_file(tmp_path / "out", m["id"], "clean", f"u{number}")).labels for m in models]
        assert (labels[0] == (ball(number) >= 500) * 3).all()
        assert all((one == labels[0]).all() for one in labels[1:])


def test_a_volume_is_disturbed_and_its_mask_still_lies_on_the_image(tmp_path: Path) -> None:
    noisy = Pass("noisy", volume_transform={"name": "gaussian_noise", "options": {"sigma": 300.0}, "seed": 3})
    ENGINE.run(
        planned(tmp_path, volumes(tmp_path / "nifti", 2), passes=(CLEAN, noisy)), out=tmp_path / "out", resume=False
    )
    scores = {(row["pass"], row["unit"]): row["score"] for row in read_inference(tmp_path / "out").to_pylist()}
    assert len(scores) == 4 and scores["noisy", "u0"] != scores["clean", "u0"]
    assert read_mask(mask_file(tmp_path / "out", "m", "noisy", "u0")).grid.is_same(Grid((9, 21, 19), OBLIQUE))


def test_volumes_of_several_sizes_go_one_by_one(tmp_path: Path) -> None:
    shapes = [(9, 21, 19), (3, 7, 30), (1, 5, 5)]
    cases = volumes(tmp_path / "nifti", 6, shapes=shapes)
    ENGINE.run(planned(tmp_path, cases), out=tmp_path / "out", resume=False)
    for number in range(6):
        assert read_mask(mask_file(tmp_path / "out", "m", "clean", f"u{number}")).labels.shape == shapes[number % 3]


def test_a_broken_volume_is_a_row_and_so_is_one_without_a_place(tmp_path: Path) -> None:
    import nibabel

    cases = volumes(tmp_path / "nifti", 4)
    cases[1].files[0].write_bytes(b"no volume")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.float32), None), cases[2].files[0])
    broken = (*cases[:3], replace(cases[3], files=()))
    ENGINE.run(planned(tmp_path, broken), out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["status"] for row in rows] == ["ok", "failed", "failed", "failed"]
    assert rows[1]["failure"].startswith("decode:") and rows[3]["failure"] == "no_image"


def test_a_volume_larger_than_memory_is_its_own_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from validate.inference import volume_model

    def exhausted(*_: Any) -> Any:
        raise MemoryError("Unable to allocate 99 TiB")

    work = planned(tmp_path, volumes(tmp_path / "nifti", 2), {"preprocess": []})
    real = volume_model.slide
    monkeypatch.setattr(
        volume_model, "slide", lambda volume, *a: exhausted() if abs(volume - ball(1)).max() < 1 else real(volume, *a)
    )
    ENGINE.run(work, out=tmp_path / "out", resume=False)
    rows = read_inference(tmp_path / "out").to_pylist()
    assert [row["failure"] for row in rows] == [None, "out_of_memory"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"postprocess": []}, r"models\.m\.postprocess: has 0 steps of argmax or threshold"),
        ({"postprocess": [{"blur": {}}]}, r"models\.m\.postprocess\[0\]: no step 'blur'"),
        ({"input": "image"}, r"models\.m\.input: got 'image'; a mask is made of a volume"),
    ],
)
def test_what_leads_to_no_mask_is_refused_before_the_run(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises((ProtocolError, ModelError), match=says if "input" not in changes else "axes|mask is made"):
        planned(tmp_path, volumes(tmp_path / "nifti", 1), changes)


def test_a_wrong_number_of_channels_stops_before_the_run(tmp_path: Path) -> None:
    chain = [{"to_image_grid": {"method": "linear"}}, {"argmax": {}}]
    with pytest.raises(ModelError, match="argmax of one channel is always 0"):
        ENGINE.run(
            planned(tmp_path, volumes(tmp_path / "nifti", 1), {"postprocess": chain}),
            out=tmp_path / "out",
            resume=False,
        )


Make = Callable[..., Any]


def test_slices_of_dicom_are_one_volume(tmp_path: Path) -> None:
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder, files = tmp_path / "dicom", []
    folder.mkdir()
    voxels = ball(0)
    for level in range(voxels.shape[0]):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid(entropy_srcs=[str(level)])
        dataset.Modality, dataset.PhotometricInterpretation = "CT", "MONOCHROME2"
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
        dataset.InstanceNumber = 99 - level
        dataset.Rows, dataset.Columns = voxels.shape[1:]
        dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "US"
        dataset.PixelSpacing, dataset.SliceThickness = [0.9, 0.9], 2.0
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [-10, -20, 30 + 2.0 * level]
        dataset.PixelData = voxels[level].astype(np.uint16).tobytes()
        path = folder / f"{(level * 7) % 9}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        files.append(path)
    case = Case("u0", "p0", "s0", "e0", "0" * 64, {}, True, tuple(sorted(files)))
    ENGINE.run(planned(tmp_path, (case,)), out=tmp_path / "out", resume=False)
    mask = read_mask(mask_file(tmp_path / "out", "m", "clean", "u0"))
    assert mask.labels.shape == voxels.shape
    assert mask.grid.spacing == (2.0, 0.9, 0.9)
    assert dice(mask.labels == 3, voxels >= 500) > 0.97
