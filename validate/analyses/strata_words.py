"""What the forest plot says, in words: the worst group by name, and whether chance can be excluded."""

from __future__ import annotations

from validate.analyses.level_rows import LevelRow, LevelTable
from validate.analyses.wording import (
    group_phrase,
    listed,
    number_word,
    printed,
    printed_estimate,
    printed_limits,
)


def endpoint_statement(label: str, table: LevelTable) -> str:
    """One to three sentences. A difference is claimed only by limits that allow for every group looked at."""
    worst = table.worst
    if worst is None:
        return _no_worst(label, table)
    if table.claimed:
        return _claim(label, table, worst)
    return _no_claim(label, table, worst)


def printed_difference(value: float, unit: str) -> str:
    """Such as "17.1 points lower" or "0.093 higher"."""
    amount = printed(abs(value), unit).removesuffix("%")
    return f"{amount}{' points' if unit == 'proportion' else ''} {'lower' if value < 0 else 'higher'}"


def printed_difference_limits(low: float, high: float, unit: str) -> str:
    """Such as "−25.1 to −4.0" points."""
    return printed_limits(low, high, unit).replace("%", "")


def _no_worst(label: str, table: LevelTable) -> str:
    """Nothing can be read, or the measure has no better side, so that groups differ and none is the worst."""
    readable = [row for row in table.rows if row.readable and row.estimate.value is not None]
    if not readable:
        return f"{label}: no group has enough cases to be read."
    first = f"{label} is better neither higher nor lower, so no group is called the worst."
    if table.compared < 2:
        return first
    apart = [group_phrase({row.attribute: row.level}) for row in readable if row.difference and row.difference.clear]
    allowed = f"once it is allowed for that {number_word(table.compared)} groups were looked at"
    if apart:
        return f"{first} It differs from all other cases beyond what chance can do, {allowed}: {listed(apart)}."
    return f"{first} No group differs from all other cases beyond what chance can do {allowed}; that does not prove them equal."


def _claim(label: str, table: LevelTable, worst: LevelRow) -> str:
    sentences = [f"{_found(label, worst)}: {_difference(worst)} than in all other cases."]
    others = [row for row in table.claimed if row is not worst]
    groups = f"{number_word(table.compared)} groups" if table.compared > 1 else "one group"
    sentences.append(f"This is clear of chance, also when it is allowed for that {groups} were looked at.")
    if others:
        sentences.append(f"It is worse as well {listed(group_phrase({r.attribute: r.level}) for r in others)}.")
    return " ".join(sentences)


def _no_claim(label: str, table: LevelTable, worst: LevelRow) -> str:
    several = sum(row.readable for row in table.rows) > 1
    found = f"{_found(label, worst)}, the {'worst' if several else 'only'} group that has enough cases to be read"
    if worst.difference is None or worst.difference.low is None:
        return f"{found}."
    if table.compared < 2:
        return f"{found}: {_difference(worst)} than in all other cases, which may be chance."
    alone = worst.difference.low > 0 or (worst.difference.high is not None and worst.difference.high < 0)
    taken = "Taken alone this would be clear of chance. But no" if alone else "No"
    return (
        f"{found}: {_difference(worst)} than in all other cases. {taken} group is worse beyond what chance can do once it "
        f"is allowed for that {number_word(table.compared)} groups were looked at; that does not prove them equal."
    )


def _found(label: str, row: LevelRow) -> str:
    return f"{label} is {printed_estimate(row.estimate)} {group_phrase({row.attribute: row.level})}"


def _difference(row: LevelRow) -> str:
    found, unit = row.difference, row.estimate.unit
    assert found is not None and found.value is not None
    if found.low is None or found.high is None:
        return printed_difference(found.value, unit)
    limits = printed_difference_limits(found.low, found.high, unit)
    return f"{printed_difference(found.value, unit)} ({limits})"
