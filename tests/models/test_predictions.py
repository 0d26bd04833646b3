"""Predictions made elsewhere: one prediction per case, or a sentence that says which row is in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from validate.errors import ModelError, ProtocolError
from validate.models.adapter import Batch
from validate.models.prediction import ClassScores, Failure
from validate.models.predictions import ADAPTER, PredictionsModel

Make = Callable[..., Any]
Save = Callable[[str, bytes], Path]


@pytest.fixture
def load(model: Make, saved: Save) -> Callable[..., PredictionsModel]:
    def make(content: str | bytes, name: str = "a.csv", **options: Any) -> PredictionsModel:
        encoded = content.encode() if isinstance(content, str) else content
        block = model(
            format="predictions",
            path=name,
            output={"activation": "none", "kind": "probability"},
            options={"key": "case_id", **options},
        )
        return ADAPTER.load(block, base=saved(name, encoded), device="cpu")

    return make


def _scores(loaded: PredictionsModel, cases: Any) -> list[Any]:
    results = loaded.predict(Batch(tuple(cases)))
    return [result.scores["score"] if isinstance(result, ClassScores) else result.reason for result in results]


def test_scores_are_joined_by_key_whatever_the_order(load: Make, cases: Make) -> None:
    assert _scores(load("case_id,score\nA2,0.2\nA0,0\nA1,0.1\n"), cases(3)) == [0.0, 0.1, 0.2]


def test_the_evidence_says_that_inference_was_not_witnessed(load: Make) -> None:
    identity = load("case_id,score\nA0,0.5\n").identity
    assert not identity.witnessed
    assert identity.notes == ("predictions made elsewhere: inference was not witnessed",)


@pytest.mark.parametrize("empty", ["", "NaN", "nan", "NA", "n/a", "null", "None", " "])
def test_a_row_without_a_number_is_a_failure_row(load: Make, cases: Make, empty: str) -> None:
    assert _scores(load(f"case_id,score\nA0,{empty}\nA1,0.1\n"), cases(2)) == ["missing_output", 0.1]


def test_a_case_without_a_row_is_a_failure_row(load: Make, cases: Make) -> None:
    loaded = load("case_id,score\nA1,0.1\n")
    results = loaded.predict(Batch(cases(2)))
    assert results[0] == Failure("missing_output", "The table of predictions has no row for this case.")


def test_an_infinite_score_is_a_wrong_output_not_a_missing_one(load: Make, cases: Make) -> None:
    assert _scores(load("case_id,score\nA0,inf\n"), cases(1)) == ["nan_output"]


def test_both_sides_of_the_join_are_counted_and_listed(load: Make, cases: Make) -> None:
    coverage = load("case_id,score\nX,0.9\nA1,0.1\nA2,\nY,0.5\n").coverage(cases(4))
    assert coverage == {
        "model": "m",
        "cases": 4,
        "with_output": 1,
        "row_without_number": 1,
        "cases_without_row": 2,
        "rows_without_case": 2,
        "cases_without_row_listed": ["unit-000", "unit-003"],
        "rows_without_case_listed": [1, 4],
    }


def test_a_table_that_matches_no_case_is_refused(load: Make, cases: Make) -> None:
    with pytest.raises(ModelError, match="none of the 1 rows of predictions matches any of the 2 cases by 'case_id'"):
        load("case_id,score\nX,0.9\n").coverage(cases(2))


def test_the_same_case_twice_is_refused_with_both_rows(load: Make) -> None:
    with pytest.raises(ModelError, match=r"a\.csv: rows 1 and 3 have the same case_id"):
        load("case_id,score\nA0,0.1\nA1,0.2\nA0,0.1\n")


def test_a_key_coarser_than_the_unit_is_refused(load: Make, cases: Make) -> None:
    with pytest.raises(
        ModelError, match=r"1 rows of predictions match several cases each .*coarser than this study's unit"
    ):
        load("case_id,score\nS,0.5\n").coverage(cases(2, keys={"case_id": "S"}))


def test_no_message_shows_a_key(load: Make, cases: Make) -> None:
    for content in ("case_id,score\nSECRET,1\nSECRET,1\n", "case_id,score\nSECRET,x\n", "case_id,score\nSECRET,7\n"):
        with pytest.raises(ModelError) as caught:
            load(content).predict(Batch(cases(1, keys={"case_id": "SECRET"})))
        assert "SECRET" not in str(caught.value)


def test_a_byte_order_mark_is_dropped(load: Make, cases: Make) -> None:
    assert _scores(load("\ufeffcase_id,score\nA0,0.5\n"), cases(1)) == [0.5]


def test_semicolons_are_named_and_then_declared(load: Make, cases: Make) -> None:
    content = "case_id;score\nA0;0.5\n"
    with pytest.raises(ModelError, match=r"looks separated by ';', not by ',': say delimiter: ';'"):
        load(content)
    assert _scores(load(content, delimiter=";"), cases(1)) == [0.5]


def test_decimal_commas_are_named_and_then_declared(load: Make, cases: Make) -> None:
    content = "case_id;score\nA0;0,25\n"
    with pytest.raises(
        ModelError, match=r"row 1: score is '0,25', with a comma. If it is a decimal comma, say decimal"
    ):
        load(content, delimiter=";")
    assert _scores(load(content, delimiter=";", decimal=","), cases(1)) == [0.25]
    with pytest.raises(ModelError, match=r"row 1 has 3 fields, the header has 2. A decimal comma splits a number"):
        load("case_id,score\nA0,0,25\n")
    with pytest.raises(ModelError, match="with a point, but decimal: ',' was said"):
        load("case_id;score\nA0;1.000,5\n", delimiter=";", decimal=",")


def test_percentages_are_named_and_then_declared(load: Make, cases: Make) -> None:
    content = "case_id,score\nA0,25%\nA1,50\n"
    with pytest.raises(ModelError, match=r"row 1: score is a percentage, '25%'. Say percent: true"):
        load(content)
    assert _scores(load(content, percent=True), cases(2)) == [0.25, 0.5]


def test_percentages_without_a_sign_break_the_promise_of_a_probability(load: Make, cases: Make) -> None:
    with pytest.raises(ModelError, match=r"got 93 where a probability was promised.*percent: true"):
        load("case_id,score\nA0,93\n").predict(Batch(cases(1)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has no column 'case_id'; its columns are none"),
        ("case_id,score\n", "has no rows of predictions"),
        ("id,score\nA0,1\n", "has no column 'case_id'; its columns are 'id', 'score'"),
        ("case_id,score,score\nA0,1,1\n", "has 2 columns called 'score'"),
        ("case_id,score\nA0,high\n", "row 1: score is 'high'; expected a number"),
        ("case_id,score\nA0,1_0\n", "row 1: score is '1_0'"),
        ("case_id,score\n,0.5\n", "row 1: case_id is empty"),
        ("case_id,score\nA0\n", "row 1 has 1 fields, the header has 2"),
        ('case_id,score\n"A0,0.5\n', "is not CSV"),
        (b"\xff\xfec\x00a\x00", r"is not UTF-8 text \(byte 0\)"),
    ],
)
def test_what_can_be_read_in_two_ways_is_read_in_none(load: Make, content: str | bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        load(content)


def test_parquet_is_read_with_text_or_whole_number_keys(load: Make, cases: Make, tmp_path: Path) -> None:
    for keys, values in ((["A0", "A1"], ["A0", "A1"]), ([7, 8], ["7", "8"])):
        pq.write_table(pa.table({"case_id": keys, "score": [0.25, None]}), str(tmp_path / "x"))
        loaded = load((tmp_path / "x").read_bytes(), "a.parquet")
        found = [case for key in values for case in cases(1, keys={"case_id": key})]
        assert _scores(loaded, found) == [0.25, "missing_output"]


def test_parquet_with_float_keys_or_damage_is_refused(load: Make, tmp_path: Path) -> None:
    pq.write_table(pa.table({"case_id": [1.0], "score": [0.25]}), str(tmp_path / "x"))
    with pytest.raises(ModelError, match="row 1: case_id is float; a key is text or a whole number"):
        load((tmp_path / "x").read_bytes(), "a.parquet")
    with pytest.raises(ModelError, match="is not a Parquet file"):
        load(b"PAR1 no", "a.parquet")


def test_json_is_an_array_of_objects(load: Make, cases: Make) -> None:
    assert _scores(load(json.dumps([{"case_id": "A0", "score": 0.5}]), "a.json"), cases(1)) == [0.5]
    with pytest.raises(ModelError, match="expected a JSON array of objects"):
        load('{"A0": 0.5}', "a.json")
    with pytest.raises(ModelError, match=r"row 1 has no 'score'. Write null where there is no output"):
        load('[{"case_id": "A0"}]', "a.json")
    with pytest.raises(ModelError, match="score is bool; expected a number"):
        load('[{"case_id": "A0", "score": true}]', "a.json")
    with pytest.raises(ModelError, match="is not JSON"):
        load("[", "a.json")


def test_another_suffix_is_refused(load: Make) -> None:
    with pytest.raises(ModelError, match=r"read from \.csv, \.parquet or \.json; got '\.xlsx'"):
        load("", "a.xlsx")


def test_options_are_checked_and_named(load: Make) -> None:
    with pytest.raises(
        ProtocolError, match=r"models\.m\.separator: .*; the keys of the 'predictions' format are key, score"
    ):
        load("case_id,score\n", separator=";")
    with pytest.raises(ProtocolError, match=r"models\.m\.delimiter"):
        load("case_id,score\n", delimiter="#")


def test_a_case_without_the_key_names_the_keys_there_are(load: Make, cases: Make) -> None:
    with pytest.raises(ModelError, match="the cases have no 'case_id'; they have 'accession_number'"):
        load("case_id,score\nA0,0.5\n").coverage(cases(1, keys={"accession_number": "1"}))


def test_a_stated_activation_is_applied_to_tables_too(model: Make, saved: Save, cases: Make) -> None:
    block = model(format="predictions", path="a.csv", options={"key": "case_id", "score": "logit"})
    loaded = ADAPTER.load(block, base=saved("a.csv", b"case_id,logit\nA0,2\n"), device="cpu")
    assert _scores(loaded, cases(1)) == pytest.approx([1 / (1 + np.exp(-2))])


def test_an_output_name_that_is_not_the_score_column_is_refused(model: Make, saved: Save) -> None:
    output = {"name": "logits", "activation": "none", "kind": "probability"}
    block = model(format="predictions", path="a.csv", output=output, options={"key": "case_id"})
    with pytest.raises(ModelError, match="no output 'logits'; this model's outputs are 'score'"):
        ADAPTER.load(block, base=saved("a.csv", b"case_id,score\nA0,2\n"), device="cpu")


def test_several_columns_are_read_by_name_and_a_gap_in_one_is_no_answer(model: Make, saved: Save, cases: Make) -> None:
    block = model(
        format="predictions",
        path="a.csv",
        output={"activation": "none", "kind": "probability", "columns": ["x", "y"]},
        options={"key": "case_id", "scores": {"x": "px", "y": "py"}},
    )
    loaded = ADAPTER.load(block, base=saved("a.csv", b"case_id,py,px\nA0,0.2,0.8\nA1,,0.4\n"), device="cpu")
    first, second, third = loaded.predict(Batch(tuple(cases(3))))
    assert isinstance(first, ClassScores) and first.scores == {"x": 0.8, "y": 0.2}
    assert isinstance(second, Failure) and second.reason == "missing_output"
    assert isinstance(third, Failure)
    assert loaded.coverage(cases(3))["row_without_number"] == 1
