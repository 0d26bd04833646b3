"""Does the evidence hold? Offline: every hash and the audit chain, then every number computed again.

The recomputation is an argument, so that an auditor can read this file alone; without it the answer is INTEGRITY
ONLY, never VERIFIED.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from validate.canonical import file_digest, pretty_json
from validate.errors import EvidenceError, ValidateError
from validate.evidence.derived import derived_differences, made_by
from validate.evidence.interrupted import sealed_state
from validate.evidence.ledger_fit import ledger_differences
from validate.evidence.lock_attestation import LockAttestation, check_lock_attestation
from validate.evidence.lock_fit import lock_differences
from validate.evidence.manifest import (
    AUDIT,
    CASES,
    MANIFEST,
    OUTSIDE,
    REPORT,
    SEAL,
    SIGNATURES,
    case_root,
    run_files,
)
from validate.evidence.printed import Printed, check_printed
from validate.evidence.recount import UNITS, Recount, recount
from validate.evidence.seal import read_document, seal_document
from validate.evidence.signature import Signature, check_signatures
from validate.evidence.trail_fit import trail_differences
from validate.evidence.trust import Trust
from validate.provenance.audit import read_events, verify_chain
from validate.provenance.states import transition_problems

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TOLERANCE = 1e-9  # relative; counts and words must be equal (architecture.md, promise 6)
REPORTED_DIFFERENCES = 50

Recomputation = Callable[[Path], Mapping[str, Any]]  # run folder → {"estimates.json": document, …}
Redrawing = Callable[[Path], Mapping[str, bytes]]  # run folder → {"report/report.html": content, "report/figures/…": …}


UNPROVEN = "integrity only; time and identity unproven: no trusted signature and no external time stamp"


@dataclass(frozen=True, slots=True)
class Verification:
    """status : VERIFIED, INTEGRITY ONLY (numbers not recomputed) or DIFFERS, with each difference named.

    recounted : estimates that a second, independent way of counting gave again      estimates : that have a value
    printed : numbers in the PDF that are what lies at their addresses
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

    @property
    def holds(self) -> bool:
        return not self.differences


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
    differences = [*_seal_differences(folder, seal), *_file_differences(folder, manifest, seal)]
    differences += _root_differences(folder, manifest)
    chain = verify_chain(folder / AUDIT)
    events = [] if chain.problems else list(read_events(folder / AUDIT))
    differences += [f"{AUDIT}: {problem}" for problem in (*chain.problems, *transition_problems(events))]
    if chain.head != _text(seal, "audit", "head"):
        differences.append(f"{AUDIT}: its last event is {chain.head}, the seal says {_text(seal, 'audit', 'head')}")
    differences += trail_differences(folder, events)
    if ledger is not None:
        differences += ledger_differences(folder, ledger)
    trust = Trust(tuple(trusted))
    signatures, problems = check_signatures(folder, events, trust)
    locked = check_lock_attestation(folder, events, trust)
    differences += [*problems, *locked.problems, *_unsigned(signatures, locked, trust)]
    numbers, counted, printed, redrawn = 0, Recount(0, ()), Printed(0, ()), 0
    if recompute is not None:
        differences += [*lock_differences(folder, events), *_derived(folder)]
        found, numbers = _number_differences(folder, recompute)
        differences += found
        counted = _recounted(folder)
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
        len(_listed(manifest)),
        chain.events,
        numbers,
        tuple(signatures),
        _unproven(signatures, locked),
        counted.checked,
        counted.of,
        printed.numbers,
        None
        if locked.signer is None
        else f"{locked.signer} ({'trusted key' if locked.trusted else 'key not named as trusted'})",
        None if locked.stamp is None else f"{locked.stamp.time} by {locked.stamp.authority}",
        redrawn=redrawn,
        other_version=_other_version(folder),
    )


def _unsigned(signatures: Sequence[Signature], locked: LockAttestation, trust: Trust) -> Iterator[str]:
    stamps = [stamp for stamp in (locked.stamp, *(one.stamp for one in signatures)) if stamp is not None]
    if trust.asks_for_signers(stamps) and not any(one.trusted for one in signatures):
        yield "no signature of this run is by a key that you trust"


def _unproven(signatures: Sequence[Signature], locked: LockAttestation) -> str:
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


def _text(document: Mapping[str, Any], *path: str) -> str:
    value: Any = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise EvidenceError(f"{'/'.join(path)}: missing from a sealed document; the evidence was cut")
        value = value[name]
    return str(value)


def _seal_differences(folder: Path, seal: Mapping[str, Any]) -> Iterator[str]:
    for name, relative in (("manifest", MANIFEST), ("audit", AUDIT)):
        expected = _text(seal, name, "sha256")
        if not (folder / relative).is_file():
            yield f"{relative}: missing"
        elif (got := file_digest(folder / relative)) != expected:
            yield f"{relative}: SHA-256 is {got}, the seal says {expected}"
    head = _text(seal, "audit", "head")
    parts = all((folder / relative).is_file() for relative in (MANIFEST, AUDIT))
    if parts and (folder / SEAL).read_bytes() != pretty_json(seal_document(folder, audit_head=head)):
        yield f"{SEAL}: is not the seal of the files that lie here, as a run writes it"


def _listed(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    files = _entries(manifest.get("files"))
    if files is None:
        raise EvidenceError(f"{MANIFEST}: has no list of files with path and sha256; the evidence was cut")
    return files


def _entries(files: Any) -> list[Mapping[str, Any]] | None:
    """A list of files with path and digest; None for anything else."""
    whole = isinstance(files, list) and all(isinstance(f, dict) and {"path", "sha256"} <= f.keys() for f in files)
    return files if whole else None


def _apart(seal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The files that the seal lists itself. Raises EvidenceError where it was cut."""
    entries: list[Mapping[str, Any]] = []
    for part in ("report", "signatures"):
        files = _entries(seal.get(part))
        if files is None:
            raise EvidenceError(f"{SEAL}: has no list '{part}' of files with path and sha256; the evidence was cut")
        entries += files
    return entries


def _file_differences(folder: Path, manifest: Mapping[str, Any], seal: Mapping[str, Any]) -> Iterator[str]:
    expected: dict[str, str] = {}
    for entry in [*_listed(manifest), *_apart(seal)]:
        path = str(entry["path"])
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            yield f"{path}: a path that leaves the run folder"
        elif path in expected:
            yield f"{path}: listed twice"
        else:
            expected[path] = str(entry["sha256"])
    present = {path for path in run_files(folder) if path not in OUTSIDE}
    for path in sorted(expected.keys() - present):
        yield f"{path}: missing"
    for path in sorted(present - expected.keys()):
        yield f"{path}: not in the {'seal' if path.startswith((REPORT, SIGNATURES)) else 'manifest'}; it was added later"
    for path in sorted(present & expected.keys()):
        if (got := file_digest(folder / path)) != expected[path]:
            yield f"{path}: SHA-256 is {got}, sealed as {expected[path]}"


def _root_differences(folder: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    try:
        here = case_root(folder)
    except EvidenceError as error:
        yield str(error)
        return
    if manifest.get("cases") != here:
        yield f"{MANIFEST}#/cases: is not the root over the cases that lies in {CASES}"


def _other_version(folder: Path) -> str | None:
    try:
        return made_by(folder)
    except EvidenceError:
        return None  # that it is missing is told where the manifest names it


def _derived(folder: Path) -> list[str]:
    try:
        return derived_differences(folder)
    except (EvidenceError, KeyError, TypeError, AttributeError, OSError, ValueError) as error:
        return [f"checklists and traceability can't be made again: {type(error).__name__}: {error}"]


def _recounted(folder: Path) -> Recount:
    if not (folder / UNITS).is_file():
        return Recount(0, ())  # where the manifest names it, that it is missing is told already
    try:
        return recount(folder)
    except (EvidenceError, KeyError, TypeError, AttributeError, ValueError) as error:
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
    return [f"{name}: is not what this evidence gives when it is made again" for name in other], len(here) - len(other)


def _number_differences(folder: Path, recompute: Recomputation) -> tuple[list[str], int]:
    try:
        recomputed = recompute(folder)
    except ValidateError as error:
        return [f"recomputation stopped: {error}"], 0
    differences: list[str] = []
    numbers = 0
    for relative, document in recomputed.items():
        stored = read_document(folder, relative)
        for pointer, was, now in _unequal(stored, document, ""):
            differences.append(f"{relative}#{pointer}: stored {_short(was)}, computed again {_short(now)}")
        numbers += sum(1 for _ in _numbers(document))
    if len(differences) > REPORTED_DIFFERENCES:
        rest = len(differences) - REPORTED_DIFFERENCES
        differences = [*differences[:REPORTED_DIFFERENCES], f"… and {rest} more numbers differ"]
    return differences, numbers


def _unequal(stored: Any, computed: Any, pointer: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, dict) and isinstance(computed, dict):
        for key in sorted({*stored, *computed}, key=str):
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            if key in stored and key in computed:
                yield from _unequal(stored[key], computed[key], f"{pointer}/{escaped}")
            else:
                yield f"{pointer}/{escaped}", stored.get(key, "nothing"), computed.get(key, "nothing")
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        for index, (was, now) in enumerate(zip(stored, computed, strict=True)):
            yield from _unequal(was, now, f"{pointer}/{index}")
    elif not _equal(stored, computed):
        yield pointer, stored, computed


def _equal(stored: Any, computed: Any) -> bool:
    if isinstance(stored, float) or (isinstance(computed, float) and isinstance(stored, int)):
        return (
            isinstance(computed, int | float)
            and not isinstance(computed, bool)
            and math.isclose(stored, computed, rel_tol=TOLERANCE, abs_tol=1e-12)
        )
    return type(stored) is type(computed) and bool(stored == computed)


def _numbers(document: Any) -> Iterator[int | float]:
    if isinstance(document, dict):
        for value in document.values():
            yield from _numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from _numbers(value)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield document


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
