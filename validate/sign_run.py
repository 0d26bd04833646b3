"""Sign a finished run: what is signed is checked first, noted in the trail, and sealed again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from validate.canonical import file_digest, write_atomically
from validate.cohort.privacy import home
from validate.errors import CommandError, EvidenceError
from validate.evidence.manifest import AUDIT, SEAL
from validate.evidence.pdf_signature import SIGNED_PDF, signed_pdf, write_signed_pdf
from validate.evidence.seal import read_document, write_seal
from validate.evidence.signature import MEANINGS, Meaning, signature_files, write_signature
from validate.evidence.verify import verify
from validate.lock.lock import read_lock
from validate.provenance.attestation import STAMPED
from validate.provenance.audit import AuditTrail, read_events, verify_chain
from validate.provenance.keys import Key
from validate.provenance.ledger import Ledger
from validate.provenance.states import Progress, State
from validate.run_folder import run_name, sole_user


def sign_run(
    folder: Path,
    key: Key,
    *,
    meaning: Meaning,
    authority: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Path:
    """Add a signature to a finished run; earlier ones stay valid. Returns its file.

    meaning : authored, reviewed, approved or responsible (21 CFR 11.50)      authority : URL of an RFC 3161 time stamp
    Raises CommandError for another meaning or an unfinished run, EvidenceError where the evidence does not fit its seal: what
    does not hold is not signed.
    """
    if meaning not in MEANINGS:
        raise CommandError(f"sign: got the meaning {meaning!r}, expected one of {', '.join(MEANINGS)}")
    with sole_user(folder):
        undo_unfinished(folder)
        if differences := verify(folder).differences:
            shown = "; ".join(differences[:3])
            raise EvidenceError(f"{folder}: the evidence does not fit its seal, so it is not signed: {shown}")
        lock = folder / "lock.json"
        facts = {
            "lock": read_lock(lock).digest if lock.is_file() else None,
            "outcome": read_document(folder, "verdict.json").get("outcome"),
        }
        with AuditTrail(folder / AUDIT, actor=f"{key.name} (key {key.fingerprint[:16]})", clock=clock) as trail:
            progress = Progress(trail)
            if progress.state not in {State.REPORTED, State.SIGNED}:
                raise CommandError(f"{folder}: this run is {progress.state}; only a reported run can be signed.")
            time = clock().astimezone(UTC).isoformat(timespec="seconds")
            paper = signed_pdf(folder, key, meaning=meaning, time=time, authority=authority)
            path, noted = write_signature(
                folder, trail, key, meaning=meaning, time=time, authority=authority, facts=facts
            )
            if paper is not None:
                write_signed_pdf(folder, paper)
                noted["pdf_bytes"] = len(paper)
            progress.to(State.SIGNED, f"signed as {meaning}", noted)
            write_seal(folder, audit_head=trail.head)
        ledger = Ledger(home(), actor=trail.actor, clock=clock)
        ledger.append("signed", {"run": run_name(folder), "meaning": meaning, "fingerprint": key.fingerprint})
    return path


def undo_unfinished(folder: Path) -> None:
    """What a crash left of a signature that was never noted in the trail goes; one that was noted gets the seal it lacked."""
    if not (folder / AUDIT).is_file() or verify_chain(folder / AUDIT).problems:
        return
    events = [e for e in read_events(folder / AUDIT) if e["data"].get("new") == State.SIGNED]
    noted = {event["data"].get("signature") for event in events}
    for name in signature_files(folder):
        if file_digest(folder / name) not in noted:
            (folder / name).unlink()
            (folder / (name + STAMPED)).unlink(missing_ok=True)
    _cut_pdf(folder / SIGNED_PDF, max((e["data"].get("pdf_bytes", 0) for e in events), default=0))
    head = verify_chain(folder / AUDIT).head
    if events and events[-1]["hash"] == head and read_document(folder, SEAL)["audit"]["head"] == events[-1]["previous"]:
        write_seal(folder, audit_head=head)


def _cut_pdf(copy: Path, length: int) -> None:
    """Back to the last signature that was noted: a signed PDF only grows."""
    if not copy.is_file() or copy.stat().st_size <= length:
        return
    content = copy.read_bytes()[:length]
    if content:
        write_atomically(copy, content)
    else:
        copy.unlink()
