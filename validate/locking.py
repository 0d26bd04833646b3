"""Freeze a study, hold it against what was frozen, or amend it: what `validate lock` and `validate run` both do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from validate.analyses.shift_reference import ShiftReference
from validate.canonical import write_atomically
from validate.cohort.case import Cohort
from validate.errors import CommandError, ProtocolError
from validate.lock.amendment import Amendment
from validate.lock.lock import amend_lock, check_lock, lock_path, make_lock, write_lock
from validate.lock.stored import Lock, read_lock
from validate.models.adapter import ModelIdentity
from validate.protocol.load import LoadedProtocol
from validate.protocol.passes import Pass
from validate.provenance.attestation import ATTESTED
from validate.provenance.ledger import Ledger
from validate.uses import cohort_members, reuse


def current_lock(
    loaded: LoadedProtocol,
    cohort: Cohort,
    models: Mapping[str, ModelIdentity],
    passes: Sequence[Pass],
    *,
    ledger: Ledger,
    run: str,
    clock: Callable[[], datetime],
    shift: ShiftReference | None = None,
) -> Lock:
    """What would be frozen now, with what the ledger knows of earlier looks at any of these cases."""
    plain = make_lock(loaded, cohort, models, passes, shift=shift.frozen if shift else None, clock=clock)
    known = reuse(ledger, cohort_members(cohort), plain.document["models"], run=run)
    kept = ("since", "entries", "head", "earlier_looks", "never_reported")
    return Lock({**plain.document, "earlier_uses": {name: known[name] for name in kept}})


def hold(
    loaded: LoadedProtocol,
    current: Lock,
    *,
    stored: Path | None,
    amendment: Amendment | None,
    ledger: Ledger,
    actor: str,
    clock: Callable[[], datetime],
) -> tuple[Lock, str]:
    """The lock in force, and what was done: "locked", "held" or "amended".

    stored : the run folder's own copy, of a run that is taken up again, where there is one
    Raises ProtocolError, naming each difference, where something differs and no amendment is made of it.
    """
    beside = lock_path(loaded.path)
    if stored is not None and stored.is_file():
        if amendment is not None:
            raise CommandError(
                f"{stored.parent}: holds a run under its lock; give an amended run a new folder (--out)."
            )
        held = read_lock(stored)
        _refuse(stored, held, current)
        return held, "held"
    if not beside.is_file():
        if amendment is not None:
            raise CommandError(f"{beside}: there is no lock to amend; run without --amend.")
        write_lock(current, beside)
        return current, "locked"
    held = read_lock(beside)
    if amendment is None:
        _refuse(beside, held, current)
        return held, "held"
    new = amend_lock(
        held, current, amendment, unblinded=was_unblinded(ledger, held), actor=actor,
        time=clock().isoformat(timespec="seconds"),
    )  # fmt: skip
    _set_aside(beside, held)
    write_lock(new, beside)
    return new, "amended"


def _refuse(place: Path, held: Lock, current: Lock) -> None:
    if differences := check_lock(held, current):
        raise ProtocolError(
            [f"{place}: locked, and now different: {line}" for line in differences]
            + ["To go on with what is here now, record it: --amend 'REASON' --severity minor|major."]
        )


def _set_aside(beside: Path, held: Lock) -> None:
    """The old lock and what attests it stay, under the name of the lock's digest."""
    for suffix in ("", *ATTESTED):
        old = beside.with_name(beside.name + suffix)
        if old.is_file():
            write_atomically(beside.with_name(f"{beside.stem}.{held.digest[:8]}.json{suffix}"), old.read_bytes())
            if suffix:
                old.unlink()


def was_unblinded(ledger: Ledger, held: Lock) -> bool:
    """Whether this site's ledger knows of a run under this lock, or one it came from, whose labels were seen."""
    names = {held.digest, *(record["from_lock"] for record in held.document.get("amendments", ()))}
    return any(e["type"] == "unblinded" and e["data"].get("lock") in names for e in ledger.entries())


def keep_lock(beside: Path, folder: Path) -> None:
    """The lock, and what attests it, into the run folder; what lies there already stays."""
    if (folder / "lock.json").is_file():
        return
    for suffix in (*ATTESTED, ""):  # the lock last: where it is, all is
        source = beside.with_name(beside.name + suffix)
        if source.is_file():
            write_atomically(folder / f"lock.json{suffix}", source.read_bytes())
