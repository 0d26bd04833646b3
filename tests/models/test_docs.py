"""The page of each format: its protocol is whole, checks without a complaint, and runs where nothing but files is needed."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from validate import registry
from validate.catalog import shipped_catalog
from validate.protocol.load import load_protocol

Make = Callable[..., Any]
ROOT = Path(__file__).parents[2]
PAGES = {path.stem: path for path in (ROOT / "docs/models").glob("*.md") if path.stem != "README"}
RUN = ("onnx", "predictions", "kserve")  # the default suite; the others take torch, a child process or DICOM's network
RUN_SLOWLY = ("torch", "python", "ensemble", "container", "monai_bundle", "dicom_node", "dicom_results")
OWN_FILES = {"container", "monai_bundle", "dicom_node", "dicom_results"}  # that prepare a case's files themselves
EVERYWHERE = """
for folder in "$INPUT"/case-*; do echo '{"score": 0.5}' > "$OUTPUT/$(basename "$folder").json"; done
"""
MEAN_GREY = "def score(images):\n    return images.mean(axis=(1, 2, 3))\n"


def _protocol(name: str, folder: Path) -> Path:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGES[name].read_text(), re.MULTILINE | re.DOTALL)
    path = folder / "protocols" / "gallery" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(block)
    (path.parent / "mean_grey.py").write_text(MEAN_GREY)
    return path


def test_every_format_has_a_page_and_the_first_page_names_it() -> None:
    formats = set(registry.names("models")) - {"constant"}
    assert set(PAGES) == formats
    index = (ROOT / "docs/models/README.md").read_text()
    assert all(f"({name}.md)" in index for name in formats)


@pytest.mark.parametrize("name", PAGES)
def test_the_protocol_of_a_page_makes_sense(name: str, tmp_path: Path) -> None:
    loaded = load_protocol(_protocol(name, tmp_path), catalog=shipped_catalog())
    assert [model.format for model in loaded.protocol.models] == [name]
    assert loaded.warnings == ()


def test_the_protocol_of_every_page_is_run_here() -> None:
    assert {*RUN, *RUN_SLOWLY} == set(PAGES)


@contextlib.contextmanager
def _kserve(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server at the page's address."""
    from open_grpc import OpenGrpcServer  # type: ignore[import-not-found]

    monkeypatch.setenv("OPACITY_TOKEN", "a-secret-word")
    server = OpenGrpcServer("opacity")
    _replaced(path, {"url: localhost:8001": f"url: {server.url}"})
    try:
        yield
    finally:
        server.close()
    assert {one["authorization"] for one in server.headers} == {"Bearer a-secret-word"}


@contextlib.contextmanager
def _dicom_node(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A vendor's node at the page's addresses, both of them on this machine."""
    from vendor_node import VendorNode, report  # type: ignore[import-not-found]

    del monkeypatch
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    node = VendorNode(
        ("127.0.0.1", port, "VALIDATE"), lambda image: [(0.0, report(image, 12.5, concept=("111047", "DCM"), unit="%"))]
    )
    ours = f"listen: {{host: 127.0.0.1, port: {port},"
    theirs = f"node: {{host: 127.0.0.1, port: {node.port},"
    _replaced(path, {"node: {host: 10.0.0.7, port: 104,": theirs, "listen: {host: 10.0.0.5, port: 11112,": ours})
    try:
        yield
    finally:
        node.close()


@contextlib.contextmanager
def _dicom_results(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A report for every image of the sample data."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset
    from pydicom.errors import InvalidDicomError
    from vendor_node import code, report

    del monkeypatch
    folder = path.parent / "reports"
    folder.mkdir()
    for number, file in enumerate(sorted((ROOT / "sample_data/cxr").rglob("*.dcm"))):
        try:
            image = dcmread(file, stop_before_pixels=True)
            made = report(image, 0.125, concept=("111047", "DCM"))
        except (InvalidDicomError, AttributeError):
            continue
        finding = Dataset()
        finding.RelationshipType, finding.ValueType = "CONTAINS", "CODE"
        finding.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
        finding.ConceptCodeSequence = [code("36118008", "SCT", "Pneumothorax")]
        made.ContentSequence[0].ContentSequence.insert(0, finding)
        made.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    yield


SERVED = {"kserve": _kserve, "dicom_node": _dicom_node, "dicom_results": _dicom_results}


def _replaced(path: Path, words: dict[str, str]) -> None:
    text = path.read_text()
    for word, other in words.items():
        assert word in text
        text = text.replace(word, other)
    path.write_text(text)


@pytest.mark.parametrize("name", [*RUN, *(pytest.param(name, marks=pytest.mark.slow) for name in RUN_SLOWLY)])
def test_the_protocol_of_a_page_runs_its_three_cases(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording_engine: Make, bundle: Make
) -> None:
    """Against a server, node or engine that the test starts, where the page's is somebody's own."""
    from validate.rehearsal import dry_run

    path = _protocol(name, tmp_path)
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    if name == "container":
        recording_engine(EVERYWHERE)
        _replaced(path, {"1" * 64: "cd" * 32})  # the image that the engine says it has
    if name == "monai_bundle":
        bundle(path.parent / "opacity_bundle")
    with SERVED[name](path, monkeypatch) if name in SERVED else contextlib.nullcontext():
        found = dry_run(path, device="cpu")
    assert len(found.outputs) == 3
    assert all(not result.startswith("no output") for _, _, result in found.outputs)
    assert found.models["candidate"]["digest"]
    assert found.raw["candidate"]["minimum"] <= found.raw["candidate"]["maximum"]
    if name not in {"predictions", *OWN_FILES}:
        assert [row["shape"] for row in found.inputs] == [[1, 128, 128]] * 3
        assert all(0 <= row["minimum"] <= row["mean"] <= row["maximum"] <= 1 for row in found.inputs)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_key_of_its_format(name: str) -> None:
    text = PAGES[name].read_text()
    keys = registry.load("models", name).OPTIONS.model_fields
    missing = [key for key in keys if not re.search(rf"\b{key}\b", text)]
    assert missing == []
