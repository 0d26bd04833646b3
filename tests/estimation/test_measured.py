"""What a failed case counts as where each case is measured, and which rows enter which number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from validate.estimation.cases import Cases
from validate.estimation.groups import groups_of
from validate.estimation.measured import measures_of
from validate.estimation.sample import Rule, sample_under

NAN = float("nan")


def cases() -> Cases:
    """Four rows: good, no measure (an empty reference), failed, and failed without a lesion in the reference."""
    failed = np.array([False, False, True, True])
    return Cases(
        model="m",
        pass_id="clean",
        target="liver",
        score=np.zeros(4),
        positive=np.array([True, False, True, False]),
        failed=failed,
        unreadable=np.zeros(4, bool),
        cluster=np.arange(4),
        patient=np.arange(4),
        groups=groups_of({}, 4),
        measures={
            "dice": np.array([0.8, NAN, NAN, NAN]),
            "hd95": np.array([3.0, NAN, NAN, NAN]),
            "volume_difference": np.array([1.5, -2.0, NAN, NAN]),
            "lesion_recall": np.array([0.5, NAN, NAN, NAN]),
            "lesions_found": np.array([1.0, 0.0, NAN, NAN]),
            "lesions_reference": np.array([2.0, 0.0, 3.0, 0.0]),
            "diagonal": np.array([90.0, 90.0, 120.0, 90.0]),
        },
    )


@pytest.mark.parametrize(
    ("rule", "name", "expected"),
    [
        ("worst_case", "dice", [0.8, 0.0, 0.0]),
        ("worst_case", "hd95", [3.0, 120.0, 90.0]),
        ("best_case", "dice", [0.8, 1.0, 1.0]),
        ("best_case", "hd95", [3.0, 0.0, 0.0]),
        ("excluded", "dice", [0.8]),
        ("worst_case", "volume_difference", [1.5, -2.0]),  # no worst there is: outputs only
        ("worst_case", "lesion_recall", [0.5, 0.0]),  # nothing to find in the last one
        ("worst_case", "lesions_found", [1.0, 0.0, 0.0, 0.0]),
        ("best_case", "lesions_found", [1.0, 0.0, 3.0, 0.0]),
    ],
)
def test_a_failed_case_counts_as_the_rule_says_and_rows_without_a_value_are_left_out(
    rule: Rule, name: str, expected: list[float]
) -> None:
    sample = sample_under(cases(), unreadable=rule, failure=rule, threshold=None, condition={}, needs=(name,))
    assert sample.rows[name].tolist() == expected
    assert len(sample.cluster) == len(expected)
    assert sample.failed.tolist() == [2]


def test_measures_that_are_needed_together_come_from_the_same_rows() -> None:
    needs = ("dice", "volume_difference")
    sample = sample_under(cases(), unreadable="excluded", failure="excluded", threshold=None, condition={}, needs=needs)
    assert {name: sample.rows[name].tolist() for name in needs} == {"dice": [0.8], "volume_difference": [1.5]}


def test_a_table_without_measures_has_none() -> None:
    assert measures_of(pa.table({"unit": ["a"]})) is None
    found = measures_of(pa.table({"unit": ["a", "b"], "case.dice": pa.array([0.5, None])}))
    assert found is not None
    np.testing.assert_array_equal(found["dice"], [0.5, np.nan])
