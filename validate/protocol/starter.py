"""The commented protocol that `validate new` writes: everything a first study needs, each line explained."""

from __future__ import annotations

import re

from validate.errors import CommandError
from validate.protocol.starter_marks import MARKS
from validate.protocol.starter_masks import MASKS
from validate.protocol.starter_targets import TARGETED

TASKS = ("classification", *TARGETED, "segmentation", "detection")
SOURCES = ("dicom", "table")


def starter(task: str, source: str) -> str:
    """YAML text that loads as it stands. Raises CommandError for a task or source that is not built."""
    if task not in TASKS:
        raise CommandError(f"--task: got '{task}', expected {' or '.join(TASKS)}")
    if source not in SOURCES:
        raise CommandError(f"--source: got '{source}', expected {' or '.join(SOURCES)}")
    if task in {"segmentation", "detection"}:
        return MASKS if task == "segmentation" else MARKS
    dicom = source == "dicom"
    parts = (HEAD, COHORT_DICOM if dicom else COHORT_TABLE, REFERENCE_DICOM if dicom else REFERENCE_TABLE)
    text = "".join((*parts, MODEL_DICOM if dicom else MODEL_TABLE, REST_DICOM if dicom else REST_TABLE))
    return text + DECISION if task == "classification" else _targeted(text, task)


def _targeted(text: str, task: str) -> str:
    """The same for several classes, grades or findings: other labels, several scores, another rule, other endpoints."""
    of = TARGETED[task]
    text = text.replace("task: classification", f"task: {task}")
    text = re.sub(r"  label: opacity.*\n  positive: 1\n  negative: 0\n(  # indeterminate_values.*\n)?", of.labels, text)
    text = re.sub(r"    score: score\n", of.scores, text)
    text = re.sub(
        r"activation: sigmoid, kind: probability\}",
        f"activation: {of.activation}, kind: probability, {of.output}}}",
        text,
    )
    text = re.sub(r"activation: none, kind: probability\}", f"activation: none, kind: probability, {of.output}}}", text)
    text = re.sub(
        r"^    operating_point: \{.*\}", f"    operating_point: {of.operating_point}", text, flags=re.MULTILINE
    )
    return text + "analyses:\n  - calibration: {}\n\n" + of.decision


HEAD = """\
# A validation protocol. Fill in, then:  validate check FILE  ·  validate lock FILE  ·  validate run FILE
# Once locked, a change is refused: decide everything here before anyone looks at results.
schema_version: "1"
id: my-study                      # names files: letters, digits, - _ .
version: 1.0.0
title: Acceptance test of a classifier
profile: acceptance               # acceptance | submission | comparison: order and wording of the report
intended_use: Second reader of adult chest radiographs in an emergency department.
task: classification
seed: 20261122                    # all randomness comes from it
data_are_synthetic: false         # true stamps every page

"""
COHORT_DICOM = """\
cohort:
  sources:
    - dicom: data                 # a folder, relative to this file; `validate index data` shows what is in it
  # period: {from: 2025-01-01, to: 2025-12-31}
  unit: image                     # one row is one image | study | patient
  cluster: patient                # what is resampled: images of one patient are not independent
  sampling: consecutive           # consecutive | random | enriched | convenience
  # prevalence: {values: [0.08], source: local audit}      # PPV, NPV and alarms are restated at these
  include:
    - {attribute: modality, one_of: [CR, DX]}
    - {attribute: view_position, one_of: [PA, AP]}
  exclude:
    - {attribute: age, at_most: 17.99}
  on_unreadable: worst_case       # a file that met the rules and can't be decoded counts as a wrong answer
  attributes:                     # besides those from headers
    age_band: {of: age, bands: [18, 40, 65, 120]}
    # site: {table: sites.csv, key: accession_number, column: site}
  # independence: {overlap: none, method: vendor attestation}

"""
COHORT_TABLE = """\
cohort:
  sources:
    - {table: cases.csv, key: case_id, patient: patient_id}   # other columns are attributes
  unit: image
  cluster: patient
  sampling: consecutive           # consecutive | random | enriched | convenience

"""
REFERENCE_DICOM = """\
reference:
  table: reference.csv            # read only after inference
  key: accession_number           # joins labels and images: accession_number, study_instance_uid, patient_id, …
  level: study                    # labels may be coarser than rows
  label: opacity                  # column with the label
  positive: 1
  negative: 0
  # indeterminate_values: [equivocal]
  standard: Consensus of three readers, blinded to the model
  kind: reference_standard        # or comparator: the report then says percent agreement

"""
REFERENCE_TABLE = """\
reference:
  table: cases.csv
  key: case_id
  level: image
  label: opacity
  positive: 1
  negative: 0
  standard: Consensus of three readers, blinded to the model

"""
MODEL_DICOM = """\
models:
  - id: candidate
    name: Name of the product
    version: 1.0.0
    format: onnx                  # onnx | torch | predictions | constant
    path: model.onnx
    # sha256: …                   # 64 hexadecimal digits; the file is checked before it is opened
    input: image
    preprocess:                   # exactly what the manufacturer states, in order
      - window: {source: voi_lut, index: 0}
      - resize: {size: [128, 128], method: bilinear, antialias: true}
      - scale: {to: [0.0, 1.0]}
    output: {activation: sigmoid, kind: probability}         # stated, never guessed
    operating_point: {threshold: 0.5, rule: ">=", source: manufacturer labelling}

"""
MODEL_TABLE = """\
models:
  - id: candidate
    name: Name of the product
    version: 1.0.0
    format: predictions           # made elsewhere: the report says that inference was not witnessed
    path: predictions.csv
    key: case_id
    score: score
    output: {activation: none, kind: probability}            # probability in [0, 1], or score
    operating_point: {threshold: 0.5, rule: ">=", source: manufacturer labelling}

"""
REST_DICOM = """\
inference: {device: auto, batch_size: auto, precision: float32, on_failure: worst_case}

strata: [sex, age_band, manufacturer]
"""
REST_TABLE = """\
strata: []                        # columns of cases.csv, such as [sex, manufacturer]
"""
DECISION = """\
analyses:
  - calibration: {}

endpoints:
  - {id: auroc, metric: classification.auroc, role: primary, rationale: Threshold-free discrimination.}
  - {id: sensitivity, metric: classification.sensitivity, role: primary, rationale: A miss is the main harm.}
  - {id: specificity, metric: classification.specificity, role: secondary}
  - {id: brier, metric: classification.brier, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: auroc, limit: lower, at_least: 0.80, rationale: Below the published reader average.}
  - {endpoint: sensitivity, limit: lower, at_least: 0.75, assumed: 0.88, rationale: Agreed with the clinical lead.}

report: {formats: [pdf, html]}
"""
