"""Values stay within what a file could hold, and what is no number is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from validate.imaging.perturb.bounds import within


@given(arrays(np.float32, st.integers(0, 80), elements=st.floats(width=32)))
def test_values_are_clipped_as_numpy_does(values: np.ndarray) -> None:
    given = values.copy()
    finite = bool(np.isfinite(values).all())
    assert within(given, np.float32(-3), np.float32(50)) is finite
    if finite:
        assert np.array_equal(given, values.clip(-3, 50))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 5, 63, 64])
def test_a_single_value_that_is_no_number_is_told(odd: float, place: int) -> None:
    values = np.ones(65, np.float32)
    values[place] = odd
    assert not within(values, np.float32(-np.inf), np.float32(np.inf))
