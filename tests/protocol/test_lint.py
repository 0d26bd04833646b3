"""Cross-field sense: each rule is fed a protocol that breaks it, and its sentence is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import load_protocol
from validate.protocol.starter import starter

DICOM, TABLE = starter("classification", "dicom"), starter("classification", "table")
AUROC = "{endpoint: auroc, limit: lower, at_least: 0.80, rationale: Below the published reader average.}"
PROBLEMS = [
    ("id: my-study ", "id: my/study ", "id: got 'my/study', expected letters"),
    ("title: Acceptance test of a classifier", "title: ' '", "title: is empty"),
    ("    - dicom: data ", "    - {dicom: data, table: t.csv} ", "cohort.sources[0]: got 2 of dicom, nifti"),
    ("    - dicom: data ", "    - images: data ", "cohort.sources[0]: got 0 of dicom, nifti, table"),
    ("    - dicom: data ", "    - nifti: data ", "names: is missing; NIfTI names no patient"),
    ("    - dicom: data ", "    - {nifti: data, names: '{a}{patient}.nii'} ", "nothing stands between two fields"),
    ("    - dicom: data ", "    - {nifti: data, names: '{case}.nii'} ", "which has no {patient}: patients are what is resampled"),
    ("    - dicom: data ", "    - table: t.csv ", "a table source names its columns"),
    ("# period: {from: 2025-01-01, to: 2025-12-31}", "period: {from: 2025-12-31, to: 2025-01-01}", "ends (2025-01-01) before"),
    ("unit: image ", "unit: lesion ", "unit 'lesion' is not built yet"),
    ("one_of: [CR, DX]}", "one_of: [CR], at_least: 3}", "include[0]: got one_of and at_least, expected one of"),
    ("{attribute: modality, one_of: [CR, DX]}", "{attribute: modality}", "got no operator"),
    ("{attribute: modality, one_of", "{attribute: modalty, one_of", "no attribute 'modalty'"),
    ("{attribute: age, at_most: 17.99}", "{attribute: age, at_least: 30, at_most: 20}", "nothing can meet both"),
    ("bands: [18, 40, 65, 120]", "bands: [18, 10]", "age_band.bands: got [18.0, 10.0], expected at least two rising"),
    ("{of: age, bands", "{of: weight, bands", "age_band.of: no attribute 'weight'"),
    ("age_band: {of: age, bands: [18, 40, 65, 120]}", "age_band: {table: a.csv, key: k}", "names all three: table, key and column"),
    ("age_band: {of: age, bands: [18, 40, 65, 120]}", "age_band: {tag: Rows, of: age, bands: [1, 2]}", "expected one form"),
    ("# prevalence: {values: [0.08], source: local audit}", "prevalence: {values: [0.0], source: x}", "got 0.0, expected more than 0"),
    ("unit: image ", "unit: patient ", "labels per study are finer than rows per patient"),
    ("negative: 0", "negative: 1", "is the same as positive"),
    ("standard: Consensus of three readers, blinded to the model", "standard: ''", "say how the truth was established"),
    ("- id: candidate", "- id: can/didate", "models[0].id: got 'can/didate'"),
    ("# sha256: …  ", "sha256: abc #", "models[0].sha256: got 3 characters, expected 64"),
    ("format: onnx ", "format: onix ", "no format 'onix'; formats are 'constant', "),
    ("path: model.onnx", "path: model.onnx\n    opsets: 3", "models[0].opsets: no key 'opsets'"),
    ("- resize: {size: [128, 128]", "- resise: {size: [128, 128]", "no step 'resise'; steps are"),
    ("size: [128, 128]", "size: [128]", "models[0].preprocess[1].resize.size"),
    ("source: voi_lut, index: 0", "source: values", "center and width belong to source: values"),
    ("{id: auroc, metric: classification.auroc,", "{id: auroc, metric: classification.auc,", "no metric 'classification.auc'"),
    ("{id: specificity,", "{id: auroc,", "'auroc' names two endpoints"),
    ("    operating_point: {threshold: 0.5", "    # operating_point: {threshold: 0.5", "needs an operating point; model 'candidate' has none"),
    ("activation: sigmoid, kind: probability", "activation: sigmoid, kind: score", "needs probabilities; model 'candidate' gives a score"),
    ("metric: classification.auroc, role", "metric: classification.auroc, interval: {method: wilson}, role", "has no wilson interval"),
    ("metric: classification.auroc, role", "metric: classification.auroc, interval: {method: delong}, role", "use obuchowski or bootstrap"),
    ("metric: classification.sensitivity, role", "metric: classification.sensitivity, interval: {method: wilson}, role",
     "use wilson_effective_n or bootstrap"),
    ("metric: classification.auroc, role", "metric: classification.auroc, interval: {method: obuchowski, kind: bca}, role",
     "belongs to method bootstrap"),
    ("strata: [sex, age_band, manufacturer]", "strata: [sex, agegroup]", "no attribute 'agegroup'"),
    ("strata: [sex, age_band, manufacturer]", "strata: [sex, sex]", "'sex' stands twice"),
    ("- calibration: {}", "- calibrations: {}", "no analysis 'calibrations'; analyses are"),
    ("- calibration: {}", "- calibration: {binz: 3}", "analyses[0].calibration.binz: no key 'binz'"),
    ("- calibration: {}", "- 3", "expected a name and its options"),
    ("strata: [sex, age_band, manufacturer]", "strata: [sex]\nresampling: {replicates: 4000, at_most: 2000}", "fewer than the 4000"),
    ("strata: [sex, age_band, manufacturer]", "strata: [sex]\nresampling: {stratify_by: class}", "must not be drawn apart"),
    ("one_of: [CR, DX]", "one_of: []", "include[0].one_of: got an empty list"),
    ("# prevalence: {values: [0.08], source: local audit}", "prevalence: {values: [], source: x}", "prevalence.values: got an empty list"),
    ("age_band: {of: age,", "sex: {of: age,", "cohort.attributes.sex: 'sex' is read from headers already"),
    ("age_band: {of: age, bands: [18, 40, 65, 120]}", "age_band: {of: b, bands: [1, 2]}\n    b: {of: age_band, bands: [1, 2]}",
     "made of itself: age_band → b → age_band"),
    ("input: image", "input: {}", "models[0].input: got an empty mapping"),
    ("threshold: 0.5", "threshold: 50", "threshold: got 50.0, but a probability lies between 0 and 1"),
    ("source: manufacturer labelling", "source: ''", "say who fixed the threshold"),
    ("precision: float32", "precision: float16", "model 'candidate' of format 'onnx' can't be run in half precision; say float32"),
    ("{id: brier,", "{id: br/ier,", "endpoints[3].id: got 'br/ier', expected letters"),
    ("{id: brier,", "{id: brier, options: {bins: 10},", "endpoints[3].options.bins: no option 'bins'; options are none"),
    ("{id: sensitivity,", "{id: sensitivity, options: {threshold: high},", "options.threshold: got 'high', expected a number"),
    ("- calibration: {}", "- calibration\n  - calibration: {}", "analyses[1]: 'calibration' stands twice"),
    ("- calibration: {}", "- fairness: {attributes: [sex]}", "analyses[0].fairness.endpoints: missing; the protocol"),
    ("- calibration: {}", "- fairness: {attributes: [sex], endpoints: [auroc], intersections: [[sex, sex, sex]]}",
     "fairness.intersections[0]: got 3 items, expected at most 2"),
    ("- calibration: {}", "- scanner_shift: {by: site}", "analyses[0].scanner_shift.endpoints: missing; the protocol"),
    ("- calibration: {}", "- robustness", "options.suite: missing"),
    ("- calibration: {}", "- shift: {order_by: month}", "shift.order_by: needs a reference: a finished run folder"),
    ("- calibration: {}", "- shift: {images: false}", "shift.images: got false without a reference"),
    ("- calibration: {}", "- robustness: {suite: any, endpoints: [auroc], custom: {jpeg: [{quality: 130}]}}",
     "analyses[0].robustness.custom.jpeg[0].quality: got 130, expected less than or equal to 100"),
    ("- calibration: {}", "- robustness: {suite: any, endpoints: [auroc], custom: {jpeg: [{quality: 90}, {qality: 3}]}}",
     "analyses[0].robustness.custom.jpeg[1].qality: no key 'qality'"),
    ("- calibration: {}", "- robustness: {suite: any, endpoints: [auroc], custom: {jpeg: []}}",
     "analyses[0].robustness.custom.jpeg: is empty; name one strength a severity"),
    ("metric: classification.auroc, role: primary", "metric: classification.auroc, role: exploratory", "decides nothing"),
    (AUROC, f"{AUROC}\n  - {AUROC}", "acceptance[1]: judges the same as acceptance[0]"),
    ("formats: [pdf, html]", "formats: []", "report.formats: got an empty list"),
    ("formats: [pdf, html]", "formats: [pdf, pdf]", "report.formats[1]: 'pdf' stands twice"),
    (AUROC, AUROC.replace("endpoint: auroc", "endpoint: auc"), "acceptance[0].endpoint: no endpoint 'auc'; endpoints are"),
    (AUROC, AUROC.replace("limit: lower", "limit: upper"), "got 'upper' with at_least; that goal is judged by the lower limit"),
    (AUROC, AUROC.replace("at_least: 0.80, ", ""), "expected one goal"),
    (AUROC, AUROC.replace("0.80", "1.80"), "got 1.8, but Area under the ROC curve lies between 0 and 1"),
    (AUROC, AUROC.replace("Below the published reader average.", "''"), "is empty; say why this goal"),
    (AUROC, AUROC.replace("limit", "worst_of: site, limit"), "no stratum 'site'; strata are 'age_band', 'manufacturer', 'sex'"),
    (AUROC, AUROC.replace("limit", "model: b, limit"), "no model 'b'; models are 'candidate'"),
]  # fmt: skip


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, catalog=shipped_catalog())
    return caught.value.problems


@pytest.mark.parametrize(("old", "new", "message"), PROBLEMS)
def test_what_makes_no_sense_is_refused_with_a_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in DICOM
    found = problems(tmp_path, DICOM.replace(old, new, 1))
    assert any(message in problem for problem in found), found


def test_an_enriched_study_can_not_decide_on_a_predictive_value(tmp_path: Path) -> None:
    text = DICOM.replace("sampling: consecutive", "sampling: enriched").replace(
        "classification.specificity", "classification.ppv"
    )
    text = text.replace(
        "acceptance:  ", "acceptance:\n  - {endpoint: specificity, limit: lower, at_least: 0.5, rationale: x}\n#"
    )
    assert any("depends on prevalence and the sampling is enriched" in p for p in problems(tmp_path, text))


def test_an_image_model_can_not_read_a_table(tmp_path: Path) -> None:
    text = TABLE.replace("format: predictions", "format: onnx").replace("    key: case_id\n    score: score\n", "")
    assert any("reads images, and the cohort is a table" in p for p in problems(tmp_path, text))


def test_a_table_of_outputs_is_prepared_by_nobody(tmp_path: Path) -> None:
    text = TABLE.replace("    score: score\n", "    score: score\n    preprocess: [{scale: {to: [0.0, 1.0]}}]\n")
    assert any("format 'predictions' reads no image" in p for p in problems(tmp_path, text))


def test_an_assumed_value_that_misses_its_goal_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(DICOM.replace("assumed: 0.88", "assumed: 0.70"))
    (warning,) = load_protocol(path, catalog=shipped_catalog()).warnings
    assert "acceptance[1].assumed: got 0.7, which does not meet the goal of 0.75" in warning


def test_a_primary_endpoint_without_a_criterion_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        DICOM.replace(
            "metric: classification.specificity, role: secondary", "metric: classification.specificity, role: primary"
        )
    )
    (warning,) = load_protocol(path, catalog=shipped_catalog()).warnings
    assert "primary endpoint 'specificity' has no acceptance criterion" in warning
    assert warning.startswith(f"{path}:")
