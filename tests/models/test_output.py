"""Raw numbers become scores by the stated rule only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from validate.errors import ModelError
from validate.models.output import check_columns, class_scores, output_name
from validate.models.prediction import ClassScores, Failure
from validate.protocol.model import Model

Make = Callable[..., Model]


def _scores(results: tuple[ClassScores | Failure, ...]) -> list[float]:
    return [result.scores["score"] for result in results if isinstance(result, ClassScores)]


def test_sigmoid_is_computed_in_double_precision_and_never_overflows(model: Make) -> None:
    raw = np.array([0.0, 2.0, -2.0, 1000.0, -1000.0], dtype=np.float32)
    # 1/(1+e^-2) = 0.88079707797788, from tables
    expected = [0.5, 0.8807970779778823, 0.11920292202211755, 1.0, 0.0]
    assert _scores(class_scores(raw, cases=5, model=model())) == pytest.approx(expected, abs=1e-15)


def test_softmax_gives_the_stated_class(model: Make) -> None:
    stated = model(output={"activation": "softmax", "kind": "probability", "index": 1})
    results = class_scores(np.array([[1.0, 3.0], [500.0, 500.0]]), cases=2, model=stated)
    # e^3 / (e^1 + e^3) = 0.880797…
    assert _scores(results) == pytest.approx([0.8807970779778823, 0.5])
    assert isinstance(results[0], ClassScores) and results[0].raw == (1.0, 3.0)


def test_no_activation_leaves_a_score_on_its_own_scale(model: Make) -> None:
    stated = model(output={"activation": "none", "kind": "score"})
    assert _scores(class_scores(np.array([-7.5, 12.0]), cases=2, model=stated)) == [-7.5, 12.0]


@pytest.mark.parametrize("wrong", [1.2, -0.01, 93.0])
def test_a_promised_probability_outside_its_range_stops_the_run(model: Make, wrong: float) -> None:
    stated = model(output={"activation": "none", "kind": "probability"})
    with pytest.raises(ModelError, match=r"models\.m\.output: got .* outside \[0, 1\]\. .*activation: sigmoid"):
        class_scores(np.array([0.5, wrong]), cases=2, model=stated)


def test_float32_rounding_at_the_limits_is_put_back_on_the_limit(model: Make) -> None:
    stated = model(output={"activation": "none", "kind": "probability"})
    assert _scores(class_scores(np.array([1.0000001, -1e-7]), cases=2, model=stated)) == [1.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_fails_its_case_and_no_other(model: Make, bad: float) -> None:
    results = class_scores(np.array([[0.0], [bad], [2.0]]), cases=3, model=model())
    assert isinstance(results[1], Failure) and results[1].reason == "nan_output"
    assert _scores(results) == pytest.approx([0.5, 0.8807970779778823])


@pytest.mark.parametrize("shape", [(3, 2, 2), (), (2, 1), (4,)])
def test_another_shape_names_what_was_got_and_expected(model: Make, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"got an output of shape .* for 3 cases; expected \(3,\) or \(3, number"):
        class_scores(np.zeros(shape), cases=3, model=model())


def test_several_columns_need_an_index(model: Make) -> None:
    with pytest.raises(ModelError, match=r"output\.index: missing; this output has 14 numbers per case.*0 to 13"):
        check_columns(14, model=model())


def test_an_index_outside_the_columns_is_refused(model: Make) -> None:
    with pytest.raises(ModelError, match=r"output\.index: got 2, but this output has 2 numbers"):
        check_columns(2, model=model(output={"activation": "softmax", "kind": "probability", "index": 2}))


def test_softmax_of_one_number_is_refused(model: Make) -> None:
    with pytest.raises(ModelError, match="softmax of one number is always 1"):
        check_columns(1, model=model(output={"activation": "softmax", "kind": "probability"}))


def test_an_output_is_chosen_by_its_name_or_by_being_the_only_one(model: Make) -> None:
    named = model(output={"name": "b", "activation": "none", "kind": "score"})
    assert output_name(("a", "b"), model=named) == "b"
    assert output_name(("a",), model=model()) == "a"
    with pytest.raises(ModelError, match=r"output\.name: missing; this model has 2 outputs, 'a', 'b'"):
        output_name(("a", "b"), model=model())
    with pytest.raises(ModelError, match=r"no output 'b'; this model's outputs are 'a'"):
        output_name(("a",), model=named)
    with pytest.raises(ModelError, match="returns one tensor without a name: leave name out"):
        output_name(("",), model=named)


def test_columns_say_which_class_each_number_is_for(model: Make) -> None:
    stated = model(output={"activation": "softmax", "kind": "probability", "columns": ["a", 1, "c"]})
    (result,) = class_scores(np.array([[0.0, np.log(2.0), np.log(5.0)]]), cases=1, model=stated)
    assert isinstance(result, ClassScores)
    assert result.scores == pytest.approx({"a": 1 / 8, "1": 2 / 8, "c": 5 / 8})


def test_as_many_columns_as_numbers(model: Make) -> None:
    stated = model(output={"activation": "softmax", "kind": "probability", "columns": ["a", "b", "c"]})
    with pytest.raises(ModelError, match=r"columns: names 3 numbers, but this output has 2 per case"):
        class_scores(np.zeros((1, 2)), cases=1, model=stated)


def test_one_number_that_is_not_finite_fails_the_case_of_several(model: Make) -> None:
    stated = model(output={"activation": "sigmoid", "kind": "probability", "columns": ["a", "b"]})
    bad, good = class_scores(np.array([[0.0, np.nan], [0.0, 2.0]]), cases=2, model=stated)
    assert isinstance(bad, Failure) and bad.reason == "nan_output"
    assert isinstance(good, ClassScores) and good.scores["b"] == pytest.approx(0.8807970779778823)
