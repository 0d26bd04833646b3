"""One study tree with the gallery protocols and sample data, and one finished run that many tests look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import validate

ROOT = Path(__file__).parents[2]


def study_tree(folder: Path) -> Path:
    """A copy of the gallery and the sample data, laid out as in the repository; returns the gallery folder."""
    gallery = folder / "protocols" / "gallery"
    shutil.copytree(ROOT / "protocols" / "gallery", gallery, ignore=shutil.ignore_patterns("*.lock.json"))
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    return gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    return study_tree(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> object:
    """A run of the gallery's chest protocol; read-only by convention: copy the folder before changing it."""
    folder = tmp_path_factory.mktemp("finished")
    return validate.run(study_tree(folder) / "cxr-opacity-acceptance.yaml", out=folder / "run")
