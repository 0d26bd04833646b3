"""The gallery's detector of nodules on disturbed scans: more noise and thicker slices cost lesions, and every number is found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import validate
from validate.evidence.verify import verify
from validate.numbers import recomputation
from validate.phantoms.nodule_sample import write_nodules
from validate.report.again import made_again

pytestmark = pytest.mark.slow
PATIENTS = 16


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path]) -> Any:
    gallery = tree(tmp_path_factory.mktemp("disturbed"))
    write_nodules(gallery.parents[1] / "sample_volumes" / "nodules", seed=4, patients=PATIENTS)
    path = gallery / "ct-nodules.yaml"
    said = yaml.safe_load(path.read_text())
    said["models"] = [
        model for model in said["models"] if model["id"] == "candidate"
    ]  # the other's marks were made elsewhere
    said["analyses"] = [
        {"robustness": {"suite": "ct", "perturbations": ["ct_dose", "slice_thickness"], "severities": [1, 5],
                        "endpoints": ["cpm", "sensitivity"], "by": "sex", "tolerance": 0.1, "rationale": "As agreed"}},
        {"fairness": {"attributes": ["sex"], "endpoints": ["cpm"], "margin": 0.2, "rationale": "As agreed"}},
    ]  # fmt: skip
    said["acceptance"] = [{"endpoint": "cpm", "perturbation": "ct_dose", "holds_up_to": 1, "rationale": "As agreed"}]
    said["resampling"] = {"replicates": 200, "at_most": 200}
    said["report"]["formats"] = ["html"]
    path.write_text(yaml.safe_dump(said))
    return validate.run(path, out=gallery.parents[1] / "run")


def test_curves_by_severity_are_drops_of_the_clean_pass_and_thick_slices_break_it(run: Any) -> None:
    known = {e["id"]: e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"]}
    findings = json.loads((run.folder / "findings.json").read_text())["findings"]
    found = {one["model"]: one for one in findings if one["analysis"] == "robustness"}
    assert found["candidate"]["status"] == "ok"
    causes = {one["cause"]: one for one in found["candidate"]["data"]["causes"]}
    assert list(causes) == ["ct_dose", "slice_thickness"]
    for cause in causes.values():
        assert all(step["flips"] is None for step in cause["steps"])  # a mark is no yes-or-no answer
        for endpoint in cause["endpoints"]:
            clean = known[endpoint["clean"]]["value"]
            for point in endpoint["points"]:
                drop = known[point["drop"]]["value"]
                assert abs(drop) == pytest.approx(abs(known[point["estimate"]]["value"] - clean), abs=1e-12)
    for cause in causes.values():  # of 30 nodules hardly one is lost at one threshold; over all of them it shows
        cpm = cause["endpoints"][0]
        ends = [known[point["estimate"]]["value"] for point in cpm["points"]]
        assert known[cpm["clean"]]["value"] >= ends[0] > ends[1]


def test_thick_slices_which_it_was_never_shown_are_where_it_marks_vessels(run: Any) -> None:
    known = {e["id"]: e for e in json.loads((run.folder / "estimates.json").read_text())["estimates"]}
    bands = ("over 1 to 2.5 mm", "over 2.5 to 5 mm", "over 5 mm")
    rates = [known[f"false_marks/candidate/clean/slice_thickness_band={band}"]["value"] for band in bands]
    assert rates[2] > 2 * max(rates[:2])


def test_marks_of_disturbed_scans_lie_beside_the_clean_ones(run: Any) -> None:
    marks = pq.read_table(run.folder / "results" / "marks.parquet")
    assert set(marks["pass"].to_pylist()) == {
        "clean",
        "ct_dose-1",
        "ct_dose-5",
        "slice_thickness-1",
        "slice_thickness-5",
    }


def test_every_number_is_found_again_and_the_report_shows_the_curves(run: Any) -> None:
    assert verify(run.folder, recompute=recomputation, redraw=made_again).status == "VERIFIED"
    page = (run.folder / "report" / "report.html").read_text().partition("<script>")[0]
    for wrong in (">NaN", ">None<", "nan%", "nan mm"):
        assert wrong not in page
    for said in ("Disturbed images", "CT dose", "FROC curve"):
        assert said in page
