"""Which code ran: one digest over the program's own source files."""

from __future__ import annotations

import hashlib
from functools import cache

from validate.canonical import file_digest
from validate.resources import PACKAGE


@cache
def source_digest() -> str:
    """SHA-256 over path and SHA-256 of every Python file of the package, sorted by path."""
    listing = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        listing.update(f"{file_digest(path)}  {path.relative_to(PACKAGE).as_posix()}\n".encode())
    return listing.hexdigest()
