"""RFC 3161 time stamps: somebody outside says that these bytes existed by then."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from validate.errors import CommandError, EvidenceError, MachineError
from validate.provenance.certificate import fingerprint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIMEOUT = 20.0  # seconds
LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Stamp:
    """time : as the authority states it, UTC ISO 8601    authority : the name it signs under, where it gives one

    root : fingerprint of the certificate by which it is trusted
    """

    time: str
    authority: str
    root: str


def stamped(content: bytes, url: str) -> bytes:
    """Ask an authority for a token over SHA-256 of these bytes; only the hash leaves.

    Raises CommandError for a URL that is none, MachineError where the authority can't be reached or refuses.
    """
    from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder, decode_timestamp_response

    if urlsplit(url).scheme not in {"http", "https"}:
        raise CommandError(f"time stamp: got {url!r}, expected the http or https address of an RFC 3161 authority")
    asked = (
        TimestampRequestBuilder()
        .data(content)
        .hash_algorithm(HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .nonce()
        .build()
    )
    request = Request(url, data=asked.as_bytes(), headers={"Content-Type": "application/timestamp-query"})  # noqa: S310
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 (the scheme was checked)
            token: bytes = answer.read(LARGEST)
    except (URLError, OSError, ValueError) as error:
        raise MachineError(f"{url}: the time-stamp authority gave no answer: {error}") from error
    try:
        response = decode_timestamp_response(token)
        granted = response.status in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}
        nonce = response.tst_info.nonce if granted else None
    except ValueError as error:
        raise MachineError(f"{url}: answered with something that is no time stamp: {error}") from error
    if not granted or nonce != asked.nonce:
        raise MachineError(f"{url}: the time-stamp authority refused, or answered another request")
    return token


def check_stamp(token: bytes, content: bytes) -> None:
    """Whether a token speaks of these bytes at all, whoever made it. Raises EvidenceError where it does not."""
    from rfc3161_client import PKIStatus, decode_timestamp_response

    try:
        response = decode_timestamp_response(token)
        granted = response.status in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}
        imprint = response.tst_info.message_imprint if granted else None
    except ValueError as error:
        raise EvidenceError(f"the time stamp can't be read: {error}") from error
    if response.as_bytes() != token:
        raise EvidenceError("the time stamp was rewritten")
    if imprint is None or imprint.message != hashlib.sha256(content).digest():
        raise EvidenceError("the time stamp is of other bytes than lie here")


def stamp_of(token: bytes, content: bytes, authority: Certificate) -> Stamp:
    """What a token says of these bytes, by this authority, or one below it.

    Raises EvidenceError where it is of other bytes, or signed by somebody else.
    """
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        response = decode_timestamp_response(token)
        VerifierBuilder(roots=[authority], intermediates=[]).build().verify_message(response, content)
        made = response.tst_info
        return Stamp(_utc(made.gen_time), _name(made.name), fingerprint(authority))
    except (VerificationError, ValueError) as error:
        raise EvidenceError(f"the time stamp does not hold: {error}") from error


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _name(told: object) -> str:
    value = getattr(told, "value", told)
    readable = getattr(value, "rfc4514_string", None)
    return "unnamed" if told is None else str(readable() if readable is not None else value)
