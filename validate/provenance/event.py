"""An event of a hash chain: what the audit trail of a run and the ledger of a site are made of.

Each event holds the hash of the one before, so that nothing in the middle can be edited, dropped, added or moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from validate.canonical import canonical_json, digest

GENESIS = "0" * 64
FIELDS = {"seq", "time", "actor", "type", "data", "previous", "hash"}


@dataclass(frozen=True, slots=True)
class Chain:
    """What a look at a chain found: number of good events, hash of the last, and every problem in words."""

    events: int
    head: str
    problems: tuple[str, ...]


def made(*, seq: int, time: str, actor: str, kind: str, data: Mapping[str, Any], previous: str) -> dict[str, Any]:
    """The event with its hash: SHA-256 of the canonical form of all the rest."""
    event: dict[str, Any] = {
        "seq": seq, "time": time, "actor": actor, "type": kind, "data": dict(data), "previous": previous,
    }  # fmt: skip
    return {**event, "hash": digest(event)}


def line_of(event: Mapping[str, Any]) -> bytes:
    """As it is stored: one line of canonical JSON, without the line break."""
    return canonical_json(dict(event))


def parsed(line: bytes) -> dict[str, Any] | None:
    """The event of a stored line; None where the line is none."""
    try:
        event = json.loads(line)
        canonical_json(event)  # refuses what no event of ours can hold: NaN, half a character
    except (ValueError, RecursionError):
        return None
    whole = isinstance(event, dict) and event.keys() == FIELDS and isinstance(event["data"], dict)
    return event if whole else None


def checked(lines: Iterable[bytes]) -> Chain:
    """Gaps, edits, reordering and torn lines, each named by its line."""
    head, problems, count = GENESIS, [], 0
    for number, line in enumerate(lines, 1):
        event = parsed(line)
        if event is None:
            problems.append(f"line {number} is not an event")
            continue
        stated = event.pop("hash")
        if event["seq"] != number - 1:
            problems.append(f"line {number} has number {event['seq']}, expected {number - 1}: a gap or another order")
        if event["previous"] != head:
            problems.append(f"line {number} does not follow the line before it")
        if digest(event) != stated or not _as_written(event, stated, line):
            problems.append(f"line {number} was edited")
        head, count = str(stated), count + 1
    return Chain(count, head, tuple(problems))


def _as_written(event: dict[str, Any], stated: Any, line: bytes) -> bool:
    """Not spaced otherwise, and no key twice: the hash is of the content and would not tell."""
    return line_of({**event, "hash": stated}) == line
