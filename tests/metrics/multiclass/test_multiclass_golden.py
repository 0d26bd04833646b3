"""Metrics of several classes against scikit-learn, called live, and against R's pROC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validate.errors import Undefined
from validate.metrics.metric import Rows
from validate.registry import load


def study(n: int = 300, k: int = 4) -> Rows:
    """Probabilities that sum to one, with ties, and the class of the highest."""
    rng = np.random.default_rng(11)
    true = rng.choice(k, n, p=[0.5, 0.3, 0.15, 0.05])
    scores = np.round(rng.dirichlet(np.ones(k), n) + 0.25 * np.eye(k)[true], 1) + 1e-9
    scores /= scores.sum(axis=1, keepdims=True)
    return Rows({"true": true, "predicted": scores.argmax(axis=1), "scores": scores}, {"classes": float(k)})


def value(name: str, rows: Rows) -> float:
    return load("metrics", name).value(rows, np.ones(len(rows), np.int64))


def test_the_value_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rows = study()
    true, predicted, scores = rows["true"], rows["predicted"], rows["scores"]
    expected = {
        "multiclass.accuracy": metrics.accuracy_score(true, predicted),
        "multiclass.balanced_accuracy": metrics.balanced_accuracy_score(true, predicted),
        "multiclass.macro_f1": metrics.f1_score(true, predicted, average="macro"),
        "multiclass.mcc": metrics.matthews_corrcoef(true, predicted),
        "multiclass.kappa": metrics.cohen_kappa_score(true, predicted),
        "ordinal.linear_kappa": metrics.cohen_kappa_score(true, predicted, weights="linear"),
        "ordinal.quadratic_kappa": metrics.cohen_kappa_score(true, predicted, weights="quadratic"),
        "multiclass.hand_till_auroc": metrics.roc_auc_score(true, scores, multi_class="ovo", average="macro"),
        "multiclass.macro_auroc": metrics.roc_auc_score(true, scores, multi_class="ovr", average="macro"),
    }
    for name, wanted in expected.items():
        assert value(name, rows) == pytest.approx(wanted, abs=1e-12), name


def test_top_k_is_scikit_learns_where_no_scores_tie_and_counts_ties_against_the_model() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    true, scores = rng.integers(0, 5, 200), rng.random((200, 5))
    rows = Rows({"true": true, "scores": scores}, {"classes": 5.0, "k": 2.0})
    assert value("multiclass.top_k_accuracy", rows) == metrics.top_k_accuracy_score(true, scores, k=2)
    tied = Rows({"true": np.array([0]), "scores": np.full((1, 5), 0.2)}, {"classes": 5.0, "k": 2.0})
    assert value("multiclass.top_k_accuracy", tied) == 0.0


def test_of_two_classes_m_is_the_auroc() -> None:
    rng = np.random.default_rng(5)
    true = rng.integers(0, 2, 80)
    score = np.round(rng.random(80) + 0.4 * true, 1)
    rows = Rows({"true": true, "scores": np.stack((-score, score), axis=1)}, {"classes": 2.0})
    binary = Rows({"score": score, "positive": true == 1})
    assert value("multiclass.hand_till_auroc", rows) == pytest.approx(value("classification.auroc", binary), abs=1e-14)


# Hand & Till's M of formula data by R 4.2.2, pROC 1.18.0: tests/golden/r/multiclass.R
R_M = 0.638611111111111


def test_m_is_procs_multiclass_roc() -> None:
    i = np.arange(90)
    true = i % 3
    raw = np.stack([1 + np.sin(i * (j + 1) * 0.7) + 0.9 * (true == j) for j in range(3)], axis=1)
    scores = np.round(raw / raw.sum(axis=1, keepdims=True), 2)
    rows = Rows({"true": true, "scores": scores}, {"classes": 3.0})
    assert value("multiclass.hand_till_auroc", rows) == pytest.approx(R_M, abs=1e-12)


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "hand_till_auroc", "macro_auroc"])
def test_a_class_without_a_case_is_said(name: str) -> None:
    rows = Rows(
        {"true": np.array([0, 1, 1]), "predicted": np.array([0, 1, 0]), "scores": np.ones((3, 3))}, {"classes": 3.0}
    )
    with pytest.raises(Undefined, match="needs a case of every class: 2 of 3 have one"):
        value(f"multiclass.{name}", rows)


def test_a_case_without_an_answer_is_wrong_and_of_no_class() -> None:
    rows = Rows({"true": np.array([0, 1, 2, 0]), "predicted": np.array([0, 1, 2, 3])}, {"classes": 3.0})
    assert value("multiclass.accuracy", rows) == 0.75
    assert value("multiclass.balanced_accuracy", rows) == pytest.approx((0.5 + 1 + 1) / 3)
    assert value("multiclass.macro_f1", rows) == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert value("multiclass.kappa", rows) < value("multiclass.kappa", rows.where(np.arange(3)))


@pytest.mark.parametrize(
    "name",
    ["accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa", "hand_till_auroc", "macro_auroc", "top_k_accuracy"],
)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_names_of_the_classes_change_nothing(name: str, seed: int) -> None:
    rows, order = study(60), np.random.default_rng(seed).permutation(4)
    place = np.argsort(order)
    renamed = Rows(
        {"true": place[rows["true"]], "predicted": place[rows["predicted"]], "scores": rows["scores"][:, order]},
        rows.condition,
    )
    assert value(f"multiclass.{name}", renamed) == pytest.approx(value(f"multiclass.{name}", rows), abs=1e-14)


@pytest.mark.parametrize("name", ["hand_till_auroc", "macro_auroc"])
def test_ranks_are_the_same_after_any_rising_transform_of_each_class(name: str) -> None:
    plain = study()
    rows = Rows(
        {**plain.columns, "scores": np.round(64 * plain["scores"]) / 64}, plain.condition
    )  # exact, ties and all
    moved = Rows({**rows.columns, "scores": rows["scores"] * np.array([2, 8, 0.5, 1]) + 1}, rows.condition)
    assert value(f"multiclass.{name}", moved) == value(f"multiclass.{name}", rows)
