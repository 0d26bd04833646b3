"""Signatures over a finished run: who signed, when, and what the signature means (21 CFR 11.50), several after each other.

Each is a signed statement of its own over the manifest, every report file, the audit trail as it stood, and all earlier
signatures, so that a later one leaves the earlier ones valid, and none can be taken out without the later ones telling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from validate.canonical import file_digest, write_atomically
from validate.errors import EvidenceError
from validate.evidence.lock_attestation import SKEW
from validate.evidence.manifest import AUDIT, MANIFEST, REPORT, SIGNATURES, run_files
from validate.evidence.pdf_signature import check_signed_pdf
from validate.evidence.trust import Trust
from validate.provenance.attestation import STAMPED
from validate.provenance.audit import AuditTrail, read_events
from validate.provenance.certificate import fingerprint, subject
from validate.provenance.dsse import envelope, opened, statement
from validate.provenance.keys import Key
from validate.provenance.timestamp import Stamp, stamped

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Meaning = Literal["authored", "reviewed", "approved", "responsible"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
KIND = "urn:validate-imaging:signature:v1"
SUFFIX = ".dsse.json"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature that holds, as it is told to the reader.

    signer : the name in the certificate      trusted : whether the reader trusts this certificate, or an authority above it
    stamp : outside proof of its time, where there is one by an authority that the reader trusts
    """

    path: str
    signer: str
    meaning: str
    time: str
    fingerprint: str
    trusted: bool
    stamp: Stamp | None


def signature_files(folder: Path) -> list[str]:
    """The signatures of a run folder in their order, as relative paths."""
    return [name for name in run_files(folder) if name.startswith(SIGNATURES) and name.endswith(SUFFIX)]


def signed_subjects(folder: Path) -> dict[str, str]:
    """What a signature is over: the manifest, and every file of the report."""
    names = [MANIFEST, *(name for name in run_files(folder) if name.startswith(REPORT))]
    return {name: file_digest(folder / name) for name in names}


def write_signature(
    folder: Path,
    trail: AuditTrail,
    key: Key,
    *,
    meaning: Meaning,
    time: str,
    authority: str | None,
    facts: Mapping[str, Any],
) -> tuple[Path, dict[str, Any]]:
    """The next signature, and what the trail shall note of it.

    facts : lock and outcome, so that the statement can be read alone
    """
    earlier = signature_files(folder)
    predicate = {
        "meaning": meaning,
        "signer": key.name,
        "time": time,
        "audit": {"events": sum(1 for _ in read_events(folder / AUDIT)), "head": trail.head},
        "after": {name: file_digest(folder / name) for name in earlier},
        **facts,
    }
    content = envelope(statement(signed_subjects(folder), predicate_type=KIND, predicate=predicate), key)
    path = folder / f"{SIGNATURES}{len(earlier) + 1:02d}-{meaning}{SUFFIX}"
    token = stamped(content, authority) if authority is not None else None
    write_atomically(path, content)
    if token is not None:
        write_atomically(path.with_name(path.name + STAMPED), token)
    noted = {
        "signature": file_digest(path), "meaning": meaning, "signer": key.name, "fingerprint": key.fingerprint,
    }  # fmt: skip
    return path, noted


def check_signatures(
    folder: Path, events: Sequence[Mapping[str, Any]], trust: Trust
) -> tuple[list[Signature], list[str]]:
    """Every signature that holds, and in words whatever does not.

    events : the run's audit trail
    """
    noted = {event["data"].get("signature"): event for event in events if event["data"].get("new") == "signed"}
    found: list[Signature] = []
    problems: list[str] = []
    earlier: dict[str, str] = {}
    for name in signature_files(folder):
        content = (folder / name).read_bytes()
        try:
            told, chain = opened(content)
            _check_statement(folder, told, earlier, events)
            one = _signature(name, told, chain, _stamp(folder / (name + STAMPED), content, trust), trust)
            problems += [f"{name}: {problem}" for problem in _time_problems(one, chain[0])]
        except EvidenceError as error:
            problems.append(f"{name}: {error}")
            continue
        finally:
            earlier[name] = file_digest(folder / name)
        if noted.pop(earlier[name], None) is None:
            problems.append(f"{name}: the audit trail knows of no such signature")
        found.append(one)
    problems += [
        f"{AUDIT}: a signature ({event['data'].get('meaning')}, by {event['data'].get('signer')}) stands in the trail and is gone"
        for event in noted.values()
    ]
    given: dict[str, int] = {}
    for one in found:
        given[one.fingerprint] = given.get(one.fingerprint, 0) + 1
    return found, [*problems, *check_signed_pdf(folder, given)]


def _signature(
    name: str, told: Mapping[str, Any], chain: Sequence[Certificate], stamp: Stamp | None, trust: Trust
) -> Signature:
    meaning, time = str(told["predicate"]["meaning"]), str(told["predicate"].get("time"))
    return Signature(name, subject(chain[0]), meaning, time, fingerprint(chain[0]), trust.of_signer(chain), stamp)


def _time_problems(one: Signature, certificate: Certificate) -> Iterator[str]:
    """A signature outside the life of its certificate, or dated otherwise than the outside authority saw it."""
    try:
        stated = datetime.fromisoformat(one.time)
        early = stated < certificate.not_valid_before_utc
        late = stated > certificate.not_valid_after_utc
    except (ValueError, TypeError):
        yield f"states no time that can be read: {one.time[:40]!r}"
        return
    if early or late:
        yield f"was given at {one.time}, when its certificate {'was not valid yet' if early else 'had expired'}"
    if one.stamp is not None and abs(datetime.fromisoformat(one.stamp.time) - stated) > SKEW:
        yield f"says it was given at {one.time}, and an outside authority stamped it at {one.stamp.time}"


def _check_statement(
    folder: Path, told: Mapping[str, Any], earlier: Mapping[str, str], events: Sequence[Mapping[str, Any]]
) -> None:
    """Raises EvidenceError where what was signed is not what lies here."""
    try:
        subjects = {one["name"]: one["digest"]["sha256"] for one in told["subject"]}
        predicate = told["predicate"]
        meaning, audit, after = predicate["meaning"], predicate["audit"], predicate["after"]
        count, head = int(audit["events"]), audit["head"]
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError("signs a statement of another form") from error
    if told["predicateType"] != KIND or meaning not in MEANINGS:
        raise EvidenceError("signs a statement of another kind")
    here = signed_subjects(folder)
    for name in sorted(subjects.keys() | here.keys()):
        if subjects.get(name) != here.get(name):
            raise EvidenceError(f"was given to another {name} than lies here")
    if after != dict(earlier):
        raise EvidenceError("was given after other signatures than lie here")
    if not 0 < count <= len(events) or events[count - 1]["hash"] != head:
        raise EvidenceError("was given to another audit trail than lies here")


def _stamp(path: Path, content: bytes, trust: Trust) -> Stamp | None:
    """None where there is no stamp, or nobody whose word on it the reader takes. Raises EvidenceError for one of other bytes."""
    return trust.stamp(path.read_bytes(), content) if path.is_file() else None
