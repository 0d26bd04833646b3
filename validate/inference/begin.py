"""The start of a run, whatever its engine: what is there already, the first images, batch sizes, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validate.inference.first_look import Look, first_look
from validate.inference.plan import InferencePlan, Stretch
from validate.inference.planned_model import PlannedModel
from validate.inference.probe import UNKNOWN, probed_batch_size
from validate.inference.store import Store, open_store, stored_batch_sizes
from validate.inference.summary import InferenceSummary, Tally

OnEvent = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Begun:
    """pending : stretches with what is left of them      tally : counts what an earlier start has finished."""

    store: Store
    pending: tuple[Stretch, ...]
    tally: Tally
    look: Look

    def facts(self, plan: InferencePlan) -> dict[str, Any]:
        """For the audit trail."""
        return {
            "plan": self.store.plan,
            "cases": len(plan.cases),
            "shards": self.tally.shards,
            "shards_resumed": self.tally.resumed_shards,
            "shards_pending": sum(len(stretch.shards) for stretch in self.pending),
            "batch_sizes": dict(self.store.batch_sizes),
        }

    def summary(
        self, plan: InferencePlan, *, workers: int, worker_kind: str, wait_seconds: float, predict_seconds: float
    ) -> InferenceSummary:
        """Of the run at its end."""
        return InferenceSummary(
            cases=len(plan.cases),
            rows=self.tally.rows,
            failures=dict(sorted(self.tally.failures.items())),
            shards=self.tally.shards,
            resumed_shards=self.tally.resumed_shards,
            batch_sizes=dict(self.store.batch_sizes),
            workers=workers,
            worker_kind=worker_kind,
            seconds=self.tally.seconds,
            decode_seconds=self.tally.decode_seconds,
            wait_seconds=wait_seconds,
            predict_seconds=predict_seconds,
        )


def begin(plan: InferencePlan, out: Path, *, resume: bool, on_event: OnEvent) -> Begun:
    """Open or take up the inference folder. Raises CommandError (folder), ModelError (wrong declaration), MachineError."""
    for model in plan.models:
        if coverage := model.loaded.coverage(plan.cases):
            on_event("predictions_joined", dict(coverage))
    sizes = stored_batch_sizes(out, plan.document(), resume=resume)
    look = first_look(plan)
    if sizes is None:
        sizes = {model.id: _batch_size(plan, model, look, on_event) for model in plan.models}
    store = open_store(out, plan.document(), sizes)
    tally = Tally(len(plan.cases))
    return Begun(store, tuple(_pending(plan, store, tally)), tally, look)


def _batch_size(plan: InferencePlan, model: PlannedModel, look: Look, on_event: OnEvent) -> int:
    loaded = model.loaded
    if loaded.fixed_batch is not None:
        return loaded.fixed_batch
    if not model.is_shown:
        return plan.shard_size
    if plan.batch_size != "auto":
        return plan.batch_size
    if model.id not in look.samples:
        return UNKNOWN
    case, image = look.samples[model.id]
    size, measured = probed_batch_size(loaded, case, image, at_most=min(plan.shard_size, len(plan.cases)))
    milliseconds = {str(tried): round(each, 4) for tried, each in measured.items()}
    on_event("batch_size_probed", {"model": model.id, "batch_size": size, "milliseconds_per_case": milliseconds})
    return size


def _pending(plan: InferencePlan, store: Store, tally: Tally) -> list[Stretch]:
    """What is left of every stretch; shards that are finished are counted."""
    pending = []
    for stretch in plan.stretches():
        found = [(shard, store.rows_of(shard)) for shard in stretch.shards]
        for shard, rows in found:
            if rows is not None:
                tally.resumed_shards += 1
                tally.count(rows.column("failure").to_pylist()[:: len(shard.model.targets)])
        left = stretch.only([shard for shard, rows in found if rows is None])
        tally.shards += len(found)
        if left.shards:
            pending.append(left)
    tally.cases = tally.resumed = len(plan.cases) - sum(len(stretch.cases) for stretch in pending)
    return pending
