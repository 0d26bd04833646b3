"""One name per maker, whatever the header spells. The raw spelling is kept beside it."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).with_name("vendors.csv")
BLANKS = re.compile(r"[^a-z0-9]+")


def manufacturer(raw: str | None, *, table: Path = HERE) -> str | None:
    """The maker: "GE MEDICAL SYSTEMS", "G.E. Healthcare" → "GE"; an unknown one keeps its spelling; nothing stays None."""
    if raw is None or not raw.strip():
        return None
    plain = f" {BLANKS.sub(' ', raw.lower()).strip()} "
    for pattern, name in _patterns(table):
        if f" {pattern} " in plain:
            return name
    return " ".join(raw.split())


@cache
def _patterns(table: Path) -> tuple[tuple[str, str], ...]:
    """Longest first, so that "toshiba canon" is not taken for "canon"."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [
            (BLANKS.sub(" ", row["spelling"].lower()).strip(), row["manufacturer"]) for row in csv.DictReader(stream)
        ]
    return tuple(sorted(rows, key=lambda row: (-len(row[0]), row)))
