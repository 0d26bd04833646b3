"""Studies of several classes, grades or findings: what a protocol must say, and what `each` stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import LoadedProtocol, from_resolved, load_protocol
from validate.protocol.targets import headline, targets_of, written

GALLERY = Path(__file__).parents[2] / "protocols" / "gallery"
ORDINAL, MULTICLASS, MULTILABEL = (
    (GALLERY / f"{name}.yaml").read_text() for name in ("retinopathy-grading", "stroke-classes", "cxr-findings")
)
PROBLEMS = [
    (ORDINAL, "task: ordinal", "task: multiclass", "reference.classes: is missing; task multiclass needs it: every class"),
    (ORDINAL, "  grades: [0, 1, 2, 3, 4]\n", "", "reference.grades: is missing; task ordinal needs it: every grade, in rising order"),
    (ORDINAL, "grades: [0, 1, 2, 3, 4]", "grades: [0, 1, 2, 3, 3]", "grades[4]: '3' stands twice"),
    (ORDINAL, "grades: [0, 1, 2, 3, 4]", "grades: [0, 1]", "expected at least 3; fewer are task classification"),
    (ORDINAL, "headline: at_least_2 ", "headline: at_least_7 ", "no target 'at_least_7'; targets are 'at_least_1'"),
    (ORDINAL, "  headline: at_least_2 ", "  # headline: ", "headline: is missing; task ordinal needs it: the one that the first page"),
    (ORDINAL, "rule: argmax,", "threshold: 0.5,", "operating_point: got threshold, expected argmax here"),
    (ORDINAL, ", columns: [0, 1, 2, 3, 4]}", "}", "operating_point: got argmax, expected cuts here"),
    (ORDINAL, "columns: [0, 1, 2, 3, 4]", "columns: [0, 1, 2, 3]", "no number is for 4"),
    (ORDINAL, "columns: [0, 1, 2, 3, 4]", "columns: [0, 1, 2, 3, 4, 4]", "columns[5]: '4' stands twice"),
    (ORDINAL, "[0, 1, 2, 3, 4]}", "[0, 1, 2, 3, 4], index: 1}", "says one number and columns say all"),
    (ORDINAL, "activation: none, kind: probability", "activation: none, kind: score", "is the sum of the grades' probabilities"),
    (ORDINAL, "quadratic_kappa, role", "quadratic_kappa, target: at_least_1, role", "is of all classes together"),
    (ORDINAL, "target: at_least_2, role: primary", "role: primary", "endpoints[1].target: is missing; Sensitivity is of one of at_least_1"),
    (ORDINAL, "target: at_least_2, role: primary", "target: at_least_9, role: primary", "no target 'at_least_9'"),
    (ORDINAL, "  label: grade\n", "  label: grade\n  positive: 1\n", "positive: does not belong to task ordinal"),
    (MULTICLASS, "multiclass.kappa", "ordinal.linear_kappa", "is a metric of ordinal; this study's task"),
    (MULTICLASS, "columns: [no_stroke, haemorrhage, ischaemia]", "columns: [no_stroke, haemorrhage, tumour]", "no class 'tumour'"),
    (MULTICLASS, "    operating_point: {rule: argmax, source: manufacturer labelling}\n", "", "how scores become an answer: {rule: argmax"),
    (MULTICLASS, "classes: [no_stroke, haemorrhage, ischaemia]", "classes: [all, haemorrhage, ischaemia]", "'all' is reserved"),
    (MULTICLASS, "  sampling: consecutive", "  sampling: enriched", "depends on prevalence and the sampling is enriched"),
    (MULTILABEL, "nodule: 0.20}", "nodul: 0.20}", "no finding 'nodul'"),
    (MULTILABEL, ", nodule: 0.20}", "}", "thresholds: has none for nodule"),
    (MULTILABEL, "nodule: 0.20}", "nodule: 1.20}", "got 1.2, but a probability lies between 0 and 1"),
    (MULTILABEL, "      thresholds:", "      threshold: 0.5\n      thresholds:", "got threshold and thresholds, expected"),
    (MULTILABEL, "columns: [effusion, pneumothorax, consolidation, nodule]", "index: 0", "columns: is missing; say which of effusion"),
    (MULTILABEL, "strata: [manufacturer, sex, site]", "strata: [sex]\nresampling: {stratify_by: class}", "is for task classification"),
]  # fmt: skip


def load(text: str, folder: Path) -> LoadedProtocol:
    path = folder / "protocol.yaml"
    path.write_text(text)
    return load_protocol(path, catalog=shipped_catalog())


@pytest.mark.parametrize(("text", "old", "new", "message"), PROBLEMS, ids=[problem[3][:40] for problem in PROBLEMS])
def test_what_does_not_fit_is_said_with_its_place(tmp_path: Path, text: str, old: str, new: str, message: str) -> None:
    if message.startswith("depends on prevalence"):
        text = text.replace(
            "acceptance:\n", "acceptance:\n  - {endpoint: kappa, limit: lower, at_least: 0.5, rationale: x}\n"
        )
    assert old in text
    with pytest.raises(ProtocolError) as caught:
        load(text.replace(old, new), tmp_path)
    assert message in str(caught.value)


def test_a_single_question_has_no_targets(tmp_path: Path) -> None:
    text = (GALLERY / "cxr-opacity-table.yaml").read_text()
    protocol = load(text, tmp_path).protocol
    assert [target.name for target in targets_of(protocol)] == ["opacity"]
    assert headline(protocol).words == ""
    with pytest.raises(ProtocolError, match="task classification has one question only"):
        load(text.replace("metric: classification.auroc,", "metric: classification.auroc, target: opacity,"), tmp_path)


def test_each_is_written_out_in_endpoints_criteria_and_families_and_problems_keep_their_line(tmp_path: Path) -> None:
    loaded = load(MULTILABEL, tmp_path)
    ids = [endpoint.id for endpoint in loaded.protocol.endpoints]
    assert ids[:4] == ["auroc.effusion", "auroc.pneumothorax", "auroc.consolidation", "auroc.nodule"]
    assert len(ids) == 16
    assert [criterion.endpoint for criterion in loaded.protocol.acceptance][:4] == ids[:4]
    assert from_resolved(loaded.resolved) == loaded.protocol
    spoiled = MULTILABEL.replace("id: ppv, metric: classification.ppv", "id: ppv, metric: classification.pvv")
    line = next(number for number, text in enumerate(spoiled.split("\n"), start=1) if "pvv" in text)
    with pytest.raises(
        ProtocolError, match=rf"protocol.yaml:{line} endpoints\[3\].metric: no metric 'classification.pvv'"
    ):
        load(spoiled, tmp_path)


def test_targets_are_classes_steps_or_findings_and_all_together(tmp_path: Path) -> None:
    steps = targets_of(load(ORDINAL, tmp_path).protocol)
    assert [(one.name, one.words) for one in steps][:2] == [
        ("at_least_1", "grade 1 or above"),
        ("at_least_2", "grade 2 or above"),
    ]
    assert steps[-1].name == "all"
    classes = targets_of(load(MULTICLASS, tmp_path).protocol)
    assert [one.words for one in classes] == [
        "no stroke against the rest", "haemorrhage against the rest", "ischaemia against the rest", "all classes",
    ]  # fmt: skip
    assert [one.name for one in targets_of(load(MULTILABEL, tmp_path).protocol)][-1] == "nodule"


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", " 1 "])
def test_a_class_is_the_same_however_it_is_written(value: object) -> None:
    assert written(value) == "1"
