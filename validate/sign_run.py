"""Sign a finished run: what is signed is checked first, noted in the trail, and sealed again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from validate.cohort.privacy import home
from validate.errors import CommandError, EvidenceError
from validate.evidence.interrupted import leftovers, put_back
from validate.evidence.manifest import AUDIT
from validate.evidence.pdf_signature import signed_pdf, write_signed_pdf
from validate.evidence.seal import read_document, write_seal
from validate.evidence.signature import MEANINGS, Meaning, write_signature
from validate.evidence.verify import verify
from validate.lock.stored import read_lock
from validate.provenance.audit import AuditTrail
from validate.provenance.clock import utc_now
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
    clock: Callable[[], datetime] = utc_now,
) -> Path:
    """Add a signature to a finished run; earlier ones stay valid. Returns its file.

    meaning : authored, reviewed, approved or responsible (21 CFR 11.50)      authority : URL of an RFC 3161 time stamp
    Raises CommandError for another meaning or an unfinished run, EvidenceError where the evidence does not fit its seal: what
    does not hold is not signed.
    """
    if meaning not in MEANINGS:
        raise CommandError(f"sign: got the meaning {meaning!r}, expected one of {', '.join(MEANINGS)}")
    with sole_user(folder):
        put_back(folder, leftovers(folder))
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
