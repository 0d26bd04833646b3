"""The exported script in R, on a run of every kind in the gallery: it counts every estimate, and all agree."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import validate
from validate.evidence.recount import recount
from validate.evidence.recount_table import read_table
from validate.evidence.recount_tables import FOLDER
from validate.phantoms.cardiac_sample import write_cardiac
from validate.phantoms.nodule_sample import write_nodules

KINDS = {
    "classification": "cxr-opacity-acceptance",
    "table": "cxr-opacity-table",
    "comparison": "cxr-two-models",
    "classes": "stroke-classes",
    "grades": "retinopathy-grading",
    "findings": "cxr-findings",
    "detection": "ct-nodules",
    "segmentation": "cardiac-ventricles",
}


@pytest.fixture
def quick(gallery: Path) -> Callable[[str], Path]:
    """A protocol of the gallery on a small sample, with few resamples and no PDF."""

    def protocol(kind: str) -> Path:
        volumes = gallery.parents[1] / "sample_volumes"
        if kind == "detection":
            write_nodules(volumes / "nodules", seed=3, patients=16)
        if kind == "segmentation":
            write_cardiac(volumes / "cardiac", seed=3, patients=16)
        path = gallery / f"{KINDS[kind]}.yaml"
        text, times = re.subn(r"replicates: (1000|2000)\b", "replicates: 200, at_most: 200", path.read_text())
        if not times:
            text += "\nresampling: {replicates: 200, at_most: 200}\n"
        path.write_text(text)
        return path

    return protocol


@pytest.mark.services
@pytest.mark.parametrize("kind", KINDS)
def test_every_estimate_of_a_gallery_run_is_counted_in_python_and_in_r(
    kind: str, quick: Callable[[str], Path], tmp_path: Path
) -> None:
    run: Any = validate.run(quick(kind), out=tmp_path / "run")
    have_value = sum(one["value"] is not None for one in read_table(run.folder).estimates)
    found = recount(run.folder)
    assert (found.differences, found.checked) == ((), have_value)
    done = subprocess.run(
        ["Rscript", "recount.R"], cwd=run.folder / FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"{have_value} estimates counted again, 0 differ" in done.stdout
    assert (f"{found.found} numbers of survival counted again" in done.stdout) == (found.found > 0)
