"""The commented protocol of a study of marks that `validate new --task detection` writes."""

from __future__ import annotations

MARKS = """\
# A validation protocol. Fill in, then:  validate check FILE  ·  validate lock FILE  ·  validate run FILE
# Once locked, a change is refused: decide everything here before anyone looks at results.
schema_version: "1"
id: my-study                      # names files: letters, digits, - _ .
version: 1.0.0
title: Acceptance test of a detector
profile: acceptance               # acceptance | submission | comparison: order and wording of the report
intended_use: Marks on possible lung nodules in chest CT, as a second reader.
task: detection
seed: 20261122                    # all randomness comes from it
data_are_synthetic: false         # true stamps every page

cohort:
  sources:
    - {table: cases.csv, key: case_id, patient: patient_id}   # every case that was read, with lesions or without; or dicom, nifti
  unit: image                     # one row; patients are resampled
  cluster: patient
  sampling: enriched              # consecutive | random | enriched | convenience

reference:
  marks: lesions.csv              # a row for each lesion: case_id, x, y, z, diameter; or COCO's JSON. Or masks: a folder
  key: case_id
  shape: ball                     # box (x_min, y_min, z_min, x_max, …) | point | ball
  space: mm                       # mm (patient coordinates as in DICOM) | mm_ras (as in NIfTI) | pixels | voxels
  unlisted: no_lesion             # a case without a row has no lesion; or missing: it has no reference
  classes: [nodule]
  level: image
  standard: Marked by four radiologists, blinded to the model, and agreed

detection:
  space: mm                       # what hits are judged in: mm | pixels
  hit: {criterion: diameter_fraction, value: 0.5}   # or iou, centre_in_object, distance: challenges differ
  repeated_hits: ignore           # a second mark on one lesion; or false_mark
  size_bands: [3, 6, 10, 30]      # makes the stratum lesion_size
  # lesion_attributes: [texture]  # other columns of lesions.csv that strata may name

models:
  - id: candidate
    name: Name of the product
    version: 1.0.0
    format: predictions           # marks made elsewhere: the report says that inference was not witnessed
    path: marks.csv               # case_id, x, y, z, diameter, score
    key: case_id
    unlisted: missing_output      # a case without a row has no answer; or no_marks
    output: {activation: none, kind: balls, space: mm}       # balls | boxes | points
    operating_point: {threshold: 0.5, source: manufacturer labelling}

inference: {on_failure: worst_case}   # no answer: every lesion missed, and one false mark above all others

strata: [lesion_size]

endpoints:                        # validate schema lists all of them
  - {id: cpm, metric: detection.mean_sensitivity, role: primary, rationale: Comparable with published detectors.}
  - {id: at_one, metric: detection.sensitivity_at_rate, role: secondary, options: {rate: 1}}
  - {id: sensitivity, metric: detection.lesion_sensitivity, role: secondary}
  - {id: false_marks, metric: detection.false_marks_per_case, role: secondary}
  - {id: wafroc, metric: detection.weighted_afroc, role: secondary}
  - {id: cases, metric: detection.highest_rating_auc, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: cpm, limit: lower, at_least: 0.60, rationale: Agreed with the clinical lead.}

report: {formats: [pdf, html]}
"""
