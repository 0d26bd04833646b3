"""Does the evidence hold? Offline: every hash and the audit chain, then every number computed again.

The recomputation is an argument, so that an auditor can read this file alone; without it the answer is INTEGRITY
ONLY, never VERIFIED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from validate.errors import EvidenceError, ValidateError
from validate.evidence.derived import derived_differences, made_by
from validate.evidence.interrupted import sealed_state
from validate.evidence.ledger_fit import ledger_differences
from validate.evidence.lock_attestation import check_lock_attestation
from validate.evidence.lock_fit import lock_differences
from validate.evidence.manifest import AUDIT, MANIFEST, REPORT, SEAL
from validate.evidence.number_fit import Recomputation, number_differences
from validate.evidence.printed import Printed, check_printed
from validate.evidence.recount import Recount, recount
from validate.evidence.recount_number import TORN
from validate.evidence.recount_table import UNITS, Table, read_table
from validate.evidence.seal import read_document
from validate.evidence.seal_fit import file_differences, listed, root_differences, seal_differences, sealed_text
from validate.evidence.signature import check_signatures
from validate.evidence.trail_fit import trail_differences
from validate.evidence.trust import Trust
from validate.evidence.verification import Verification, unproven, unsigned
from validate.provenance.audit import read_events, verify_chain
from validate.provenance.states import transition_problems

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Redrawing = Callable[[Path], Mapping[str, bytes]]  # run folder → {"report/report.html": content, "report/figures/…": …}


def verify(
    folder: Path,
    *,
    recompute: Recomputation | None = None,
    trusted: Sequence[Certificate] = (),
    ledger: Path | None = None,
    redraw: Redrawing | None = None,
) -> Verification:
    """Check a run folder against its seal. Raises EvidenceError only where there is no evidence to check at all.

    trusted : certificates of signers and time-stamp authorities whose word the reader takes
    ledger : an export of the site's ledger, which this run must stand in
    redraw : makes the page and its figures again; asked only where the numbers were computed again by the same program
    """
    with sealed_state(folder) as (sealed, left_over):
        found = _verified(sealed, recompute, trusted, ledger, redraw)
        return replace(found, left_over=left_over)


def _verified(
    folder: Path,
    recompute: Recomputation | None,
    trusted: Sequence[Certificate],
    ledger: Path | None,
    redraw: Redrawing | None,
) -> Verification:
    seal, manifest = read_document(folder, SEAL), read_document(folder, MANIFEST)
    differences = [*seal_differences(folder, seal), *file_differences(folder, manifest, seal)]
    differences += root_differences(folder, manifest)
    chain = verify_chain(folder / AUDIT)
    events = [] if chain.problems else list(read_events(folder / AUDIT))
    differences += [f"{AUDIT}: {problem}" for problem in (*chain.problems, *transition_problems(events))]
    if chain.head != sealed_text(seal, "audit", "head"):
        differences.append(
            f"{AUDIT}: its last event is {chain.head}, the seal says {sealed_text(seal, 'audit', 'head')}"
        )
    differences += trail_differences(folder, events)
    if ledger is not None:
        differences += ledger_differences(folder, ledger)
    trust = Trust(tuple(trusted))
    signatures, problems = check_signatures(folder, events, trust)
    locked = check_lock_attestation(folder, events, trust)
    differences += [*problems, *locked.problems, *unsigned(signatures, locked, trust)]
    numbers, counted, printed, redrawn = 0, Recount(0, ()), Printed(0, ()), 0
    if recompute is not None:
        table = _table(folder)
        differences += [*lock_differences(folder, events), *_derived(folder, table)]
        found, numbers = number_differences(folder, recompute)
        differences += found
        counted = _recounted(folder, table)
        printed = _printed(folder)
        differences += [*counted.differences, *printed.differences]
        if redraw is not None and _other_version(folder) is None:
            told, redrawn = _redrawn(folder, redraw)
            differences += told
    status: Literal["VERIFIED", "INTEGRITY ONLY", "DIFFERS"]
    status = "DIFFERS" if differences else "INTEGRITY ONLY" if recompute is None else "VERIFIED"
    return Verification(
        status,
        tuple(differences),
        len(listed(manifest)),
        chain.events,
        numbers,
        tuple(signatures),
        unproven(signatures, locked),
        counted.checked,
        counted.of,
        printed.numbers,
        None
        if locked.signer is None
        else f"{locked.signer} ({'trusted key' if locked.trusted else 'key not named as trusted'})",
        None if locked.stamp is None else f"{locked.stamp.time} by {locked.stamp.authority}",
        redrawn=redrawn,
        words=printed.words,
        found=counted.found,
        not_counted=counted.not_counted,
        uncounted=counted.unknown,
        other_version=_other_version(folder),
    )


def _other_version(folder: Path) -> str | None:
    try:
        return made_by(folder)
    except EvidenceError:
        return None  # that it is missing is told where the manifest names it


def _table(folder: Path) -> Table | None:
    """What is counted, read once; None where it can't be, which is told by who needs it."""
    try:
        return read_table(folder) if (folder / UNITS).is_file() else None
    except (EvidenceError, KeyError, TypeError, AttributeError, ValueError):
        return None


def _derived(folder: Path, table: Table | None) -> list[str]:
    try:
        return derived_differences(folder, table)
    except (EvidenceError, OSError, *TORN) as error:
        return [f"checklists and traceability can't be made again: {type(error).__name__}: {error}"]


def _recounted(folder: Path, table: Table | None) -> Recount:
    if not (folder / UNITS).is_file():
        return Recount(0, ())  # where the manifest names it, that it is missing is told already
    try:
        return recount(folder, table)
    except (EvidenceError, OSError, *TORN) as error:
        return Recount(0, (f"the estimates can't be counted again: {type(error).__name__}: {error}",))


def _printed(folder: Path) -> Printed:
    try:
        return check_printed(folder)
    except ValidateError as error:
        return Printed(0, (f"what the report prints can't be held against the evidence: {error}",))


def _redrawn(folder: Path, redraw: Redrawing) -> tuple[list[str], int]:
    """In words, each page or figure that is another when it is made again; and how many are the same."""
    try:
        made = redraw(folder)
    except (ValidateError, KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        return [f"{REPORT}: can't be made again from this evidence: {type(error).__name__}: {error}"], 0
    here = [name for name in sorted(made) if (folder / name).is_file()]
    other = [name for name in here if (folder / name).read_bytes() != made[name]]
    told = [f"{name}: missing, and the report of this evidence has it" for name in sorted(made.keys() - set(here))]
    told += [f"{name}: is not what this evidence gives when it is made again" for name in other]
    return told, len(here) - len(other)
