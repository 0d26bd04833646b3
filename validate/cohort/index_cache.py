"""What was read of each file of a source, kept from one reading to the next: an interrupted index goes on where it was.

An answer holds while the file keeps its size, both of its times and its inode, and was not young when it was read (a file
that is written twice within one tick of the clock looks unchanged). Where digests are asked for, a file of the same size that was
touched is hashed again, and where its digest is the same, so is what its header says. Without digests its header is read again, which
takes less than hashing it would. Lies beside the site key, readable by its owner only: headers hold
identifiers. Whatever goes wrong with it, the files are read instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from validate import __version__
from validate.cohort.candidate import Facts, Question
from validate.cohort.tree import Entry, Stamp

LAYOUT = 3
YOUNG = 2_000_000_000  # ns; file systems keep times to 2 s or better
TABLE = (
    "CREATE TABLE IF NOT EXISTS facts (relative BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, "
    "inode INTEGER, own BLOB, common BLOB, digest TEXT) WITHOUT ROWID"
)
PUT = "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
MOST_UNSAVED = 2000


class Known(NamedTuple):
    """By relative path. unchanged : what holds    touched : what holds where the digest is still the same"""

    unchanged: dict[str, Facts]
    touched: dict[str, Facts]


class IndexCache:
    """One source's answers to one question. Use as a context; what is put in is saved now and then, and at the end."""

    def __init__(self, folder: Path, source: Path, question: Question) -> None:
        name = hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:32]
        self._path = folder / f"{name}.sqlite"
        self._asked = _asked(question)
        self._connection: sqlite3.Connection | None = None
        self._unsaved = 0
        self._started = time.time_ns()

    def __enter__(self) -> Self:
        try:
            self._connection = self._opened()
        except sqlite3.DatabaseError:
            self._start_anew()
        except OSError:
            self._connection = None
        return self

    def _start_anew(self) -> None:
        """Damaged, or of another version: nothing in it is worth a question."""
        try:
            self._path.unlink(missing_ok=True)
            self._connection = self._opened()
        except (sqlite3.Error, OSError):
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=2)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-8192")
            connection.execute("CREATE TABLE IF NOT EXISTS asked (question TEXT)")
            connection.execute(TABLE)
            if connection.execute("SELECT question FROM asked").fetchall() != [(self._asked,)]:
                connection.execute("DELETE FROM asked")
                connection.execute("DELETE FROM facts")
                connection.execute("INSERT INTO asked VALUES (?)", (self._asked,))
            connection.commit()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._save()
        if self._connection is not None:
            self._connection.close()

    def known(self, entries: Sequence[Entry], *, digests: bool) -> Known:
        """What still holds of these files, and what holds if their digests are the same."""
        found: dict[str, Facts] = {}
        touched: dict[str, Facts] = {}
        if self._connection is None:
            return Known(found, touched)
        try:
            for entry in entries:
                if entry.stamp is None or entry.reason is not None:
                    continue
                row = self._connection.execute(
                    "SELECT size, modified, changed, inode, own, common, digest FROM facts WHERE relative = ?",
                    (os.fsencode(entry.relative),),
                ).fetchone()
                if row is None or (digests and row[6] is None):
                    continue
                if row[:4] == entry.stamp:
                    found[entry.relative] = Facts(row[4], row[5], row[6])
                elif digests and row[0] == entry.stamp[0]:
                    touched[entry.relative] = Facts(row[4], row[5], row[6])
        except sqlite3.Error:
            self._give_up()
        return Known(found, touched)

    def put(self, read: Mapping[str, tuple[Entry, Facts]]) -> None:
        """Keep what was read."""
        if self._connection is None:
            return
        rows = [
            (os.fsencode(entry.relative), *entry.stamp, facts.own, facts.common, facts.digest)
            for entry, facts in read.values()
            if entry.stamp is not None and entry.reason is None and not self._young(entry.stamp)
        ]
        try:
            self._connection.executemany(PUT, rows)
        except sqlite3.Error:
            self._give_up()
            return
        self._unsaved += len(rows)
        if self._unsaved >= MOST_UNSAVED:
            self._save()

    def _young(self, stamp: Stamp) -> bool:
        return max(stamp[1], stamp[2]) > self._started - YOUNG

    def _save(self) -> None:
        try:
            if self._connection is not None:
                self._connection.commit()
            self._unsaved = 0
        except sqlite3.Error:
            self._give_up()

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _asked(question: Question) -> str:
    """What answers depend on besides the file: this version, the tags asked for, and the tables that names go through."""
    here = Path(__file__).parent
    tables = [*(Path(path) for path in question.vendors), *sorted(here.glob("*.csv"))]
    content = [hashlib.sha256(path.read_bytes()).hexdigest() for path in tables]
    asked = [LAYOUT, __version__, sorted(question.tags.items()), question.identifiers, content]
    return json.dumps(asked)
