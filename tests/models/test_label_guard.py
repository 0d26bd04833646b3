"""A model that tries to read the labels, in every format that is run here: as its own files it is refused, as a program it can't."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from validate.errors import ModelError
from validate.models.label_guard import refuse_labels
from validate.models.load import opened_models
from validate.models.onnx_file import external_names
from validate.processes.sandbox import hidden_now, hiding, own_folders
from validate.protocol.cohort import AttributeSource
from validate.protocol.reference import Reference

Make = Callable[..., Any]
LABELS = "case,opacity\nA0,1\nA1,0\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Labels in a folder of their own, and beside them a folder for models."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "labels/reference.csv").write_text(LABELS)
    return tmp_path


def protocol(block: Any, **reference: Any) -> Any:
    named = {"table": "labels/reference.csv", "key": "case", "label": "opacity", "positive": 1, **reference}
    named = {name: value for name, value in named.items() if value is not None}
    truth = Reference.model_validate({"level": "image", "standard": "Three readers", **named})
    return SimpleNamespace(
        models=[block], reference=truth, inference=SimpleNamespace(device="cpu", precision="float32")
    )


def refused(study: Path, block: Any, **reference: Any) -> str:
    with pytest.raises(ModelError) as error:
        refuse_labels(protocol(block, **reference), study)
    return str(error.value)


def test_an_onnx_model_whose_weights_lie_in_the_label_file_is_refused(
    model: Make, onnx_bytes: Make, study: Path
) -> None:
    content = onnx_bytes(external="reference.csv")
    assert external_names(content) == {"reference.csv"}
    shutil.move(study / "labels/reference.csv", study / "models/reference.csv")
    (study / "models/tiny.onnx").write_bytes(content)
    said = refused(study, model(path="models/tiny.onnx"), table="models/reference.csv")
    assert "models.m: reference.csv is, holds, or is a copy of a file with the study's labels" in said
    assert "keep them in a folder of their own" in said
    with (
        pytest.raises(ModelError, match="labels"),
        opened_models(protocol(model(path="models/tiny.onnx"), table="models/reference.csv"), study, None),
    ):
        pass


@pytest.mark.parametrize("way", ["copy", "hard link", "link"])
def test_a_copy_or_a_link_under_another_name_is_no_way_around(
    model: Make, onnx_bytes: Make, study: Path, way: str
) -> None:
    weights = study / "models/tiny.data"
    if way == "copy":
        shutil.copyfile(study / "labels/reference.csv", weights)
    elif way == "hard link":
        os.link(study / "labels/reference.csv", weights)
    else:
        weights.symlink_to(study / "labels/reference.csv")
    (study / "models/tiny.onnx").write_bytes(onnx_bytes(external="tiny.data"))
    assert "tiny.data is, holds, or is a copy" in refused(study, model(path="models/tiny.onnx"))


@pytest.mark.parametrize(
    "block",
    [
        {"format": "python", "path": ".", "options": {"call": "net:run"}},
        {"format": "python", "path": "labels", "options": {"call": "net:run"}},
        {"format": "torch", "path": "models/w.pt", "options": {"architecture": "net:Net", "code": "labels"}},
        {"format": "monai_bundle", "path": "labels"},
        {"format": "onnx", "path": "models/tiny.onnx", "options": {"custom_operators": {"library": "labels/reference.csv"}}},
        {"format": "container", "options": {"image": "a", "medperf": {"parameters": "labels/reference.csv"}}},
        {"format": "ensemble", "path": None, "options": {"members": [{"format": "python", "path": "labels"}]}},
    ],
    ids=lambda block: f"{block['format']} {block.get('path')}",
)  # fmt: skip
def test_no_format_is_given_the_folder_or_the_file_of_the_labels(
    model: Make, study: Path, block: dict[str, Any]
) -> None:
    assert "a file with the study's labels, reference.csv" in refused(study, model(**block))


def test_reference_masks_are_labels_too(model: Make, study: Path) -> None:
    (study / "masks").mkdir()
    (study / "masks/P1.nii.gz").write_bytes(b"a mask")
    (study / "models/net").mkdir()
    (study / "models/net/net.py").write_text("def run(images): ...")
    shutil.copyfile(study / "masks/P1.nii.gz", study / "models/net/innocent.bin")
    block = model(format="python", path="models/net", options={"call": "net:run"})
    reference = {
        "table": None, "key": None, "label": None, "positive": None, "masks": "masks", "names": "{patient}.nii.gz",
        "classes": {"lesion": 1},
    }  # fmt: skip
    assert "labels, P1.nii.gz" in refused(study, block, **reference)
    (study / "models/net/innocent.bin").unlink()
    refuse_labels(protocol(block, **reference), study)


def test_a_label_is_not_handed_over_as_an_attribute_of_the_case(model: Make, study: Path) -> None:
    (study / "models/net.py").write_text("def run(images): ...")
    block = model(format="container", options={"image": "a", "columns": ["band", "age"]})
    asked = protocol(block)
    asked.cohort = SimpleNamespace(attributes={})
    refuse_labels(asked, study)
    attributes = {"truth": AttributeSource(table="labels/reference.csv", key="case", column="opacity")}
    asked.cohort = SimpleNamespace(attributes={**attributes, "band": AttributeSource(of="truth", bands=(0, 1))})
    with pytest.raises(ModelError, match="is given the attribute 'band', which is the study's label"):
        refuse_labels(asked, study)
    asked.cohort = SimpleNamespace(
        attributes={"band": AttributeSource(table="labels/reference.csv", key="case", column="site")}
    )
    refuse_labels(asked, study)


def test_what_is_not_run_here_may_share_a_table_with_the_labels(model: Make, study: Path) -> None:
    refuse_labels(protocol(model(format="predictions", path="labels/reference.csv")), study)


SPY = """
import ctypes, os, socket, subprocess
import numpy as np
PLACE, PARENT = {place!r}, os.getppid()
def by_hand():
    library = ctypes.CDLL(None, use_errno=True)
    found = library.open(PLACE.encode(), 0)
    assert found >= 0
def of_parent(part):
    return open(f"/proc/{{PARENT}}/{{part}}", "rb").read(1)
def every_descriptor():
    for name in os.listdir(f"/proc/{{PARENT}}/fd"):
        of_parent(f"fd/{{name}}")
WAYS = {{
    "open": lambda: open(PLACE).read(),
    "system call": by_hand,
    "relative": lambda: open(os.path.relpath(PLACE)).read(),
    "own root": lambda: open(f"/proc/self/root{{PLACE}}").read(),
    "parent's root": lambda: of_parent(f"root{{PLACE}}"),
    "parent's folder": lambda: os.listdir(f"/proc/{{PARENT}}/cwd"),
    "parent's memory": lambda: of_parent("mem"),
    "parent's files": every_descriptor,
    "list": lambda: os.listdir(os.path.dirname(PLACE)),
    "link": lambda: os.link(PLACE, "/tmp/labels-of-a-spy"),
    "program": lambda: subprocess.run(["/bin/cat", PLACE], check=True),
    "memory map": lambda: np.memmap(PLACE, mode="r"),
    "network": lambda: socket.create_connection(("127.0.0.1", {port}), timeout=2),
}}
def run(images):
    assert open({known!r}).read() == "may be read"
    worked = []
    for name, way in WAYS.items():
        try:
            way()
        except (OSError, AssertionError, subprocess.SubprocessError, ValueError):
            continue
        worked.append(name)
    if worked:
        raise RuntimeError("these ways worked: " + ", ".join(worked))
    return np.zeros(len(images))
"""


def test_the_folder_of_the_script_that_runs_is_no_library(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(study / "labels"))
    assert study / "labels" in own_folders()  # as PYTHONPATH would have it
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(study / "labels/study.py"), raising=False)
    assert study / "labels" not in own_folders()
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/nowhere/study.py")
    monkeypatch.chdir(study / "labels")  # python -m validate puts the current folder there
    assert study / "labels" not in own_folders()


def test_a_program_that_tries_every_way_to_the_labels_finds_none(
    model: Make, batch: Make, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    (study / "library").mkdir()
    (study / "library/known.txt").write_text("may be read")
    monkeypatch.syspath_prepend(str(study))  # a folder of libraries with the labels in it, as /usr may be
    with socket.create_server(("127.0.0.1", 0)) as server:
        place, known = str(study / "labels/reference.csv"), str(study / "library/known.txt")
        spy = SPY.format(place=place, known=known, port=server.getsockname()[1])
        (study / "models/net.py").write_text(spy)
        block = model(format="python", path="models/net.py", options={"call": "net:run"})
        with opened_models(protocol(block), study, None) as models:
            notes = " ".join(models["m"].identity.notes)
            if "labels_unreadable" not in notes:
                return  # a kernel without Landlock: nothing is claimed, and nothing is held here
            (score,) = (one.scores["score"] for one in models["m"].predict(batch(1)))
    assert score == pytest.approx(0.5)  # the sigmoid of nothing found
    assert np.isfinite(score)


def test_what_was_left_open_may_end_in_another_context(tmp_path: Path) -> None:
    import contextvars

    held = hiding([tmp_path])
    contextvars.copy_context().run(held.__enter__)
    with hiding([tmp_path / "own"]):
        held.__exit__(None, None, None)
        assert hidden_now() == (str(tmp_path / "own"),)
    assert hidden_now() == ()
