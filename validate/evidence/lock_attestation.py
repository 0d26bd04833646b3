"""Who vouches for the lock, and since when: the signature and the time stamp that may lie beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from validate.canonical import file_digest
from validate.errors import EvidenceError
from validate.provenance.attestation import LOCKED, SIGNED, STAMPED
from validate.provenance.dsse import opened
from validate.provenance.keys import fingerprint, subject
from validate.provenance.timestamp import stamp_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LOCK = "lock.json"


@dataclass(frozen=True, slots=True)
class LockAttestation:
    """signer : whoever signed the lock, with a key the reader trusts      stamp : UTC time by an authority the reader trusts"""

    signer: str | None
    stamp: str | None
    problems: tuple[str, ...]


def check_lock_attestation(folder: Path, trusted: Sequence[Certificate]) -> LockAttestation:
    """What lies beside lock.json; nothing there is no problem, anything that does not fit is."""
    lock, signed, token = folder / LOCK, folder / (LOCK + SIGNED), folder / (LOCK + STAMPED)
    problems: list[str] = []
    signer, stamp, content = None, None, lock.read_bytes() if lock.is_file() else b""
    if signed.is_file():
        content = signed.read_bytes()
        try:
            signer = _signer(content, file_digest(lock) if lock.is_file() else "", trusted)
        except EvidenceError as error:
            problems.append(f"{LOCK}{SIGNED}: {error}")
    if token.is_file() and trusted:
        try:
            stamp = stamp_of(token.read_bytes(), content, trusted).time
        except EvidenceError as error:
            problems.append(f"{LOCK}{STAMPED}: {error}")
    return LockAttestation(signer, stamp, tuple(problems))


def _signer(content: bytes, lock: str, trusted: Sequence[Certificate]) -> str | None:
    told, certificate = opened(content)
    subjects = [one.get("digest", {}).get("sha256") for one in told.get("subject", []) if isinstance(one, dict)]
    if told.get("predicateType") != LOCKED or subjects != [lock]:
        raise EvidenceError("signs another lock than lies here")
    return subject(certificate) if fingerprint(certificate) in {fingerprint(one) for one in trusted} else None
