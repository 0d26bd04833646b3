"""A real router between us and the vendor's node: Orthanc takes the case, hands it on, and brings the answer back."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vendor_answers import KINDS, spaced_file  # type: ignore[import-not-found]

pytestmark = pytest.mark.services
Make = Callable[..., Any]


def test_cases_and_answers_pass_through_a_real_orthanc(imaged: Make, tmp_path: Path) -> None:
    assert which("Orthanc") or Path("/usr/sbin/Orthanc").exists(), "please install orthanc: .ci/services does"
    images = imaged(3)
    for case in images.cases:
        spaced_file(case.files[0])
    given = [{"path": str(case.files[0]), "keys": dict(case.keys)} for case in images.cases]
    folder = tmp_path / "router"
    folder.mkdir()
    script = Path(__file__).with_name("orthanc_router.py")
    done = subprocess.run(
        ["unshare", "--net", sys.executable, str(script), str(folder), json.dumps(given)],
        capture_output=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found = json.loads(done.stdout.decode().strip().splitlines()[-1])
    told = found.pop("own")
    means = images.pixels.astype("float64").mean(axis=(1, 2, 3))
    assert [ast.literal_eval(one)["score"] for one in told["results"]] == pytest.approx(
        (4 * means - 1.5).tolist(), rel=1e-6
    )
    assert "OFFIS_DCMTK" in told["runtime"], "Orthanc speaks DICOM by DCMTK, and says so"
    ((name, facts),) = told["events"]
    assert name == "node_answers"
    assert all(one["failure"] is None and one["seconds"] >= 0 for one in facts["cases"])
    assert {kind: one["right"] for kind, one in found.items()} == {kind: [True] * 3 for kind in KINDS}
