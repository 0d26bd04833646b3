"""What a look at evidence found: whether it holds, each difference by name, and what it can't prove to this reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from validate.evidence.lock_attestation import LockAttestation
from validate.evidence.signature import Signature
from validate.evidence.trust import Trust

UNPROVEN = "integrity only; time and identity unproven: no trusted signature and no external time stamp"


@dataclass(frozen=True, slots=True)
class Verification:
    """status : VERIFIED, INTEGRITY ONLY (numbers not recomputed) or DIFFERS, with each difference named.

    recounted : estimates that a second, independent way of counting gave again      estimates : that have a value
    printed : numbers in the PDF that are what lies at their addresses
    found : numbers of findings that the second way gave again      not_counted : why it did not give others, and how many
    uncounted : addresses of numbers of findings that should have a second way and have none
    words : with digits in the PDF, which have no address and are none of the program's phrases: the page made again holds them
    redrawn : the page and its figures, made again from the evidence and found the same to the byte
    signatures : those that hold, whoever gave them      unproven : what this evidence can't prove to this reader
    lock_signer, lock_stamp : who signed the lock, and when an authority that the reader trusts saw it
    other_version : of the program, which made this evidence: its checklists and scripts were not made again
    left_over : files in which an interrupted signature left something, which counts for nothing
    """

    status: Literal["VERIFIED", "INTEGRITY ONLY", "DIFFERS"]
    differences: tuple[str, ...]
    files: int
    events: int
    numbers: int
    signatures: tuple[Signature, ...] = ()
    unproven: str = UNPROVEN
    recounted: int = 0
    estimates: int = 0
    printed: int = 0
    lock_signer: str | None = None
    lock_stamp: str | None = None
    left_over: tuple[str, ...] = ()
    other_version: str | None = None
    redrawn: int = 0
    words: tuple[str, ...] = ()
    found: int = 0
    not_counted: Mapping[str, int] = field(default_factory=dict)
    uncounted: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.differences


def unsigned(signatures: Sequence[Signature], locked: LockAttestation, trust: Trust) -> Iterator[str]:
    stamps = [stamp for stamp in (locked.stamp, *(one.stamp for one in signatures)) if stamp is not None]
    if trust.asks_for_signers(stamps) and not any(one.trusted for one in signatures):
        yield "no signature of this run is by a key that you trust"


def unproven(signatures: Sequence[Signature], locked: LockAttestation) -> str:
    """What a reader who trusts these keys still takes on somebody's word.

    A second trusted signer who countersigned the trail's head stands for its times as an outside authority does.
    """
    witnesses = len({one.fingerprint for one in signatures if one.trusted})
    last, first = any(one.stamp for one in signatures), locked.stamp is not None
    missing = []
    if not witnesses:
        missing.append("identity unproven: no signature by a trusted key")
    if not first and witnesses < 2:
        missing.append(
            "time of the lock unproven: no time stamp on it by a trusted authority, no second trusted signature"
        )
    if not last and witnesses < 2:
        missing.append(
            "time of the signature unproven: no time stamp by a trusted authority, no second trusted signature"
        )
    if not (witnesses or first or last):
        return UNPROVEN
    by = "stamped by a trusted authority" if first and last else "countersigned by a second trusted key"
    return "; ".join(missing) or f"nothing: a trusted key signed, and the times of lock and signature are {by}"
