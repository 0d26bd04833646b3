"""A small study of masks on disk, and what is measured of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from validate.casewise.casewise import CaseTables, Question, ignore_progress
from validate.casewise.segmentation import CASEWISE
from validate.catalog import shipped_catalog
from validate.cohort.build import build_cohort
from validate.imaging.mask import Grid, LabelMap
from validate.imaging.nifti import mask_bytes
from validate.inference.local import LocalEngine
from validate.inference.plan import make_plan
from validate.models.load import opened_models
from validate.protocol.load import load_protocol

PROTOCOL: dict[str, Any] = {
    "schema_version": "1",
    "id": "masks",
    "version": "1.0.0",
    "title": "Masks",
    "profile": "acceptance",
    "intended_use": "Practice.",
    "task": "segmentation",
    "seed": 1,
    "cohort": {
        "sources": [{"nifti": "images", "names": "{patient}_{phase}.nii.gz"}],
        "unit": "image",
        "cluster": "patient",
        "sampling": "consecutive",
    },
    "reference": {
        "masks": "reference",
        "names": "{patient}_{phase}.nii.gz",
        "classes": {"left": 1, "right": 2},
        "level": "image",
        "standard": "By construction",
    },
    "segmentation": {
        "boundary": "voxel",
        "tolerance": 1.0,
        "empty_reference": "exclude_and_report",
        "empty_prediction": "worst_case",
    },
    "models": [
        {
            "id": "a",
            "name": "A",
            "version": "1",
            "format": "predictions",
            "path": "predicted",
            "masks": "{patient}_{phase}.nii.gz",
            "output": {"activation": "none", "kind": "mask"},
        }
    ],
    "endpoints": [{"id": "dice", "metric": "segmentation.mean.dice", "target": "left", "role": "primary"}],
}


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Writes a mask to folder/name.nii.gz."""

    def written(
        folder: str, name: str, labels: np.ndarray, spacing: tuple[float, ...] = (1, 1, 3), shift: float = 0
    ) -> None:
        affine = np.diag([*spacing, 1.0]).astype(float)
        affine[0, 3] = shift
        path = tmp_path / folder / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mask_bytes(LabelMap(labels, Grid(labels.shape, affine))))

    return written


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., CaseTables]:
    """Runs inference and casewise of the study under tmp_path; keywords change the protocol's segmentation block."""

    def tables(workers: int = 1, **segmentation: Any) -> CaseTables:
        document = {**PROTOCOL, "segmentation": {**PROTOCOL["segmentation"], **segmentation}}
        path = tmp_path / "protocol.yaml"
        path.write_text(yaml.safe_dump(document))
        loaded = load_protocol(path, catalog=shipped_catalog())
        cohort = build_cohort(loaded.protocol, base=tmp_path, site_key=b"k" * 32)
        out = tmp_path / f"inference-{len(list(tmp_path.iterdir()))}"
        with opened_models(loaded.protocol, tmp_path, None) as models:
            LocalEngine().run(make_plan(loaded.protocol, cohort, models), out=out, resume=False)
        question = Question(loaded.protocol, tmp_path, out, cohort.cases, workers=workers)
        return CASEWISE.tables(question, ignore_progress)

    return tables
