"""A date as the week, month, quarter or year that it lies in: what charts over time and groups by time are made of.

The day of an examination can identify a person (PS3.15 Annex E); the step of time that a protocol asks for is all that is kept of it.
"""

from __future__ import annotations

import re
from datetime import date

from validate.cohort.case import AttributeValue
from validate.protocol.cohort import Step

# ISO 8601 with or without hyphens, as DICOM writes dates (PS3.5, 6.2), and with a time behind it
DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})(?:[T ]?\d{2}.*)?")

STEPS = {
    "week": re.compile(r"\d{4}-W(0[1-9]|[1-4]\d|5[0-3])"), "month": re.compile(r"\d{4}-(0[1-9]|1[0-2])"),
    "quarter": re.compile(r"\d{4}-Q[1-4]"), "year": re.compile(r"\d{4}"),
}  # fmt: skip


def period_of(value: AttributeValue, by: Step) -> str | None:
    """By month 2025-03-14 and 20250314 are "2025-03", by week "2025-W11" (ISO 8601), by quarter "2025-Q1". None where it is no date.

    What is such a step already stays as it is, and a month lies in a quarter and a year.
    """
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value or "").strip()
    if STEPS[by].fullmatch(text):
        return text
    if by in {"quarter", "year"} and STEPS["month"].fullmatch(text):
        text += "-01"
    day = _day(text)
    if day is None:
        return None
    if by == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if by == "quarter":
        return f"{day.year:04d}-Q{(day.month + 2) // 3}"
    return f"{day.year:04d}-{day.month:02d}" if by == "month" else f"{day.year:04d}"


def _day(text: str) -> date | None:
    found = DATE.fullmatch(text)
    try:
        return date(int(found[1]), int(found[3]), int(found[4])) if found else None
    except ValueError:
        return None
