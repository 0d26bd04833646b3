"""`validate.evaluate`: any table in, one row per metric and stratum out, and a sentence for what can't be done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, recall_score, roc_auc_score

import validate
from validate.errors import DataError


def study(n: int = 400, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    label = (rng.random(patient.max() + 1) < 0.4)[patient].astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * label - 0.7)))
    sex = np.array(["F", "M", None], dtype=object)[rng.integers(0, 3, patient.max() + 1)][patient]
    maker = np.array(["GE", "Siemens"])[rng.integers(0, 2, n)]
    return pd.DataFrame({"patient_id": patient, "label": label, "score": score, "sex": sex, "manufacturer": maker})


def evaluated(frame: Any, **options: Any) -> pd.DataFrame:
    defaults: dict[str, Any] = {
        "task": "classification", "truth": "label", "score": "score", "threshold": 0.5, "cluster": "patient_id",
        "by": ["sex", "manufacturer"], "metrics": ["auroc", "sensitivity", "brier"], "interval": "bootstrap",
        "replicates": 500, "level": 0.95, "seed": 7,
    }  # fmt: skip
    return validate.evaluate(frame, **{**defaults, **options}).to_pandas()


def test_the_table_has_the_promised_columns_and_order() -> None:
    table = evaluated(study())
    promised = [
        "metric",
        "stratum",
        "value",
        "low",
        "high",
        "level",
        "method",
        "n_cases",
        "n_patients",
        "n_events",
        "unit",
        "status",
        "reason",
    ]
    assert list(table.columns[: len(promised)]) == promised
    assert table["metric"].tolist() == ["auroc"] * 6 + ["sensitivity"] * 6 + ["brier"] * 6
    assert table["stratum"].tolist()[:6] == [
        {}, {"sex": "F"}, {"sex": "M"}, {"sex": "missing"}, {"manufacturer": "GE"}, {"manufacturer": "Siemens"},
    ]  # fmt: skip


def test_values_are_those_of_scikit_learn_overall_and_in_a_stratum() -> None:
    frame = study()
    table = evaluated(frame, metrics=["auroc", "average_precision", "sensitivity", "brier"])
    for stratum, part in (({}, frame), ({"manufacturer": "GE"}, frame[frame.manufacturer == "GE"])):
        own = table[[s == stratum for s in table["stratum"]]].set_index("metric")["value"]
        assert own["auroc"] == pytest.approx(roc_auc_score(part.label, part.score), rel=1e-12)
        assert own["average_precision"] == pytest.approx(average_precision_score(part.label, part.score), rel=1e-12)
        assert own["sensitivity"] == pytest.approx(recall_score(part.label, part.score >= 0.5), rel=1e-12)
        assert own["brier"] == pytest.approx(brier_score_loss(part.label, part.score), rel=1e-12)


def test_pandas_polars_and_arrow_give_the_same_numbers() -> None:
    frame = study()
    first = evaluated(frame)
    for other in (pl.from_pandas(frame), pa.Table.from_pandas(frame, preserve_index=False), frame.to_dict("list")):
        pd.testing.assert_frame_equal(evaluated(other), first)


def test_patients_widen_the_interval_where_their_images_are_alike() -> None:
    one = study(200)
    alike = pd.concat([one, one, one], ignore_index=True)
    wide = evaluated(alike, by=[], metrics=["auroc"]).iloc[0]
    alone = evaluated(one, by=[], metrics=["auroc"]).iloc[0]
    ignoring = evaluated(alike, by=[], metrics=["auroc"], cluster=None).iloc[0]
    assert wide.high - wide.low == pytest.approx(alone.high - alone.low, rel=0.15)
    assert ignoring.high - ignoring.low < 0.75 * (wide.high - wide.low)


def test_the_seed_fixes_the_limits_and_workers_do_not_move_them() -> None:
    frame = study()
    pd.testing.assert_frame_equal(evaluated(frame, workers=1), evaluated(frame, workers=2))
    assert evaluated(frame, seed=8)["low"].tolist() != evaluated(frame)["low"].tolist()


def test_one_class_is_undefined_with_its_reason() -> None:
    frame = study()
    row = evaluated(frame.assign(label=0), by=[], metrics=["auroc"]).iloc[0]
    assert row.status == "undefined"
    assert "AUROC needs both classes: 0 positive" in row.reason
    assert np.isnan(row.value)


def test_everything_is_exploratory() -> None:
    estimates = validate.evaluate(study(), truth="label", score="score", cluster="patient_id")
    assert {e.role for e in estimates} == {"exploratory"}
    assert not any(e.prespecified for e in estimates)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": "labels"}, "no column 'labels'; its columns are .* Did you mean 'label'"),
        ({"by": ["sexe"]}, "no column 'sexe'"),
        ({"cluster": "patient"}, "no column 'patient'"),
        ({"metrics": ["aurocc"]}, "no metric 'aurocc'; .* Did you mean 'auroc'"),
        ({"metrics": ["sensitivity"], "threshold": None}, "sensitivity needs a threshold"),
        ({"interval": "wald"}, "no method 'wald'"),
        ({"interval": "wilson", "metrics": ["auroc"]}, "'wilson' does not fit auroc; valid for it are"),
        (
            {"interval": "wilson", "metrics": ["sensitivity"]},
            "takes rows for independent.*wilson_effective_n or bootstrap",
        ),
        ({"interval": "delong", "metrics": ["auroc"]}, "Use obuchowski or bootstrap"),
        ({"level": 1.0}, "level: got 1.0, expected a number between 0 and 1"),
        ({"level": 95}, "level: got 95"),
        ({"replicates": -5}, "replicates: got -5"),
        ({"task": "segmentationn"}, "task: got 'segmentationn'"),
        ({"threshold_rule": "<"}, "threshold_rule: got '<'"),
        ({"truth": "score"}, "expected 1 and one other value"),
        ({"score": "sex"}, "column 'sex': got .*, expected numbers"),
        ({"by": ["patient_id"]}, "too many to be groups"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluated(study(), **change)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", np.nan, "1 of 400 rows have no number"),
        ("score", np.inf, "1 of 400 rows are infinite"),
        ("score", 87.5, "brier needs probabilities, and 1 of 400 scores lie outside .* 87.5"),
        ("label", 2, "holds 0.0, 1.0, 2.0; expected 1 and one other value"),
        ("patient_id", None, "1 of 400 rows do not say whose they are"),
    ],
)
def test_a_wrong_cell_is_refused_in_a_sentence(column: str, value: object, message: str) -> None:
    frame = study()
    frame[column] = frame[column].astype(object if value is None else float)
    frame.loc[5, column] = value
    with pytest.raises(DataError, match=message):
        evaluated(frame)


@pytest.mark.parametrize(
    ("frame", "message"), [([1, 2], "got list"), (pd.DataFrame({"label": [], "score": []}), "no rows")]
)
def test_what_is_no_table_is_refused(frame: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        validate.evaluate(frame, truth="label", score="score")


def test_scores_that_are_all_equal_rank_nothing_and_get_no_limits() -> None:
    frame = {"y": [i % 2 for i in range(80)], "s": [0.5] * 80}
    estimates = validate.evaluate(
        frame, truth="y", score="s", metrics=["auroc", "ece", "ici", "brier", "calibration_slope"]
    )
    found = {e.endpoint: e for e in estimates}
    assert found["auroc"].value == 0.5
    assert (
        found["auroc"].reason
        == "all scores are equal, so they rank nothing: an area of 0.5 is a convention, and has no limits."
    )
    assert all(e.interval is None and e.reason for e in found.values())
    by_bootstrap = validate.evaluate(frame, truth="y", score="s", metrics=["auroc"], interval="bootstrap")[0]
    assert by_bootstrap.interval is None
