"""Who vouches for the lock, and since when: the signature and the time stamp that may lie beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate.canonical import file_digest
from validate.errors import EvidenceError
from validate.evidence.trust import Trust
from validate.provenance.attestation import LOCKED, SIGNED, STAMPED
from validate.provenance.certificate import subject
from validate.provenance.dsse import opened
from validate.provenance.states import TRANSITION
from validate.provenance.timestamp import Stamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LOCK = "lock.json"
SKEW = timedelta(minutes=10)  # by which two honest clocks may disagree


@dataclass(frozen=True, slots=True)
class LockAttestation:
    """signer : the name of whoever signed the lock      trusted : whether that is a key the reader trusts

    stamp : when an authority the reader trusts saw the lock
    """

    signer: str | None
    trusted: bool
    stamp: Stamp | None
    problems: tuple[str, ...]


def check_lock_attestation(folder: Path, events: Sequence[Mapping[str, Any]], trust: Trust) -> LockAttestation:
    """What lies beside lock.json; nothing there is no problem, anything that does not fit is.

    events : the run's trail: what it says came after the lock must not lie before the time that somebody outside gave the lock
    """
    lock, signed, token = folder / LOCK, folder / (LOCK + SIGNED), folder / (LOCK + STAMPED)
    problems: list[str] = []
    chain: tuple[Certificate, ...] = ()
    stamp, content = None, lock.read_bytes() if lock.is_file() else b""
    if signed.is_file():
        content = signed.read_bytes()
        try:
            chain = _signer(content, file_digest(lock) if lock.is_file() else "")
        except EvidenceError as error:
            problems.append(f"{LOCK}{SIGNED}: {error}")
    if token.is_file():
        try:
            stamp = trust.stamp(token.read_bytes(), content)
        except EvidenceError as error:
            problems.append(f"{LOCK}{STAMPED}: {error}")
    if stamp is not None:
        problems += _earlier_than_stamped(events, stamp.time)
    return LockAttestation(
        subject(chain[0]) if chain else None, bool(chain) and trust.of_signer(chain), stamp, tuple(problems)
    )


def _earlier_than_stamped(events: Sequence[Mapping[str, Any]], stamp: str) -> Iterator[str]:
    outside = datetime.fromisoformat(stamp)
    for event in events:
        if event["type"] == TRANSITION and event["data"].get("new") == "run":
            if datetime.fromisoformat(event["time"]) < outside - SKEW:
                yield (
                    f"{LOCK}{STAMPED}: the lock was first seen by an outside authority at {stamp}, and the models had begun at "
                    f"{event['time']} by the trail: one of the two was dated back"
                )
            return


def _signer(content: bytes, lock: str) -> tuple[Certificate, ...]:
    told, chain = opened(content)
    subjects = [one.get("digest", {}).get("sha256") for one in told.get("subject", []) if isinstance(one, dict)]
    if told.get("predicateType") != LOCKED or subjects != [lock]:
        raise EvidenceError("signs another lock than lies here")
    return chain
