"""The ledger of test sets: every use of every cohort by every model at this site, reported or not.

A test set wears out: each look at its labels lets choices follow it (10.1126/science.aaa9375). SQLite in the user's data
folder, safe under concurrent runs. Its rows are a hash chain, and the head of the chain goes into each run's evidence, so
that a ledger that was emptied, cut or edited no longer fits the evidence that was made before.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import CommandError, EvidenceError, MachineError
from validate.provenance.clock import utc_now
from validate.provenance.event import GENESIS, Chain, checked, line_of, made, parsed

NAME = "ledger.sqlite"
WAIT = 30.0  # seconds for another run to finish its entry
LAYOUT = """
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, line BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS members (digest TEXT PRIMARY KEY, kind TEXT NOT NULL, hashes BLOB NOT NULL);
"""
# What opens the labels of a cohort to somebody's eyes.
LOOKS = frozenset({"unblinded", "evaluated"})


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a cohort, as 64-bit hashes: enough to count who was used before, and no name.

    hashes : (members,) uint64, ascending and distinct
    """

    kind: str
    hashes: NDArray[np.uint64]

    @property
    def digest(self) -> str:
        """SHA-256 of kind and hashes: what an entry of the ledger names."""
        return hashlib.sha256(self.kind.encode() + b"\n" + self.hashes.tobytes()).hexdigest()


def members(kind: str, names: Iterable[str]) -> Members:
    """Of pseudonyms or content digests, in any order, however often each is named."""
    distinct = sorted({hashlib.sha256(name.encode()).digest()[:8] for name in names})
    return Members(kind, np.sort(np.frombuffer(b"".join(distinct), dtype=">u8").astype(np.uint64)))


@dataclass(frozen=True, slots=True)
class Use:
    """An earlier look at labels.    shared : {"case": …, "patient": …}, how many of the members asked about it saw"""

    entry: Mapping[str, Any]
    shared: Mapping[str, int]


class Ledger:
    """Opens, or makes, the ledger of a data folder.

    Raises MachineError where it can't be opened or made, EvidenceError where its chain is broken: it was edited, and what
    was used before is not known any more.
    """

    def __init__(self, folder: Path, *, actor: str = "unstated", clock: Callable[[], datetime] = utc_now) -> None:
        self.path, self._actor, self._clock = folder / NAME, actor, clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(LAYOUT)
        except OSError as error:
            raise MachineError(f"{folder}: no ledger can be kept here: {error.strerror}. Set VALIDATE_HOME.") from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            raise MachineError(
                f"{self.path}: the ledger of test sets can't be read or written: {error}. Restore it from a backup, or set "
                "VALIDATE_HOME to a folder that can be written."
            ) from error

    def append(self, kind: str, data: Mapping[str, Any], groups: Sequence[Members] = ()) -> str:
        """Write one entry, with who is in it, whole or not at all; return its hash.

        data : plain JSON without identifiers      groups : members that `data` refers to by digest
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                head, count, last = _tail(connection)
                now = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
                told = dict(data) if now >= last else {**data, "clock_went_back_from": last}
                event = made(seq=count, time=now, actor=self._actor, kind=kind, data=told, previous=head)
                for group in groups:
                    connection.execute(
                        "INSERT OR IGNORE INTO members VALUES (?, ?, ?)",
                        (group.digest, group.kind, group.hashes.tobytes()),
                    )
                connection.execute("INSERT INTO entries VALUES (?, ?)", (count, line_of(event)))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        return str(event["hash"])

    def lines(self) -> list[bytes]:
        """The entries as they stand, oldest first."""
        with self._connection() as connection:
            rows = connection.execute("SELECT CAST(line AS BLOB) FROM entries ORDER BY seq")
            return [bytes(line) for (line,) in rows]

    def entries(self) -> list[dict[str, Any]]:
        """The entries, oldest first. Raises EvidenceError where the chain is broken."""
        lines = self.lines()
        self.refuse_broken(checked(lines))
        return [event for line in lines if (event := parsed(line)) is not None]

    def refuse_broken(self, chain: Chain) -> None:
        """Raises EvidenceError, naming the first problems."""
        if chain.problems:
            raise EvidenceError(
                f"{self.path}: the ledger of test sets was edited: {'; '.join(chain.problems[:3])}. What was used before is not "
                "known any more. Keep the file, restore a backup, and say in the report what happened."
            )

    def earlier_looks(self, groups: Sequence[Members]) -> list[Use]:
        """Every look at labels of a cohort that shares a member with these, oldest first."""
        known: dict[str, dict[str, int]] = {}
        wanted = {group.kind: group.hashes for group in groups}
        with self._connection() as connection:
            for name, kind, blob in connection.execute("SELECT digest, kind, hashes FROM members"):
                hashes = np.frombuffer(blob, np.uint64)
                if hashlib.sha256(str(kind).encode() + b"\n" + bytes(blob)).hexdigest() != name:
                    raise EvidenceError(f"{self.path}: a list of who was in a cohort was edited; restore a backup")
                if kind in wanted:
                    shared = np.intersect1d(hashes, wanted[kind], assume_unique=True).size
                    known[name] = {kind: int(shared)}
        found = []
        for entry in self.entries():
            if entry["type"] not in LOOKS:
                continue
            counts: dict[str, int] = {}
            for group in entry["data"].get("members", {}).values():
                if group not in known:
                    continue
                counts |= known[group]
            if any(counts.values()):
                found.append(Use(entry, counts))
        return found

    def export(self, path: Path) -> int:
        """Write the entries as JSON lines, for an auditor; returns how many. Raises CommandError where the file exists."""
        if path.exists():
            raise CommandError(f"{path}: exists already; a ledger is exported into a new file")
        lines = self.lines()
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return len(lines)


def _tail(connection: sqlite3.Connection) -> tuple[str, int, str]:
    """Hash, number of entries and time of the last entry."""
    row = connection.execute("SELECT seq, CAST(line AS BLOB) FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return GENESIS, 0, ""
    event = json.loads(row[1])
    return str(event["hash"]), int(row[0]) + 1, str(event["time"])
