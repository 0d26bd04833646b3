"""A stored lock as it is read: what it froze, its digest, and whether what ran under it was promised beforehand.

Nothing is imported here that reads images: whoever verifies a bundle needs no more than this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validate.canonical import digest
from validate.errors import ProtocolError
from validate.lock.amendment import confirmatory

# What must not have changed between lock and run. The time is a fact about the lock, not part of what is frozen.
FROZEN = ("protocol", "cohort", "reference", "models", "passes", "program")


@dataclass(frozen=True, slots=True)
class Lock:
    """document : as stored in PROTOCOL.lock.json    digest : SHA-256 of the frozen part."""

    document: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The lock's name: SHA-256 of the canonical form of everything frozen, and of the amendments that led here."""
        return lock_digest(self.document)

    @property
    def confirmatory(self) -> bool:
        """Whether what runs under this lock was promised before anybody looked (amendment.py)."""
        return confirmatory(self.document)


def lock_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form of what a lock freezes; raises KeyError where a part is missing."""
    amendments = {"amendments": document["amendments"]} if document.get("amendments") else {}
    return digest({name: document[name] for name in FROZEN} | amendments)


def read_lock(path: Path) -> Lock:
    """A stored lock. Raises ProtocolError when it is torn, or its digest no longer fits its content."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        lock = Lock(document)
        intact = document["lock_sha256"] == lock.digest
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ProtocolError(f"{path}: not a lock that this version can read: {error}") from error
    if not intact:
        raise ProtocolError(f"{path}: the lock was edited: its content no longer has the digest it states")
    return lock


def confirmatory_run(folder: Path) -> bool:
    """Whether a run folder's numbers were promised beforehand: it has a lock, and no major amendment after looking."""
    path = folder / "lock.json"
    return path.is_file() and read_lock(path).confirmatory
