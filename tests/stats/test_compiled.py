"""Compiled functions are the same arithmetic, call each other, and cost a program that does not call them nothing."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from validate.stats.compiled import compiled


@compiled
def _square(value: float) -> float:
    """Of itself."""
    return value * value


@compiled
def _sum_of_squares(values: np.ndarray) -> float:
    total = 0.0
    for value in values:
        total += _square(value)
    return total


def test_one_calls_another_in_machine_code() -> None:
    assert _sum_of_squares(np.array([1.0, 2.0, 3.0])) == 14.0  # by hand
    assert (_square.__name__, _square.__doc__) == ("_square", "Of itself.")


def test_threads_that_call_first_together_get_the_same() -> None:
    fresh = compiled(_square.function)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fresh, [3.0] * 8)) == [9.0] * 8


def test_what_can_not_be_compiled_raises_at_its_call() -> None:
    @compiled
    def wrong(value: float) -> object:
        return value.no_such_thing  # type: ignore[attr-defined]

    with pytest.raises(Exception, match="no_such_thing"):
        wrong(1.0)


def test_a_run_begins_without_numba() -> None:
    code = "import sys, validate.run_protocol; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
