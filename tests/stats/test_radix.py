from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from validate.stats.radix import class_keys

FLOATS = arrays.arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=False, width=64))


@given(FLOATS)
@settings(deadline=None)
def test_keys_rise_as_the_numbers_do_and_equal_numbers_have_equal_keys(values: np.ndarray) -> None:
    keys, rest = class_keys(values, np.ones(values.size, np.bool_))
    assert rest.size == 0
    assert (keys[1:] >= keys[:-1]).all()
    ordered = np.sort(values)
    np.testing.assert_array_equal(ordered[1:] == ordered[:-1], keys[1:] == keys[:-1])


@given(FLOATS, st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_the_classes_are_sorted_apart(values: np.ndarray, seed: int) -> None:
    positive = np.random.default_rng(seed).random(values.size) < 0.4
    above, below = class_keys(values, positive)
    alone = class_keys(values[positive], np.ones(int(positive.sum()), np.bool_))[0]
    np.testing.assert_array_equal(above, alone)
    assert below.size == int((~positive).sum())


@pytest.mark.parametrize("size", [0, 1, 2, 100_000])
def test_any_number_is_sorted(size: int) -> None:
    values = np.random.default_rng(1).normal(size=size)
    keys, _ = class_keys(values, np.ones(size, np.bool_))
    order = np.argsort(values)
    assert (class_keys(values[order], np.ones(size, np.bool_))[0] == keys).all()
