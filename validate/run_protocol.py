"""The whole way, from protocol to sealed report, in a folder of its own with a trail of who did what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validate import __version__
from validate.catalog import shipped_catalog
from validate.cohort.privacy import home
from validate.errors import CommandError, ValidateError
from validate.evidence.manifest import AUDIT
from validate.lock.amendment import Amendment
from validate.protocol.load import load_protocol
from validate.provenance.actor import acting
from validate.provenance.audit import AuditTrail
from validate.provenance.clock import utc_now
from validate.provenance.ledger import Ledger
from validate.provenance.states import Progress, State
from validate.registry import load as load_plugin
from validate.reporter import Reporter, Silent
from validate.run_folder import open_folder, run_name, sole_user
from validate.run_stages import Stages

if TYPE_CHECKING:
    from validate.run_unblinded import Run


def chosen_engine(name: str, address: str | None) -> Any:
    """The engine, told where its cluster is. Raises ProtocolError for an unknown one, CommandError where it has no cluster."""
    engine = load_plugin("engines", name)
    if address is None:
        return engine
    if not hasattr(engine, "address"):
        raise CommandError(f"--address {address}: belongs to --engine ray; the engine '{name}' has no cluster.")
    return dataclasses.replace(engine, address=address)


def run(
    protocol: str | Path,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    device: str | None = None,
    engine: str = "local",
    address: str | None = None,
    exploratory: bool = False,
    amendment: Amendment | None = None,
    actor: str | None = None,
    reporter: Reporter | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Run:
    """Lock (unless locked), run the models, compute, decide, seal and report.

    protocol : path of the YAML file; what it names is relative to it
    out : run folder, new or empty; runs/<protocol id> unless given. With resume, the interrupted run's folder
    device : overrides inference.device      exploratory : run unlocked; nothing then counts as a PASS
    engine, address : where inference runs: local, or ray on the cluster at this address ("auto" unless given)
    amendment : go on although something differs from the lock, and record what, why and when (lock/amendment.py)
    actor : who runs it, for the audit trail and the ledger; VALIDATE_ACTOR, else the account of the operating system
    Raises ValidateError (each kind has its exit code); what was already computed stays in the folder.
    """
    chosen = chosen_engine(engine, address)
    if exploratory and amendment is not None:
        raise CommandError("run: exploratory and amended at once; an exploratory run has no lock to amend.")
    who = acting(actor)
    loaded = load_protocol(Path(protocol), catalog=shipped_catalog())
    folder = open_folder(Path(out) if out is not None else Path("runs") / loaded.protocol.id, resume=resume)
    ledger = Ledger(home(), actor=who, clock=clock)
    with sole_user(folder), AuditTrail(folder / AUDIT, actor=who, clock=clock) as trail:
        progress = Progress(trail)
        if progress.state is State.SIGNED:
            raise CommandError(f"{folder}: is signed, and what is signed is not changed. Give another --out.")
        trail.append("resumed" if resume else "started", {"protocol": loaded.protocol.id, "version": __version__})
        stages = Stages(loaded, folder, trail, progress, ledger, reporter or Silent(), clock)
        try:
            return stages.run(device=device, engine=chosen, exploratory=exploratory, amendment=amendment)
        except (ValidateError, KeyboardInterrupt) as error:
            # The message may name paths, which may name patients: the trail keeps the kind only.
            trail.append("stopped", {"error": type(error).__name__})
            ledger.append("stopped", {"run": run_name(folder), "error": type(error).__name__})
            raise
