"""The page of each format: its protocol is whole, checks without a complaint, and runs where nothing but files is needed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from validate import registry
from validate.catalog import shipped_catalog
from validate.protocol.load import load_protocol

ROOT = Path(__file__).parents[2]
PAGES = {path.stem: path for path in (ROOT / "docs/models").glob("*.md") if path.stem != "README"}
RUN = ("onnx", "predictions")  # the default suite; the others take torch or a child process
RUN_SLOWLY = ("torch", "python", "ensemble")
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


@pytest.mark.parametrize("name", [*RUN, *(pytest.param(name, marks=pytest.mark.slow) for name in RUN_SLOWLY)])
def test_the_protocol_of_a_page_runs_its_three_cases(name: str, tmp_path: Path) -> None:
    from validate.rehearsal import dry_run

    path = _protocol(name, tmp_path)
    shutil.copytree(ROOT / "sample_data", tmp_path / "sample_data")
    found = dry_run(path, device="cpu")
    assert len(found.outputs) == 3
    assert all(not result.startswith("no output") for _, _, result in found.outputs)
    assert found.models["candidate"]["digest"]
    assert found.raw["candidate"]["minimum"] <= found.raw["candidate"]["maximum"]
    if name != "predictions":
        assert [row["shape"] for row in found.inputs] == [[1, 128, 128]] * 3
        assert all(0 <= row["minimum"] <= row["mean"] <= row["maximum"] <= 1 for row in found.inputs)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_every_key_of_its_format(name: str) -> None:
    text = PAGES[name].read_text()
    keys = registry.load("models", name).OPTIONS.model_fields
    missing = [key for key in keys if not re.search(rf"\b{key}\b", text)]
    assert missing == []
