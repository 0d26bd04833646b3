from __future__ import annotations

import pytest

from validate.errors import DataError
from validate.results.levels import level_text, level_texts


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
