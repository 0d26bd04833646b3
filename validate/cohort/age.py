"""How old a patient was: as the header states it with its unit, or from two dates, or missing with a reason."""

from __future__ import annotations

import re
from datetime import date

AGE = re.compile(r"([0-9]{1,3})\s*([DWMY])$")
DAYS = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}
OLDEST = 122  # years; nobody is known to have lived longer
PLACEHOLDERS = {date(1900, 1, 1), date(1800, 1, 1), date(1901, 1, 1)}  # typed where nobody knew the birth date


def age_in_years(stated: str | None, born: date | None, studied: date | None) -> tuple[float | None, str | None]:
    """(years, None) or (None, reason). A stated age needs its unit (PS3.5 6.2, AS); otherwise both dates are needed.

    "042Y" → 42; "18M" → 1.5; "000D" → 0; "68" has no unit, and "000Y", like "000M" and "000W", is what scanners write when nobody
    typed an age: for all of them, and for rubbish, birth and study date decide, or the age is missing.
    """
    match = AGE.match(stated.strip().upper()) if stated else None
    if match and (int(match[1]) > 0 or match[2] == "D"):
        years = int(match[1]) * DAYS[match[2]] / DAYS["Y"]
        if years <= OLDEST:
            return (float(int(match[1])) if match[2] == "Y" else years), None
    if born in PLACEHOLDERS:
        return None, "birth date is a placeholder"
    if born is not None and studied is not None:
        years = float(studied.year - born.year - ((studied.month, studied.day) < (born.month, born.day)))
        if 0 <= years <= OLDEST:
            return (years if years >= 1 else (studied - born).days / DAYS["Y"]), None
        return None, "birth date and study date contradict each other"
    return None, _why_not(stated)


def _why_not(stated: str | None) -> str:
    """Why a stated age is none: "000Y" is what scanners write when nobody typed one."""
    if not stated or not (text := stated.strip().upper()):
        return "empty"
    if (match := AGE.match(text)) is not None:
        return "a placeholder" if int(match[1]) == 0 else "past any age"
    return "no unit" if text.isdigit() else "not an age"
