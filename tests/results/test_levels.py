from __future__ import annotations

import pytest

from validate.errors import DataError
from validate.results.levels import level_text, level_texts, refuse_two_levels


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.5, "0.5"),
        (2, "2"),
        (None, "missing"),
        (float("nan"), "missing"),
        ("  ", "missing"),
        (" GE ", "GE"),
        (True, "yes"),
        (False, "no"),
    ],
)
def test_a_value_becomes_the_text_a_reader_expects(value: object, text: str) -> None:
    assert level_text(value) == text


def test_a_measurement_must_be_cut_into_bands_first() -> None:
    with pytest.raises(DataError, match=r"'age' has 61 different numbers.*age_band: \{of: age"):
        level_texts("age", [float(age) for age in range(18, 79)])


def test_a_key_is_no_group() -> None:
    with pytest.raises(DataError, match="'accession_number' has 200 different values"):
        level_texts("accession_number", [f"A{index}" for index in range(200)])


def test_a_patient_stands_in_one_group_of_what_a_patient_has_one_of() -> None:
    refuse_two_levels("sex", ["F", "F", "missing", "M"], ["p1", "p1", "p1", "p2"])
    with pytest.raises(DataError, match=r"attribute 'sex': 1 of 2 patients have two values \(one of them F and M\)"):
        refuse_two_levels("sex", ["F", "M", "M"], ["p1", "p1", "p2"])
