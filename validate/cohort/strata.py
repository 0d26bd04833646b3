"""Acquisition strata that the data themselves propose, and whether groups of patients are mixed up with scanners and sites.

A group that was imaged on one scanner only can't be told from that scanner: a gap between groups may be one between scanners.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from validate.cohort.case import AttributeValue
from validate.cohort.derived import DERIVED, INSTITUTION

ACQUISITION = (
    *("manufacturer", "model", "software", "detector", "kvp_band", "kernel_class"),
    *("slice_thickness_band", "field_strength_class", "view_position", "laterality", "origin", "site", INSTITUTION),
)
GROUPS = ("sex", "age_band")
AGES = ((0, 18, "0–17"), (18, 40, "18–39"), (40, 65, "40–64"), (65, 123, "65 and over"))
FEWEST = 10  # images that a level needs to be worth a row of its own
MOST_LEVELS = 12
SINGLE_SHARE = 0.9
MISSING = "missing"
MOST_CELLS = 20_000


@dataclass(slots=True)
class StrataCounts:
    """Counts of what has been added, from which strata are proposed. Grows with the number of levels, not of images."""

    images: int = 0
    levels: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in ACQUISITION})
    crossed: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, attributes: Mapping[str, AttributeValue], site: str | None) -> None:
        """One image. site : its institution, under a name that may be shown; where no table says which site it is of"""
        self.images += 1
        row = _levels(attributes, site)
        for name, counts in self.levels.items():
            level = row.get(name) or MISSING
            if level in counts or len(counts) < MOST_CELLS:
                counts[level] += 1
        row["site"] = row.get("site") or row[INSTITUTION]
        cell = tuple(row.get(name) or MISSING for name in (*GROUPS, "manufacturer", "model", "site"))
        if cell in self.crossed or len(self.crossed) < MOST_CELLS:
            self.crossed[cell] += 1


def _levels(attributes: Mapping[str, AttributeValue], site: str | None) -> dict[str, str | None]:
    row = {name: _text(attributes.get(name)) for name in ("sex", *ACQUISITION) if name not in DERIVED}
    row |= {name: make(attributes) for name, make in DERIVED.items()}
    row[INSTITUTION] = row.get(INSTITUTION) or site
    age = attributes.get("age")
    row["age_band"] = (
        next((name for low, high, name in AGES if low <= age < high), None) if isinstance(age, int | float) else None
    )
    return row


def proposed(counts: StrataCounts) -> list[dict[str, Any]]:
    """[{"attribute", "levels": {level: images}, "missing", "small": [level, …], "use": bool, "why"}], the useful first.

    use : at least two levels of FEWEST images each, no more than MOST_LEVELS, and most images have one
    """
    found = [_proposal(name, counts) for name in ACQUISITION]
    kept = [one for one in found if one["levels"]]
    return sorted(kept, key=lambda one: (not one["use"], ACQUISITION.index(one["attribute"])))


def _proposal(name: str, counts: StrataCounts) -> dict[str, Any]:
    levels = Counter(counts.levels[name])
    missing = levels.pop(MISSING, 0)
    ordered = dict(sorted(levels.items(), key=lambda item: (-item[1], item[0])))
    large = [level for level, count in ordered.items() if count >= FEWEST]
    known = sum(levels.values())
    if len(levels) < 2:
        why = "one level only" if levels else "nothing is said of it"
    elif len(large) < 2:
        why = f"fewer than two levels have {FEWEST} images"
    elif len(large) > MOST_LEVELS:
        why = f"{len(large)} levels are more than can be told apart"
    elif known < counts.images / 2:
        why = "most images do not say"
    else:
        why = ""
    shown = dict(list(ordered.items())[: MOST_LEVELS * 2])
    small = [level for level in shown if ordered[level] < FEWEST]
    return {"attribute": name, "levels": shown, "missing": missing, "small": small, "use": not why, "why": why}


def confounding(counts: StrataCounts) -> dict[str, Any]:
    """How groups of patients spread over scanners and sites. JSON:

    {"columns": [group, …, "manufacturer", "model", "site"], "rows": [[level, …, images], …] the most frequent first,
    "pairs": [{"group", "by", "cramers_v", "images", "single": [{"level", "on", "share"}]}]}
    cramers_v : 0 none, 1 the one decides the other; null where either has one level. Where both are known.
    single : levels of which SINGLE_SHARE or more of the images come from one scanner or site
    """
    names = (*GROUPS, "manufacturer", "model", "site")
    rows = [[*cell, count] for cell, count in sorted(counts.crossed.items(), key=lambda item: (-item[1], item[0]))]
    pairs = [_pair(counts.crossed, names, group, by) for group in GROUPS for by in ("manufacturer", "model", "site")]
    return {"columns": list(names), "rows": rows, "pairs": [pair for pair in pairs if pair is not None]}


def _pair(crossed: Mapping[tuple[str, ...], int], names: Sequence[str], group: str, by: str) -> dict[str, Any] | None:
    first, second = names.index(group), names.index(by)
    table: Counter[tuple[str, str]] = Counter()
    for cell, count in crossed.items():
        if MISSING not in (cell[first], cell[second]):
            table[cell[first], cell[second]] += count
    if not table:
        return None
    singles = []
    for level in sorted({one for one, _ in table}):
        on = {other: count for (one, other), count in table.items() if one == level}
        most = max(on, key=lambda other: (on[other], other))
        share = on[most] / sum(on.values())
        if share >= SINGLE_SHARE and len({other for _, other in table}) > 1:
            singles.append({"level": level, "on": most, "share": round(share, 4)})
    return {
        "group": group,
        "by": by,
        "cramers_v": cramers_v(table),
        "images": sum(table.values()),
        "single": singles,
    }


def cramers_v(table: Mapping[tuple[str, str], int]) -> float | None:
    """Cramér's V of a table of counts, 0 to 1; None where either side has one level. doi:10.1515/9781400883868, 21.9."""
    rows, columns = _margin(table, 0), _margin(table, 1)
    total = sum(table.values())
    smaller = min(len(rows), len(columns)) - 1
    if smaller < 1:
        return None
    chi = sum(
        (table.get((r, c), 0) - n * m / total) ** 2 / (n * m / total)
        for r, n in rows.items()
        for c, m in columns.items()
    )
    return round(math.sqrt(chi / (total * smaller)), 6)


def _margin(table: Mapping[tuple[str, str], int], place: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for cell, count in table.items():
        counts[cell[place]] += count
    return counts


def protocol_lines(proposals: Iterable[Mapping[str, Any]]) -> str:
    """The proposal as a protocol has it: `strata: [manufacturer, kvp_band]`."""
    names = [str(one["attribute"]) for one in proposals if one["use"]]
    return f"strata: [{', '.join(names)}]" if names else "strata: []"


def _text(value: AttributeValue) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, int | float) else value
