"""One study tree with the gallery protocols and sample data, and one finished run that many tests look at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import validate

ROOT = Path(__file__).parents[2]


def study_tree(folder: Path) -> Path:
    """A copy of the gallery and the sample data, laid out as in the repository; returns the gallery folder."""
    gallery = folder / "protocols" / "gallery"
    shutil.copytree(ROOT / "protocols" / "gallery", gallery, ignore=shutil.ignore_patterns("*.lock.json"))
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    for path in gallery.glob("*.yaml"):
        # A probed batch size is kept within a run; two fresh runs are the same to the byte where it is stated.
        path.write_text(path.read_text().replace("batch_size: auto", "batch_size: 8"))
    return gallery


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], Path]:
    """`study_tree`, for fixtures of a module."""
    return study_tree


def html_only(protocol: Path) -> Path:
    """Take the PDF out of this protocol: setting pages takes longer than all the rest of a run."""
    text, times = re.subn(r"  formats: \[pdf, html[^\]]*\]\n", "  formats: [html]\n", protocol.read_text())
    assert times == 1, protocol
    protocol.write_text(text)
    return protocol


@pytest.fixture(scope="session")
def on_screen() -> Callable[[Path], Path]:
    """`html_only`, for fixtures of a module."""
    return html_only


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A tree to spoil. Reports are HTML only."""
    gallery = study_tree(tmp_path)
    for path in gallery.glob("*.yaml"):
        html_only(path)
    return gallery


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A run of the gallery's chest protocol; read-only by convention: copy the folder before changing it."""
    folder = tmp_path_factory.mktemp("finished")
    return validate.run(study_tree(folder) / "cxr-opacity-acceptance.yaml", out=folder / "run")
