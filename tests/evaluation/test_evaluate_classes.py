"""`validate.evaluate` of several classes, grades and findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import validate
from validate.errors import DataError

CLASSES = ["none", "bleed", "infarct"]


def study(n: int = 240, seed: int = 4) -> pd.DataFrame:
    """Three classes with probabilities, two rows a patient."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=[0.5, 0.2, 0.3])
    share = rng.dirichlet(np.ones(3), n) + 0.7 * np.eye(3)[true]
    share /= share.sum(axis=1, keepdims=True)
    columns = {f"p_{name}": share[:, place] for place, name in enumerate(CLASSES)}
    answer = share.argmax(axis=1)
    return pd.DataFrame(
        {"patient": np.arange(n) // 2, "truth": np.array(CLASSES)[true], "grade": true, "answer": answer,
         "site": np.where(rng.random(n) < 0.5, "A", "B"), **columns}
    )  # fmt: skip


def table(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return validate.evaluate(frame, cluster="patient", replicates=200, **options).to_pandas()


SCORES = {name: f"p_{name}" for name in CLASSES}


def test_classes_are_read_together_and_each_against_the_rest() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    frame = study()
    found = table(
        frame, task="multiclass", truth="truth", classes=CLASSES, scores=SCORES, by=["site"],
        metrics=["hand_till_auroc", "kappa", "auroc", "sensitivity", "accuracy"],
    )  # fmt: skip
    overall = found[found["stratum"] == {}].set_index(["metric", "target"])["value"]
    answer = np.array(CLASSES)[frame[[f"p_{name}" for name in CLASSES]].to_numpy().argmax(axis=1)]
    assert overall["kappa", "all"] == pytest.approx(metrics.cohen_kappa_score(frame["truth"], answer))
    assert overall["accuracy", "all"] == pytest.approx((answer == frame["truth"]).mean())
    for name in CLASSES:
        one = frame["truth"] == name
        assert overall["auroc", name] == pytest.approx(metrics.roc_auc_score(one, frame[f"p_{name}"]))
        assert overall["sensitivity", name] == pytest.approx((answer[one] == name).mean())
    assert len(found) == 3 * (3 + 2 * 3)
    assert found["low"].notna().all()


def test_grades_come_from_probabilities_from_cuts_of_one_score_or_as_they_are() -> None:
    frame = study()
    frame["severity"] = frame["p_bleed"] + 2 * frame["p_infarct"]
    common = {"task": "ordinal", "truth": "grade", "classes": [0, 1, 2], "metrics": ["quadratic_kappa", "sensitivity"]}
    by_scores = table(frame, **common, scores={0: "p_none", 1: "p_bleed", 2: "p_infarct"})
    by_answer = table(frame, **common, predicted="answer")
    by_cuts = table(frame, **common, score="severity", cuts=[0.5, 1.5])
    pd.testing.assert_frame_equal(by_scores[["target", "value"]], by_answer[["target", "value"]])
    assert list(by_cuts["target"]) == ["all", "at_least_1", "at_least_2"]
    grade = np.searchsorted([0.5, 1.5], frame["severity"], side="right")
    worse = frame["grade"] >= 2
    assert by_cuts["value"].iloc[2] == pytest.approx((grade[worse] >= 2).mean())


def test_findings_are_judged_one_by_one_each_at_its_own_threshold() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"patient": np.arange(200), "a": rng.integers(0, 2, 200), "b": rng.integers(0, 2, 200)})
    frame["score_a"], frame["score_b"] = rng.random(200) * 0.5 + 0.4 * frame["a"], rng.random(200)
    found = table(
        frame, task="multilabel", truth={"a": "a", "b": "b"}, scores={"a": "score_a", "b": "score_b"},
        threshold={"a": 0.4, "b": 0.7}, metrics=["sensitivity", "auroc"],
    )  # fmt: skip
    value = found.set_index(["metric", "target"])["value"]
    assert value["sensitivity", "b"] == pytest.approx((frame["score_b"][frame["b"] == 1] >= 0.7).mean())
    assert value["auroc", "a"] > 0.9 > value["auroc", "b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "multiclass", "truth": "truth"}, "needs the column of labels and every value it may hold"),
        ({"task": "multiclass", "truth": "truth", "classes": ["none", "bleed"]}, "expected at least three different"),
        ({"task": "multiclass", "truth": "truth", "classes": ["none", "bleed", "x"], "scores": SCORES}, "holds 'infarct'"),
        ({"task": "multiclass", "truth": "truth", "classes": CLASSES}, "needs the answers: predicted, or scores"),
        (
            {"task": "multiclass", "truth": "truth", "classes": CLASSES, "scores": {"none": "p_none"}},
            "scores: is for none, and the classes are none, bleed, infarct",
        ),
        ({"task": "multiclass", "truth": "truth", "classes": CLASSES, "scores": SCORES, "threshold": 0.5}, "does not belong"),
        ({"task": "ordinal", "truth": "grade", "classes": [0, 1, 2], "score": "p_none", "cuts": [0.7, 0.2]}, "2 rising numbers"),
        ({"task": "multilabel", "truth": "truth", "scores": SCORES}, "needs both as {finding: column}"),
        ({"task": "classification", "truth": "truth"}, "name one column each"),
        ({"task": "survival", "truth": "truth", "score": "p_none"}, "task: got 'survival', expected"),
        (
            {"task": "ordinal", "truth": "grade", "classes": [0, 1, 2], "predicted": "answer", "metrics": ["hand_till_auroc"]},
            "needs scores of every class",
        ),
        (
            {"task": "multiclass", "truth": "truth", "classes": CLASSES, "scores": SCORES, "metrics": ["quadratic_kappa"]},
            "no metric 'quadratic_kappa'",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_evaluated_is_said_in_a_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        table(study(60), **options)


def test_a_patient_of_two_sexes_is_refused() -> None:
    frame = study(60).assign(sex=["F", "M"] * 30)
    with pytest.raises(DataError, match="attribute 'sex': 30 of 30 patients have two values"):
        table(frame, task="ordinal", truth="grade", classes=[0, 1, 2], predicted="answer", by=["sex"])
