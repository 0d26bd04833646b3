"""Scores of several images become one by the stated rule, or the unit fails."""

from __future__ import annotations

from validate.inference.aggregate import aggregated
from validate.models.prediction import ClassScores, Failure
from validate.protocol.model import Aggregate

HIGH, LOW = ClassScores({"score": 0.75}, (1.0,)), ClassScores({"score": 0.25}, (-1.0,))
MAXIMUM, MEAN = Aggregate(to="study", score="max"), Aggregate(to="study", score="mean")


def test_the_stated_rule_is_applied_and_the_raw_numbers_are_kept() -> None:
    assert aggregated([LOW, HIGH], MAXIMUM) == ClassScores({"score": 0.75}, (-1.0, 1.0))
    assert aggregated([LOW, HIGH], MEAN) == ClassScores({"score": 0.5}, (-1.0, 1.0))


def test_one_image_needs_no_rule() -> None:
    assert aggregated([LOW], None) == aggregated([LOW], MAXIMUM) == LOW


def test_one_failed_image_fails_the_unit_rather_than_change_what_the_score_means() -> None:
    result = aggregated([HIGH, Failure("decode:truncated", "It ends early."), LOW], MAXIMUM)
    assert result == Failure("decode:truncated", "1 of 3 images of this unit failed; the first: It ends early.")


def test_a_failure_of_the_only_image_stays_as_it_is() -> None:
    failure = Failure("nan_output", "No number.")
    assert aggregated([failure], None) is failure


def test_no_image_is_a_failure() -> None:
    assert aggregated([], MAXIMUM) == Failure("no_image", "This unit has no image to give to the model.")
