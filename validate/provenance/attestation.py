"""What stands beside a file to say who vouches for it and since when: a signed statement, and a time stamp."""

from __future__ import annotations

import hashlib
from pathlib import Path

from validate.canonical import write_atomically
from validate.provenance.dsse import envelope, statement
from validate.provenance.keys import Key
from validate.provenance.timestamp import stamped

SIGNED, STAMPED = ".dsse.json", ".tsr"
ATTESTED = (SIGNED, STAMPED)
LOCKED = "urn:validate-imaging:lock:v1"


def attest(path: Path, *, key: Key | None, authority: str | None, time: str) -> tuple[Path, ...]:
    """Sign a file (key) and have the signature, or the file where there is none, stamped (authority: a URL)."""
    written: list[Path] = []
    content = path.read_bytes()
    if key is not None:
        told = statement(
            {path.name: hashlib.sha256(content).hexdigest()},
            predicate_type=LOCKED,
            predicate={"meaning": "locked", "signer": key.name, "time": time},
        )
        content = envelope(told, key)
        written.append(path.with_name(path.name + SIGNED))
        write_atomically(written[-1], content)
    if authority is not None:
        written.append(path.with_name(path.name + STAMPED))
        write_atomically(written[-1], stamped(content, authority))
    return tuple(written)
