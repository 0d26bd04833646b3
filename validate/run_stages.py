"""The stages of a run, in order, as far as the models' outputs; those after them are in run_unblinded.

Each stage reads files and writes files into one run folder, so a run can stop anywhere, resume, be inspected and be
replayed. Stages return what happened; it is written to the audit trail here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from validate import __version__
from validate.analyses.run import required_passes
from validate.analyses.shift_columns import fitted
from validate.analyses.shift_reference import (
    ShiftReference,
    read_shift_reference,
    write_shift_reference,
)
from validate.canonical import pretty_json, write_atomically
from validate.cohort.build import build_cohort
from validate.cohort.case import Cohort
from validate.cohort.manifest import write_cohort
from validate.cohort.privacy import home, site_key, write_lookup
from validate.cohort.reference import check_labels
from validate.errors import ProtocolError
from validate.estimation.coverage import cohort_warnings
from validate.inference.cost import Meter, cost_document
from validate.inference.plan import InferencePlan, make_plan
from validate.inference.planned_model import PREPROCESSED_THERE
from validate.inference.progress import Update
from validate.inference.timings import read_timings
from validate.lock.amendment import Amendment
from validate.lock.lock import lock_path
from validate.lock.stored import Lock
from validate.locking import current_lock, hold, keep_lock
from validate.models.adapter import LoadedModel, ModelIdentity
from validate.models.load import opened_elsewhere, opened_models
from validate.protocol.load import LoadedProtocol
from validate.protocol.passes import Pass
from validate.provenance.environment import environment_document
from validate.provenance.states import State
from validate.report.house import read_house
from validate.results.join import check_groups
from validate.run_folder import run_name
from validate.run_record import RunRecord
from validate.uses import uses_of

if TYPE_CHECKING:
    from validate.run_unblinded import Run


@dataclass(frozen=True, slots=True)
class Stages(RunRecord):
    """The stages of one run, in order; each writes its files into the folder."""

    def run(self, *, device: str | None, engine: Any, exploratory: bool, amendment: Amendment | None) -> Run:
        """All of them."""
        self.trail.append("environment", {"package": __version__, "device": device or self.protocol.inference.device})
        for warning in self.loaded.warnings:
            self.reporter.say(f"warning: {warning}")
        if self.protocol.report.house_style is not None:
            read_house(self.loaded.base / self.protocol.report.house_style)  # refused before anything is read
        shift = read_shift_reference(self.protocol, self.loaded.base, site_key=site_key())
        with opened_models(self.protocol, self.loaded.base, device) as models:
            cohort = self.cohort()
            shift = fitted(self.protocol, shift, cohort.cases, site_key=site_key())
            for warning in cohort_warnings(self.protocol, cohort):
                self.reporter.say(f"warning: {warning}")
            passes = required_passes(self.protocol)
            identities = {name: model.identity for name, model in models.items()}
            with opened_elsewhere(self.protocol, self.loaded.base, passes, models, device=device) as elsewhere:
                plan = make_plan(  # before the lock: what can't be run is not frozen
                    self.protocol,
                    cohort,
                    models,
                    passes,
                    elsewhere=elsewhere,
                    base=self.loaded.base.resolve(),
                    device=device,
                )
                lock = self.lock(cohort, identities, passes, shift, exploratory=exploratory, amendment=amendment)
                if shift is not None:
                    write_shift_reference(self.folder, shift)
                    self.trail.append("shift_reference", shift.frozen)
                uses = uses_of(
                    self.ledger, run_name(self.folder), self.protocol, cohort, identities, lock.digest if lock else None
                )
                uses.enter("started")
                self.progress.to(State.RUN, "models are about to read the cases")
                self.inference(plan, models, engine=engine)
        # Imported when inference has ended: no model waits for what only labels and paper need.
        from validate.run_unblinded import Unblinded

        return Unblinded(**self.shared).run(cohort, uses)

    def cohort(self) -> Cohort:
        """Who is in: read from the source every time (only there do the files lie), written down for later stages."""
        self.reporter.stage("Reading the cohort")
        cohort = build_cohort(
            self.protocol,
            base=self.loaded.base,
            site_key=site_key(),
            cache=home() / "index",
            progress=self.reporter.advance,
        )
        for warning in cohort.warnings:
            self.reporter.say(f"warning: {warning}")
        check_groups(self.protocol, cohort.cases)
        check_labels(self.protocol.reference, self.loaded.base, cohort.cases, geometry=self.protocol.cohort.geometry)
        write_cohort(cohort, self.folder / "cohort")
        write_lookup(cohort.digest, {case.unit: str(case.files[0]) for case in cohort.cases if case.files})
        self.trail.append(
            "cohort", {"cases": len(cohort.cases), "exclusions": len(cohort.exclusions), "digest": cohort.digest}
        )
        self.reporter.say(f"{len(cohort.cases):,} cases in, {len(cohort.exclusions):,} files out, each with its reason")
        return cohort

    def lock(
        self,
        cohort: Cohort,
        models: Mapping[str, ModelIdentity],
        passes: tuple[Pass, ...],
        shift: ShiftReference | None,
        *,
        exploratory: bool,
        amendment: Amendment | None,
    ) -> Lock | None:
        """Freeze before any model sees a case, hold what was frozen against what is here now, or amend it."""
        write_atomically(self.folder / "protocol.yaml", resolved_yaml(self.loaded))
        if exploratory:
            self.trail.append("unlocked", {"reason": "run asked for without a lock"})
            self.reporter.say("EXPLORATORY: nothing is locked, so nothing here counts as a PASS")
            return None
        run, beside = run_name(self.folder), lock_path(self.loaded.path)
        current = current_lock(
            self.loaded, cohort, models, passes, ledger=self.ledger, run=run, clock=self.clock, shift=shift
        )
        try:
            lock, done = hold(
                self.loaded, current, stored=self.folder / "lock.json", amendment=amendment, ledger=self.ledger,
                actor=self.trail.actor, clock=self.clock,
            )  # fmt: skip
        except ProtocolError as error:
            self.trail.append("refused", {"differences": len(error.problems) - 1})
            raise
        keep_lock(beside, self.folder)
        self.say_locked(lock, done, beside)
        return lock

    def say_locked(self, lock: Lock, done: str, beside: Path) -> None:
        """Into the trail, the ledger and the terminal."""
        facts = {"lock": lock.digest}
        if done == "amended":
            record = lock.document["amendments"][-1]
            kept = {name: record[name] for name in ("number", "severity", "when", "from_lock")}
            self.trail.append("amended", {**facts, **kept, "changes": len(record["what"])})
            self.reporter.say(f"Amended ({record['severity']}, {record['when'].replace('_', ' ')}): {beside}")
        else:
            self.trail.append({"locked": "locked", "held": "lock_held"}[done], facts)
        if done == "locked":
            self.reporter.say(f"Locked now, before any model has read a case: {beside}")
        if done != "held":
            self.ledger.append(done, {"run": run_name(self.folder), **facts})
        reason = {"locked": "frozen by this run", "held": "frozen before this run", "amended": "amended by this run"}
        self.progress.to(State.LOCKED, reason[done], facts)
        if not lock.confirmatory:
            self.reporter.say(
                "EXPLORATORY: a major amendment came after the labels were seen; nothing counts as a PASS"
            )

    def inference(self, plan: InferencePlan, models: Mapping[str, LoadedModel], *, engine: Any) -> None:
        """Every case through every model and pass, into crash-safe shards."""
        self.reporter.stage("Running the models")
        out = self.folder / "inference"

        def show(update: Update) -> None:
            self.reporter.advance(
                update.done, update.total, update.failures, rate=update.rate, waiting_for=update.waiting_for
            )

        with Meter() as meter:
            summary = engine.run(plan, out=out, resume=out.exists(), progress=show, on_event=self.trail.append)
        cost = cost_document(read_timings(out).to_pylist(), meter.document())
        write_atomically(self.folder / "evidence/cost.json", pretty_json(cost))
        if summary.rows:
            self.reporter.say(f"The slowest stage was: {cost['slowest']}")
        identities: dict[str, dict[str, Any]] = {
            name: dataclasses.asdict(model.identity) for name, model in models.items()
        }
        for planned in plan.models:
            if planned.on_device:
                identities[planned.id]["preprocessed"] = PREPROCESSED_THERE
        document = {"schema_version": "1", "models": identities}
        write_atomically(self.folder / "evidence/models.json", pretty_json(document))
        write_atomically(self.folder / "evidence/environment.json", pretty_json(environment_document()))
        failed = sum(summary.failures.values())
        self.reporter.say(f"{summary.rows - failed:,} outputs, {failed:,} cases without one, each with its reason")


def resolved_yaml(loaded: LoadedProtocol) -> bytes:
    """The protocol as resolved, in the order of its blocks."""
    text: str = yaml.safe_dump(loaded.resolved, sort_keys=False, allow_unicode=True, width=110)
    return text.encode()
