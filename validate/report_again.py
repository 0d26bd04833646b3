"""The report of a run once more, from its sealed evidence alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from validate.errors import EvidenceError
from validate.evidence.interrupted import leftovers, next_report, put_back, take_place
from validate.evidence.manifest import AUDIT
from validate.evidence.seal import write_seal
from validate.evidence.trail_fit import report_digests
from validate.evidence.verify import verify
from validate.provenance.actor import acting
from validate.provenance.audit import AuditTrail
from validate.provenance.clock import utc_now
from validate.provenance.states import Progress, State
from validate.report.render import FORMATS, render
from validate.run_folder import sole_user


def render_again(
    folder: Path,
    *,
    profile: str | None = None,
    formats: tuple[str, ...] = FORMATS,
    out: Path | None = None,
    house: Path | None = None,
    actor: str | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> tuple[Path, ...]:
    """The report once more, from the sealed evidence. In the run folder itself the trail and the seal follow it.

    Raises EvidenceError, before anything is written, where the evidence no longer fits its seal.
    """
    if out is not None:
        return render(folder, profile=profile, formats=formats, out=out, house=house)
    differences = verify(folder).differences
    if differences:
        shown = "; ".join(differences[:3])
        raise EvidenceError(f"{folder}: the evidence does not fit its seal, so no report is made of it: {shown}")
    with sole_user(folder):
        put_back(folder, leftovers(folder))
        with AuditTrail(folder / AUDIT, actor=acting(actor), clock=clock) as trail, next_report(folder) as place:
            progress = Progress(trail)
            progress.refuse(State.REPORTED)
            written = render(folder, profile=profile, formats=formats, house=house, out=place)
            names = [path.name for path in written if path.parent.name not in {"figures", "tables"}]
            written = tuple(take_place(folder, place, written))
            progress.to(State.REPORTED, "set in a report again")
            digests = report_digests(folder, written)
            told = {"files": names, "profile": profile, "house": house is not None, "sha256": digests}
            trail.append("reported", told)
            write_seal(folder, audit_head=trail.head)
    return written
