"""One study tree with the gallery protocols and sample data, and one finished run that many tests look at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def of_balls(*models: str, **blocks: Any) -> dict[str, Any]:
    """A protocol of marked balls in tables: cases.csv, lesions.csv and a table of marks for each model; `blocks` go over what is here."""
    return {
        "schema_version": "1", "id": "marks", "version": "1.0.0", "title": "Marks", "profile": "acceptance",
        "intended_use": "Practice.", "task": "detection", "seed": 1, "data_are_synthetic": True,
        "cohort": {
            "sources": [{"table": "cases.csv", "key": "case_id", "patient": "patient_id"}],
            "unit": "image", "cluster": "patient", "sampling": "enriched",
        },
        "reference": {
            "marks": "lesions.csv", "key": "case_id", "shape": "ball", "space": "mm", "unlisted": "no_lesion", "classes": ["nodule"],
            "level": "image", "standard": "By construction",
        },
        "detection": {"space": "mm", "hit": {"criterion": "diameter_fraction", "value": 0.5}, "repeated_hits": "ignore"},
        "models": [
            {
                "id": name, "name": name.upper(), "version": "1", "format": "predictions", "path": f"{name}.csv", "key": "case_id",
                "unlisted": "missing_output", "output": {"activation": "none", "kind": "balls", "space": "mm"},
                "operating_point": {"threshold": 0.5, "source": "by hand"},
            }
            for name in models
        ],
        "inference": {"on_failure": "worst_case"},
        "resampling": {"replicates": 300, "at_most": 300},
        "report": {"formats": ["html"]},
        **blocks,
    }  # fmt: skip


@pytest.fixture(scope="session")
def marked_protocol() -> Callable[..., dict[str, Any]]:
    """`of_balls`, for fixtures of a module."""
    return of_balls


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
