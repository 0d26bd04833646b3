"""What is not compared between two cohorts, and why: a column that only one of them has is told, not passed over."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from validate.cohort.manifest import KEYS

ONLY_HERE, ONLY_THERE = "the reference does not have it", "only the reference has it"
OF_A_MODEL = ("score", "embedding")
MIXED = "numbers and words are mixed"


def lacking(
    here: Sequence[str], there: Sequence[str], *, passed: Collection[str | None] = ()
) -> Iterator[tuple[str, str]]:
    """Names of columns that one side lacks, with the reason; this cohort's first, in the order in which each side names them.

    passed : names that are not compared by design. Outputs and embeddings of other models are none of this one's.
    """
    yield from ((name, ONLY_HERE) for name in here if name not in there and name not in passed)
    told = (name for name in there if name not in here and name not in passed)
    yield from ((name, ONLY_THERE) for name in told if name not in KEYS and not name.startswith(OF_A_MODEL))


def why_not(now: Sequence[Any], before: Sequence[Any], *, fewest: int, most_levels: int) -> str:
    """The reason for which a column that both have is neither a number nor a word that can be compared."""
    told = [value for value in (*now, *before) if value is not None]
    words = [value for value in told if isinstance(value, str)]
    if words and len(words) < len(told):
        return MIXED
    sides: Mapping[str, Sequence[Any]] = {"this cohort": now, "the reference": before}
    few = [f"{_values(side)} in {name}" for name, side in sides.items() if _values(side) < fewest]
    if few:
        return f"fewer than {fewest} values: {', '.join(few)}"
    return f"more than {most_levels} different words: names, not groups"


def _values(side: Sequence[Any]) -> int:
    return sum(value is not None and not (isinstance(value, float) and math.isnan(value)) for value in side)
