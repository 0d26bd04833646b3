"""The audit trail: append-only JSON lines, each carrying the hash of the one before. Nobody can edit the middle.

An event is on disk (fsync) before the run goes on. A crash can tear the last line only; the torn part is cut off when
the trail is opened again, and that is itself an event.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from validate.canonical import canonical_json, digest
from validate.errors import EvidenceError

GENESIS = "0" * 64
FIELDS = {"seq", "time", "type", "data", "previous", "hash"}


@dataclass(frozen=True, slots=True)
class Chain:
    """What a look at a trail found: number of good events, hash of the last, and every problem in words."""

    events: int
    head: str
    problems: tuple[str, ...]


class AuditTrail:
    """Appends events. One writer at a time: the run holds its folder.

    Raises EvidenceError on opening a trail whose chain is broken before its last line: it was edited.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path, self._clock = path, clock
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = _cut_torn_line(path)
        chain = verify_chain(path) if path.exists() else Chain(0, GENESIS, ())
        if chain.problems:
            raise EvidenceError(
                f"{path}: the audit trail was changed: {'; '.join(chain.problems)}. Start a new run folder."
            )
        self._seq, self.head = chain.events, chain.head
        self._last = _last_time(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if torn:
            self.append("torn_line_removed", {"bytes": torn})

    def append(self, kind: str, data: Mapping[str, Any] | None = None) -> str:
        """Write one event and return its hash. `data` is plain JSON without identifiers.

        An interrupt may fall between the writing and the remembering: what is on disk then counts.
        """
        try:
            return self._append(kind, data)
        except BaseException:
            _cut_torn_line(self._path)
            self._remember()
            raise

    def _remember(self) -> None:
        """Where the chain on disk stands."""
        chain = verify_chain(self._path)
        self._seq, self.head, self._last = chain.events, chain.head, _last_time(self._path)

    def _append(self, kind: str, data: Mapping[str, Any] | None) -> str:
        now = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
        if now < self._last:
            # The chain's order is the truth; a clock that went back is told, not hidden.
            earlier, self._last = self._last, now
            self._append("clock_went_back", {"from": earlier, "to": now})
        event = {"seq": self._seq, "time": now, "type": kind, "data": dict(data or {}), "previous": self.head}
        event["hash"] = digest(event)
        os.write(self._descriptor, canonical_json(event) + b"\n")
        os.fsync(self._descriptor)
        self._seq, self.head, self._last = self._seq + 1, str(event["hash"]), now
        return self.head

    def close(self) -> None:
        """Let the file go."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events as they stand. Raises EvidenceError where a line is not an event."""
    for number, line in enumerate(_lines(path), 1):
        event = _event(line)
        if event is None:
            raise EvidenceError(f"{path}:{number}: not an audit event")
        yield event


def verify_chain(path: Path) -> Chain:
    """Gaps, edits, reordering and torn lines of a trail, each named by its line."""
    head, problems, count = GENESIS, [], 0
    for number, line in enumerate(_lines(path), 1):
        event = _event(line)
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


def _lines(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise EvidenceError(f"{path}: no audit trail there") from None
    return content.splitlines()


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
        canonical_json(event)  # refuses what no event of ours can hold: NaN, half a character
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.keys() == FIELDS else None


def _as_written(event: dict[str, Any], stated: Any, line: bytes) -> bool:
    """Not spaced otherwise, and no key twice: the hash is of the content and would not tell."""
    return canonical_json({**event, "hash": stated}) == line


def _cut_torn_line(path: Path) -> int:
    """Bytes cut off the end: what a crash left of a line that was never finished."""
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    torn = len(content) - whole
    if torn:
        with path.open("r+b") as stream:
            stream.truncate(whole)
            os.fsync(stream.fileno())
    return torn


def _last_time(path: Path) -> str:
    events = list(read_events(path)) if path.exists() else []
    return str(events[-1]["time"]) if events else ""
