"""Several classes, grades and findings from protocol to report, on the gallery's tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import validate
from validate.errors import DataError, ModelError
from validate.evidence.verify import verify
from validate.numbers import recomputation

NAMES = ("retinopathy-grading", "stroke-classes", "cxr-findings")


@pytest.fixture(scope="module")
def gallery_tree(tmp_path_factory: pytest.TempPathFactory, tree: Callable[[Path], Path]) -> Path:
    return tree(tmp_path_factory.mktemp("targets"))


@pytest.fixture(scope="module")
def runs(gallery_tree: Path, on_screen: Callable[[Path], Path]) -> dict[str, Any]:
    """The three studies, reported as HTML only."""
    found = {}
    for name in NAMES:
        path = on_screen(gallery_tree / f"{name}.yaml")
        found[name] = validate.run(path, out=gallery_tree / "runs" / name)
    return found


def rows(gallery: Path, name: str) -> list[dict[str, str]]:
    with (gallery.parents[1] / "sample_data" / "tables" / f"{name}.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def value(run: Any, endpoint: str) -> float:
    estimates = json.loads((run.folder / "estimates.json").read_text())["estimates"]
    found = [e for e in estimates if e["endpoint"] == endpoint and not e["stratum"] and "missing=" not in e["id"]]
    return float(found[0]["value"])


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_recomputed_and_the_report_shows_each_target(runs: dict[str, Any], name: str) -> None:
    folder = runs[name].folder
    assert verify(folder, recompute=recomputation).status == "VERIFIED"
    page = (folder / "report" / "report.html").read_text().partition("<script>")[0]
    for target in pq.read_table(folder / "results" / "units.parquet")["target"].unique().to_pylist():
        assert target == "all" or target.replace("at_least_", "grade ").replace("_", " ") in page
    for wrong in ("NaN", ">None<", "nan%"):
        assert wrong not in page


def test_grades_are_those_of_scikit_learn_with_failures_as_the_farthest(
    gallery_tree: Path, runs: dict[str, Any]
) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    table = rows(gallery_tree, "retinopathy")
    true = np.array([int(row["grade"]) for row in table])
    share = np.array([[float(row[f"p{grade}"] or "nan") for grade in range(5)] for row in table])
    failed = np.isnan(share[:, 0])
    answer = np.where(failed, np.where(true < 2, 4, 0), np.nan_to_num(share).argmax(axis=1))
    assert failed.sum() == 3
    assert value(runs["retinopathy-grading"], "within_one") == pytest.approx((np.abs(true - answer) <= 1).mean())
    referable = (share[:, 2:].sum(axis=1) >= 0) & (answer >= 2)
    assert value(runs["retinopathy-grading"], "referable_sensitivity") == pytest.approx(referable[true >= 2].mean())
    kept = ~failed
    folder = runs["retinopathy-grading"].folder
    estimates = json.loads((folder / "estimates.json").read_text())["estimates"]
    excluded = next(e for e in estimates if e["id"] == "quadratic_kappa/grader/clean/missing=excluded")
    expected = metrics.cohen_kappa_score(true[kept], answer[kept], weights="quadratic")
    assert excluded["value"] == pytest.approx(expected, abs=1e-12)
    assert excluded["n_failed"] == 3


def test_the_weak_camera_that_was_put_in_is_found(runs: dict[str, Any]) -> None:
    findings = json.loads((runs["retinopathy-grading"].folder / "findings.json").read_text())["findings"]
    strata = next(one for one in findings if one["analysis"] == "strata")
    kappa = next(one for one in strata["data"]["endpoints"] if one["endpoint"] == "quadratic_kappa")
    assert {"attribute": "camera", "level": "Handheld"} in kappa["claimed"]
    assert runs["retinopathy-grading"].verdict.outcome == "INCONCLUSIVE"


def test_classes_are_those_of_scikit_learn(gallery_tree: Path, runs: dict[str, Any]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    table = rows(gallery_tree, "stroke")
    names = ("no_stroke", "haemorrhage", "ischaemia")
    share = np.array([[float(row[f"p_{name}"]) for name in names] for row in table])
    true = np.array([names.index(row["diagnosis"]) for row in table])
    run = runs["stroke-classes"]
    whole = share / share.sum(axis=1, keepdims=True)
    assert value(run, "m") == pytest.approx(metrics.roc_auc_score(true, whole, multi_class="ovo"), abs=1e-9)
    assert value(run, "kappa") == pytest.approx(metrics.cohen_kappa_score(true, share.argmax(axis=1)), abs=1e-12)
    assert value(run, "sensitivity.ischaemia") == pytest.approx((share.argmax(axis=1) == 2)[true == 2].mean())


def test_each_finding_has_its_own_labels_threshold_and_goal(gallery_tree: Path, runs: dict[str, Any]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    table = [row for row in rows(gallery_tree, "findings") if row["nodule"] in {"0", "1"}]
    truth = np.array([row["nodule"] == "1" for row in table])
    score = np.array([float(row["score_nodule"]) for row in table])
    run = runs["cxr-findings"]
    assert value(run, "auroc.nodule") == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-12)
    assert value(run, "sensitivity.nodule") == pytest.approx((score[truth] >= 0.20).mean())
    findings = json.loads((run.folder / "findings.json").read_text())["findings"]
    targets = next(one for one in findings if one["analysis"] == "targets")["data"]["targets"]
    assert {one["name"]: one["without_label"] for one in targets}["nodule"] == 9
    assert [criterion.endpoint for criterion in run.verdict.criteria] == [
        "auroc.effusion", "auroc.pneumothorax", "auroc.consolidation", "auroc.nodule", "sensitivity.effusion",
    ]  # fmt: skip


def test_a_gap_between_the_sexes_is_judged_by_its_margin_and_shown(runs: dict[str, Any]) -> None:
    run = runs["cxr-findings"]
    gap = run.verdict.criteria[-1]
    assert (gap.gap_of, gap.outcome, gap.reason) == ("sex", "INCONCLUSIVE", "straddles_goal")
    page = (run.folder / "report" / "report.html").read_text()
    assert "Does it serve every group of patients alike?" in page
    assert "gap between groups of sex" in page
    assert "neither shown nor ruled out" in page


def test_two_models_of_several_classes_are_compared_pair_by_pair(gallery: Path) -> None:
    path = gallery / "stroke-classes.yaml"
    text = path.read_text()
    start, end = text.index("models:\n") + len("models:\n"), text.index("endpoints:\n")
    rival = text[start:end].rstrip().replace("id: classifier", "id: rival")
    rival = rival.replace(
        "haemorrhage: p_haemorrhage, ischaemia: p_ischaemia", "haemorrhage: p_ischaemia, ischaemia: p_haemorrhage"
    )
    compared = """comparisons:
  - {test: classifier, reference: rival, endpoint: m, hypothesis: superiority, rationale: r}
  - {test: classifier, reference: rival, endpoint: sensitivity.haemorrhage, hypothesis: noninferiority, margin: 0.05, rationale: r}

"""
    text = (
        text[:start]
        + text[start:end].rstrip()
        + "\n"
        + rival
        + "\n\n"
        + text[end:].replace("report:\n", compared + "report:\n")
    )
    path.write_text(text)
    run = validate.run(path, out=gallery / "run")
    between = {one.endpoint: one for one in run.verdict.criteria if one.against is not None}
    assert between["m"].outcome == between["sensitivity.haemorrhage"].outcome == "PASS"
    assert "AUROC over pairs of classes" in between["m"].sentence
    assert verify(run.folder, recompute=recomputation).status == "VERIFIED"


def test_a_label_that_nobody_explained_is_found_before_any_model_runs(gallery: Path) -> None:
    table = gallery.parents[1] / "sample_data" / "tables" / "stroke.csv"
    table.write_text(table.read_text().replace("ischaemia,", "ischemia,"))
    with pytest.raises(DataError, match="holds 'ischemia', which the protocol does not explain: it names no_stroke"):
        validate.run(gallery / "stroke-classes.yaml", out=gallery / "run")
    assert not (gallery / "run" / "inference").exists()
    assert not (gallery / "stroke-classes.lock.json").exists()


def test_scores_and_columns_must_name_the_same_classes_in_the_same_order(gallery: Path) -> None:
    path = gallery / "stroke-classes.yaml"
    path.write_text(path.read_text().replace("columns: [no_stroke, haemorrhage,", "columns: [haemorrhage, no_stroke,"))
    with pytest.raises(ModelError, match="Write the same names in the same order in both"):
        validate.run(path, out=gallery / "run")
