"""Preprocessing left to the model's process: the same answers, failures and resumed bytes as where images are decoded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from validate.cohort.case import Case
from validate.errors import ProtocolError
from validate.inference.decode_worker import decoded_from, described
from validate.inference.local import LocalEngine
from validate.inference.store import read_inference
from validate.models.left_to_device import batch, message
from validate.protocol.passes import CLEAN, Pass

Make = Callable[..., Any]
STEPS = [
    {"window": {"source": "values", "center": 500.0, "width": 1001.0}},
    {"resize": {"size": [6, 6], "method": "bilinear", "antialias": True}},
    {"normalise": {"mean": [0.3], "std": [0.7]}},
]
BOTH = {"activation": "sigmoid", "kind": "probability", "name": "logits", "embedding": {"name": "logits", "size": 1}}
ONNX = {"options": {}, "preprocess": STEPS, "output": BOTH}
NOISE = Pass("noise", volume_transform={"name": "gaussian_noise", "options": {"sigma": 40.0}, "seed": 7})
ROUNDED = Pass("rounded", engine_overrides={"precision": "float16"})
TOLERANCE = 1e-5  # of a score: four times what a grey value may differ by, over the deviation of 0.7


def _script(path: Path) -> None:
    """Logit = 4 * mean(image) - 1.5, as the ONNX model of the other tests."""
    import torch

    class Tiny(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> Any:
            return 4.0 * image.mean((1, 2, 3))[:, None] - 1.5

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(Tiny().eval(), torch.zeros(2, 1, 8, 8)), path)


def _scores(folder: Path) -> dict[tuple[str, str, str], Any]:
    rows = read_inference(folder).to_pylist()
    return {(row["unit"], row["model"], row["pass"]): row for row in rows}


def _compared(left: Path, right: Path) -> None:
    one, other = _scores(left), _scores(right)
    assert one.keys() == other.keys()
    for key, row in one.items():
        assert row["failure"] == other[key]["failure"], key
        assert row["detail"] == other[key]["detail"], key
        if row["failure"] is None:
            np.testing.assert_allclose(row["score"], other[key]["score"], atol=TOLERANCE, rtol=0)
            inner, other_inner = row.get("embedding"), other[key].get("embedding")
            assert (inner is None) == (other_inner is None)
            if inner is not None:
                np.testing.assert_allclose(inner, other_inner, atol=4 * TOLERANCE, rtol=0)


def _mixed(study: Make, dicom_file: Make, folder: Path) -> Sequence[Case]:
    """Ten images, one broken, and others of another size."""
    cases = study(folder, 10, broken=(3,))
    for number in (4, 7):
        random = np.random.default_rng(number)
        dicom_file(cases[number].files[0], random.integers(0, 1001, (11, 9), dtype=np.uint16))
    return tuple(cases)


@pytest.mark.parametrize("kind", ["thread", pytest.param("process", marks=pytest.mark.slow)])
def test_an_onnx_model_answers_alike_in_every_pass(
    kind: Any, plan: Make, study: Make, dicom_file: Make, tmp_path: Path
) -> None:
    cases = _mixed(study, dicom_file, tmp_path / "data")
    passes = (CLEAN, NOISE, ROUNDED)
    for where in ("processor", "device"):
        made = plan(tmp_path, cases, [ONNX], passes=passes, preprocess_on=where)
        assert made.models[0].on_device == (where == "device")
        assert made.document()["models"][0].get("preprocess_on", "processor") == where
        summary = LocalEngine(kind=kind).run(made, out=tmp_path / where, resume=False)
        assert summary.failures == {"decode:not_dicom": 3}
        made.models[0].loaded.close()
    _compared(tmp_path / "processor", tmp_path / "device")
    assert any(row.get("embedding") for row in _scores(tmp_path / "device").values())


@pytest.mark.slow
def test_a_torch_model_answers_alike(plan: Make, study: Make, dicom_file: Make, tmp_path: Path) -> None:
    _script(tmp_path / "tiny.ts")
    cases = _mixed(study, dicom_file, tmp_path / "data")
    block = {"format": "torch", "path": "tiny.ts", "preprocess": STEPS}
    for where in ("processor", "device"):
        made = plan(tmp_path, cases, [block], passes=(CLEAN, NOISE), preprocess_on=where)
        LocalEngine().run(made, out=tmp_path / where, resume=False)
        made.models[0].loaded.close()
    _compared(tmp_path / "processor", tmp_path / "device")


@pytest.mark.slow
def test_a_batch_that_the_model_fixes_is_filled_up(plan: Make, study: Make, tiny_onnx: Make, tmp_path: Path) -> None:
    tiny_onnx(tmp_path / "tiny.onnx", batch=4)
    cases = study(tmp_path / "data", 6)
    for where in ("processor", "device"):
        made = plan(tmp_path, cases, [ONNX], preprocess_on=where)
        LocalEngine(kind="thread").run(made, out=tmp_path / where, resume=False)
        made.models[0].loaded.close()
    _compared(tmp_path / "processor", tmp_path / "device")


def test_where_no_gpu_is_nothing_is_left_unless_it_is_asked_for(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "data", 2)
    made = plan(tmp_path, cases, [ONNX])
    assert not made.models[0].on_device
    assert "preprocess_on" not in made.document()["models"][0]
    made.models[0].loaded.close()


def test_who_can_not_do_it_is_named(plan: Make, study: Make, tmp_path: Path) -> None:
    cases = study(tmp_path / "data", 2)
    with pytest.raises(ProtocolError, match=r"preprocess_on: got 'device', but not for models\.m: of format 'onnx'"):
        plan(tmp_path, cases, [{}], preprocess_on="device")  # runs in this program's own process
    clip = [{"clip": {"low": 0, "high": 900}}, *STEPS]
    with pytest.raises(ProtocolError, match="the step 'clip' is done on the processor only"):
        plan(tmp_path, cases, [{**ONNX, "preprocess": clip}], preprocess_on="device")


def test_what_is_left_comes_through_a_decoding_process_as_it_was() -> None:
    from validate.imaging.deciding import unfinished
    from validate.imaging.unfinished import Unfinished
    from validate.imaging.volume import Volume
    from validate.inference.decode import Decoded

    table = {"first": 3, "values": np.arange(200), "bits": 8}
    volume = Volume(np.arange(30, dtype=np.uint16).reshape(1, 5, 6), source={"voi_luts": [table]})
    steps = [{"window": {"source": "voi_lut"}}, {"normalise": {"mean": [0.1], "std": [0.2]}}]
    one = unfinished(volume, steps)
    assert one is not None
    header, arrays = described(Decoded((one, one.halved()), {}, 0.0))
    again = decoded_from(header, arrays, content="").images
    for sent, found in zip((one, one.halved()), again, strict=True):
        assert isinstance(found, Unfinished)
        assert (found.steps, found.numbers, found.shape) == (sent.steps, sent.numbers, sent.shape)
        np.testing.assert_array_equal(found.pixels, sent.pixels)
        np.testing.assert_array_equal(found.table, sent.table)


def test_images_of_any_sizes_and_types_become_one_batch_in_their_order() -> None:
    import torch

    from validate.imaging.deciding import unfinished
    from validate.imaging.preprocess import apply
    from validate.imaging.volume import Volume

    random = np.random.default_rng(5)
    steps = [{"window": {"source": "full_range"}}, {"crop": {"size": [4, 4]}}]
    volumes = [
        Volume(random.integers(0, 200, (1, *size), dtype=kind), source={"range": (0.0, 255.0)})
        for size, kind in (((6, 7), "uint8"), ((9, 5), "uint16"), ((6, 7), "uint8"), ((6, 7), "uint16"))
    ]
    left = [unfinished(volume, steps) for volume in volumes]
    header, arrays = message(left, 6)  # type: ignore[arg-type]
    found = batch(torch, header, [torch.from_numpy(array) for array in arrays]).numpy()
    assert found.shape == (6, 1, 4, 4)
    for place, volume in enumerate(volumes):
        np.testing.assert_array_equal(found[place], apply(volume, steps))
    assert not found[4:].any()


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["torch", "onnx"])
def test_a_gpu_answers_as_the_processor(kind: str, plan: Make, study: Make, dicom_file: Make, tmp_path: Path) -> None:
    """Through ring, streams and bound inputs; torch models are preprocessed there without being asked."""
    _script(tmp_path / "tiny.ts")
    cases = _mixed(study, dicom_file, tmp_path / "data")
    block = {"format": "torch", "path": "tiny.ts", "preprocess": STEPS} if kind == "torch" else ONNX
    for where in ("cpu", "cuda"):
        made = plan(tmp_path, cases, [block], passes=(CLEAN, NOISE), device=where)
        assert made.models[0].on_device == (where == "cuda" and kind == "torch")
        LocalEngine().run(made, out=tmp_path / where, resume=False)
        made.models[0].loaded.close()
    _compared(tmp_path / "cpu", tmp_path / "cuda")
