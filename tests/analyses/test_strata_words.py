"""What is said of groups where a measure has no better side: they may differ, none is the worst, and they are not called too few."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from validate.analyses.level_rows import LevelTable
from validate.analyses.strata_words import endpoint_statement

NO_WORST = "Volume difference is better neither higher nor lower, so no group is called the worst."


def said(*rows: Any) -> str:
    table = SimpleNamespace(worst=None, claimed=(), rows=rows, compared=sum(row.readable for row in rows))
    return endpoint_statement("Volume difference", cast("LevelTable", table))


def level(name: str, clear: int, *, readable: bool = True) -> Any:
    difference = SimpleNamespace(clear=clear)
    return SimpleNamespace(
        attribute="manufacturer",
        level=name,
        readable=readable,
        estimate=SimpleNamespace(value=0.1),
        difference=difference,
    )


def test_groups_that_differ_are_named_though_none_is_the_worst() -> None:
    words = said(level("GE", 1), level("Philips", 0), level("Siemens", -1))
    assert words.startswith(NO_WORST)
    assert words.endswith("three groups were looked at: on GE scanners and on Siemens scanners.")


def test_where_no_group_differs_that_is_no_proof() -> None:
    words = said(level("GE", 0), level("Philips", 0))
    assert words.startswith(NO_WORST)
    assert words.endswith("two groups were looked at; that does not prove them equal.")


def test_one_group_is_compared_with_nothing_and_none_is_too_few() -> None:
    assert said(level("GE", 0)) == NO_WORST
    assert said(level("GE", 0, readable=False)) == "Volume difference: no group has enough cases to be read."
