"""The commented protocol of a study of masks that `validate new --task segmentation` writes."""

from __future__ import annotations

MASKS = """\
# A validation protocol. Fill in, then:  validate check FILE  ·  validate lock FILE  ·  validate run FILE
# Once locked, a change is refused: decide everything here before anyone looks at results.
schema_version: "1"
id: my-study                      # names files: letters, digits, - _ .
version: 1.0.0
title: Acceptance test of a segmenter
profile: acceptance               # acceptance | submission | comparison: order and wording of the report
intended_use: Outlines of the liver on abdominal CT, confirmed by a radiologist.
task: segmentation
seed: 20261122                    # all randomness comes from it
data_are_synthetic: false         # true stamps every page

cohort:
  sources:
    - {nifti: images, names: "{patient}_{study}.nii.gz"}    # fields besides patient and study become attributes
  unit: image                     # one row; patients are resampled
  cluster: patient
  sampling: consecutive           # consecutive | random | enriched | convenience
  # attributes:
  #   manufacturer: {table: scanners.csv, key: study, column: manufacturer}

reference:
  masks: reference                # the folder with the masks
  names: "{patient}_{study}.nii.gz"
  classes: {liver: 1, tumour: 2}  # the value of each structure; a value that is not named here is an error
  headline: liver                 # what the first page speaks of
  level: image
  standard: Drawn by two radiologists, blinded to the model, and agreed

segmentation:
  boundary: surfel                # surfel (area-weighted, as in surface-distance) | voxel (border voxels): libraries disagree
  tolerance: {liver: 3.0, tumour: 2.0}    # mm, of the normalised surface Dice
  empty_reference: exclude_and_report     # or agreement_if_both_empty
  empty_prediction: worst_case            # 0, or for a distance the image's diagonal; or exclude_and_report
  grid: refuse                            # a mask on another grid than its reference is a failure; or nearest
  # lesions: {overlap: iou, threshold: 0.1, inclusive: false, connectivity: 26, size_limits: [5, 10]}     # lesion_sensitivity

models:
  - id: candidate
    name: Name of the product
    version: 1.0.0
    format: predictions           # masks made elsewhere: the report says that inference was not witnessed
    path: predicted               # the folder with the masks
    masks: "{patient}_{study}.nii.gz"
    output: {activation: none, kind: mask}

inference: {on_failure: worst_case}

strata: []                        # such as [manufacturer]

endpoints:                        # statistic.measure; validate schema lists all of them
  - {id: dice, metric: segmentation.mean.dice, target: each, role: primary, rationale: Overlap as the field reports it.}
  - {id: nsd, metric: segmentation.mean.nsd, target: each, role: secondary}
  - {id: hd95, metric: segmentation.median.hd95, target: each, role: secondary}
  - {id: worst_tenth, metric: segmentation.quantile.dice, target: liver, role: secondary, options: {share: 0.1}}
  - {id: volume, metric: segmentation.mean.volume_difference, target: each, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: dice, limit: lower, at_least: 0.80, rationale: Two radiologists agree as well as this.}

report: {formats: [pdf, html]}
"""
