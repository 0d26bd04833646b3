"""The audit trail: append-only JSON lines, each carrying the hash of the one before. Nobody can edit the middle.

An event is on disk (fsync) before the run goes on. A crash can tear the last line only; the torn part is cut off when
the trail is opened again, and that is itself an event.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from validate.errors import EvidenceError
from validate.provenance.clock import utc_now
from validate.provenance.event import GENESIS, Chain, checked, line_of, made, parsed

UNSTATED = "unstated"


class AuditTrail:
    """Appends events. One writer at a time: the run holds its folder.

    Raises EvidenceError on opening a trail whose chain is broken before its last line: it was edited.
    """

    def __init__(self, path: Path, *, actor: str = UNSTATED, clock: Callable[[], datetime] = utc_now) -> None:
        self.path, self._clock, self.actor = path, clock, actor
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
            _cut_torn_line(self.path)
            self._remember()
            raise

    def _remember(self) -> None:
        """Where the chain on disk stands."""
        chain = verify_chain(self.path)
        self._seq, self.head, self._last = chain.events, chain.head, _last_time(self.path)

    def _append(self, kind: str, data: Mapping[str, Any] | None) -> str:
        now = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
        if now < self._last:
            # The chain's order is the truth; a clock that went back is told, not hidden.
            earlier, self._last = self._last, now
            self._append("clock_went_back", {"from": earlier, "to": now})
        event = made(seq=self._seq, time=now, actor=self.actor, kind=kind, data=data or {}, previous=self.head)
        os.write(self._descriptor, line_of(event) + b"\n")
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
        event = parsed(line)
        if event is None:
            raise EvidenceError(f"{path}:{number}: not an audit event")
        yield event


def verify_chain(path: Path) -> Chain:
    """Gaps, edits, reordering and torn lines of a trail, each named by its line."""
    return checked(_lines(path))


def _lines(path: Path) -> list[bytes]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise EvidenceError(f"{path}: no audit trail there") from None
    return content.splitlines()


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
