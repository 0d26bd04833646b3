"""Attribute values as the levels that rows are grouped by: text, and "missing" where the source said nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from validate.errors import DataError

MISSING = "missing"
MOST_NUMBERS = 20  # a numeric attribute with more values than this is a measurement, to be cut into bands first
MOST_TEXTS = 100  # more levels than this is a key, and could single out a patient


ONE_PER_PATIENT = frozenset({"sex", "gender", "ethnicity", "race"})  # besides what a protocol says is per: patient


def refuse_two_levels(attribute: str, levels: Sequence[str], patients: Sequence[object]) -> None:
    """Raise DataError where a patient stands in two levels of what a patient has one of; "missing" is no level."""
    known: dict[object, set[str]] = {}
    for patient, level in zip(patients, levels, strict=True):
        if level != MISSING:
            known.setdefault(patient, set()).add(level)
    torn = [values for values in known.values() if len(values) > 1]
    if torn:
        shown = " and ".join(sorted(torn[0]))
        raise DataError(
            f"attribute '{attribute}': {len(torn)} of {len(known)} patients have two values (one of them {shown}). A patient "
            "belongs to one group of it, and would be counted in both: correct the source, or leave these patients out."
        )


def level_texts(attribute: str, values: Sequence[object]) -> list[str]:
    """The level of each value. Raises DataError where the attribute has too many values to be groups."""
    levels = [level_text(value) for value in values]
    numbers = {value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)}
    if len(numbers) > MOST_NUMBERS:
        raise DataError(
            f"attribute '{attribute}' has {len(numbers)} different numbers: too many to be groups (at most "
            f"{MOST_NUMBERS}). Cut it into bands under cohort.attributes: "
            f"{attribute}_band: {{of: {attribute}, bands: […]}}, and group by that."
        )
    if len(set(levels)) > MOST_TEXTS:
        raise DataError(
            f"attribute '{attribute}' has {len(set(levels))} different values: too many to be groups (at most "
            f"{MOST_TEXTS}). Group by something coarser."
        )
    return levels


def level_text(value: object) -> str:
    """One value as text: 3.0 is "3", 0.5 is "0.5", true is "yes", nothing is "missing"."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip() or MISSING
