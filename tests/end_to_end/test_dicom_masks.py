"""A segmentation study of CT series whose references are DICOM SEG and RTSTRUCT, from protocol to sealed report."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import validate
from validate.errors import DataError
from validate.evidence.verify import verify
from validate.imaging.mask import Grid
from validate.imaging.nifti import image_bytes
from validate.imaging.series import read_series
from validate.numbers import recomputation

spec = spec_from_file_location("dicom_references", Path(__file__).parents[1] / "cohort" / "dicom_references.py")
assert spec is not None and spec.loader is not None
sys.modules["dicom_references"] = references = module_from_spec(spec)
spec.loader.exec_module(references)

PATIENTS = 12
PROTOCOL = """\
schema_version: "1"
id: ct-liver
version: 1.0.0
title: Liver and tumour on CT
profile: acceptance
intended_use: Test of references in DICOM.
task: segmentation
seed: 5
cohort:
  sources: [{dicom: ct}]
  unit: series
  sampling: consecutive
reference:
  masks: references
  classes: {liver: 1, tumour: 2}
  level: series
  standard: One reader.
segmentation:
  boundary: voxel
  tolerance: 1.0
  empty_reference: exclude_and_report
  empty_prediction: worst_case
models:
  - id: candidate
    name: Liver
    version: "1"
    format: predictions
    path: predictions
    masks: "{patient_id}.nii.gz"
    input: series
    output: {activation: none, kind: mask}
endpoints:
  - {id: dice, metric: segmentation.mean.dice, target: each, role: primary, rationale: The usual one.}
resampling: {replicates: 200, at_most: 200}
acceptance:
  - {endpoint: dice.liver, limit: lower, at_least: 0.5, rationale: For the test.}
report: {formats: [html]}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Even patients have a SEG, odd ones an RTSTRUCT; predictions lack one column more with every patient."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "references").mkdir()
    (folder / "predictions").mkdir()
    block = [(1.5, 2.5), (8.5, 2.5), (8.5, 10.5), (1.5, 10.5)]
    hole = [(3.5, 5.5), (5.5, 5.5), (5.5, 7.5), (3.5, 7.5)]
    bar = [(4.5, 13.5), (14.5, 13.5), (14.5, 19.5), (4.5, 19.5)]
    outlines = {"Liver": [(1, block), (2, block), (2, hole), (3, block)], "Tumour": [(2, bar), (3, bar)]}
    for number in range(1, PATIENTS + 1):
        slices = references.ct_series(folder / "ct" / str(number), patient=f"PAT{number:02d}", number=number)
        drawn = (
            references.rtstruct(slices, outlines)
            if number % 2
            else references.seg(slices, references.truth(), "BINARY")
        )
        drawn.save_as(folder / "references" / f"{number}.dcm", enforce_file_format=True)
        volume = read_series(sorted((folder / "ct" / str(number)).iterdir()))
        mask = prediction(number)
        (folder / "predictions" / f"PAT{number:02d}.nii.gz").write_bytes(
            image_bytes(mask, Grid(mask.shape, volume.affine))
        )
    (folder / "protocol.yaml").write_text(PROTOCOL)
    return folder


def prediction(number: int) -> np.ndarray:
    mask = references.truth()
    mask[:, :, : 2 + number % 5] = 0
    return mask


def test_masks_of_either_kind_are_compared_on_the_grid_of_their_series(study: Path) -> None:
    run = validate.run(study / "protocol.yaml", out=study / "run")
    assert verify(run.folder, recompute=recomputation).status == "VERIFIED"
    estimates = json.loads((run.folder / "estimates.json").read_text())["estimates"]
    for value, name in ((1, "liver"), (2, "tumour")):
        one = references.truth() == value
        dices = []
        for number in range(1, PATIENTS + 1):  # by hand: twice the overlap over both
            other = prediction(number) == value
            dices.append(2 * (one & other).sum() / (one.sum() + other.sum()))
        found = next(
            e for e in estimates if e["target"] == name and not e["stratum"] and e["metric"].endswith("mean.dice")
        )
        assert found["value"] == pytest.approx(np.mean(dices), rel=1e-12)
        assert found["n_cases"] == PATIENTS
    units = pq.read_table(run.folder / "results" / "units.parquet").to_pylist()
    assert {row["status"] for row in units} == {"ok"}


def test_a_reference_on_another_grid_stops_the_run_before_any_model_answers(study: Path, tmp_path: Path) -> None:
    dataset = references.seg(references.ct_series(tmp_path / "other", number=2), references.truth(), "BINARY")
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0.9, 0.7]
    path = study / "references" / "2.dcm"
    before = path.read_bytes()
    dataset.save_as(path, enforce_file_format=True)
    try:
        with pytest.raises(DataError, match=r"on another grid than its image; reference\.grid is refuse"):
            validate.run(study / "protocol.yaml", out=tmp_path / "run")
    finally:
        path.write_bytes(before)
