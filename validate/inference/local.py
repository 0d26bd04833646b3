"""The engine of one machine: decode ahead on workers, run every model and pass on each image, store shard by shard."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from validate.errors import Contradiction, MachineError, ValidateError
from validate.inference.begin import Begun, OnEvent, begin
from validate.inference.decoders import PATIENCE, Decoders, Kind
from validate.inference.disturbing_threads import cores
from validate.inference.plan import InferencePlan
from validate.inference.progress import Progress
from validate.inference.stretch_work import StretchWork
from validate.inference.summary import InferenceSummary
from validate.inference.worker_kind import measured_kind, samples
from validate.inference.writer import Writer
from validate.protocol.passes import CLEAN

LONG_RUN = 10.0  # seconds of decoding from which processes pay for their start


def ignore_event(name: str, data: dict[str, Any]) -> None:
    """For a run without an audit trail."""
    del name, data


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """
    kind : of decoding workers; "auto" takes processes for long runs
    patience : seconds that decoding one image may take before it is a failure
    """

    kind: Kind | Literal["auto"] = "auto"
    patience: float = PATIENCE

    def run(
        self,
        plan: InferencePlan,
        *,
        out: Path,
        resume: bool,
        progress: Progress | None = None,
        on_event: OnEvent = ignore_event,
    ) -> InferenceSummary:
        """Run what is not there yet and leave every shard of the plan under `out` (RUN/inference).

        resume : go on in a folder that was begun with this plan; else the folder must hold no results
        on_event : what the audit trail must know: predictions_joined, batch_size_probed, inference_started,
            batch_halved, batch_split, shard_written, inference_stopped, inference_finished
        Raises CommandError (folder), ModelError (wrong declaration), MachineError (disk, memory), KeyboardInterrupt;
        after each of them every finished shard is on disk and `resume` goes on from there.
        """
        try:
            begun = begin(plan, out, resume=resume, on_event=on_event)
            return _run(plan, self, begun, progress, on_event)
        except MemoryError as error:
            raise MachineError(
                "This machine's memory is exhausted. Every finished shard is kept: free memory or lower "
                "inference.workers, then run again with --resume."
            ) from error


def _run(
    plan: InferencePlan, engine: LocalEngine, begun: Begun, progress: Progress | None, on_event: OnEvent
) -> InferenceSummary:
    decoders = decoders_for(plan, engine, begun, on_event)
    writer, tally = Writer(begun.store, on_event), begun.tally

    def show(*, last: bool = False) -> None:
        if last or tally.due(progress):
            tally.cases = work.cases_done
            waiting_for = "decode" if work.asking.idle > work.asking.waited else "model"
            tally.show(progress, waiting_for=waiting_for, last=last)

    work = StretchWork(
        plan,
        tally=tally,
        batch_sizes=begun.store.batch_sizes,
        on_event=on_event,
        hand_over=writer.put,
        show=show,
    )
    on_event("inference_started", {**begun.facts(plan), "workers": decoders.count, "worker_kind": decoders.kinds_used})
    try:
        work.run(begun.pending, decoders)
        work.conclude()
        show(last=True)
        writer.finish()
    except (ValidateError, MemoryError, KeyboardInterrupt) as error:
        with contextlib.suppress(MachineError):
            writer.finish()
            if isinstance(error, Contradiction):
                begun.store.condemn(str(error))
        on_event("inference_stopped", {"cause": type(error).__name__, "cases_done": work.cases_done})
        raise
    finally:
        decoders.close()
        writer.close()
    summary = begun.summary(
        plan, workers=decoders.count, worker_kind=decoders.kinds_used, wait_seconds=work.asking.idle,
        predict_seconds=work.model_seconds,
    )  # fmt: skip
    on_event("inference_finished", {"rows": summary.rows, "failures": dict(summary.failures)})
    return summary


def decoders_for(plan: InferencePlan, engine: LocalEngine, begun: Begun, on_event: OnEvent) -> Decoders:
    """For a long run, processes for each transfer syntax in which threads are no faster on its own images; else threads."""
    cases = [case for stretch in begun.pending for case in stretch.cases]
    count = cores() if plan.workers == "auto" else plan.workers
    if engine.kind != "auto":
        return Decoders(count, engine.kind, patience=engine.patience)
    if sum(len(case.files) for case in cases) * begun.look.decode_seconds <= LONG_RUN:
        return Decoders(count, "thread", patience=engine.patience)
    views = tuple(
        view
        for model in plan.models
        for view in model.views(CLEAN).values()
        if view.reader == "image" and view.choice is None
    )
    kinds: dict[str, Kind] = {}
    for syntax, tasks in samples(cases, views).items() if views else ():
        measured = measured_kind(tasks, threads=count)
        on_event("workers_measured", {"transfer_syntax": syntax or None, **measured.document()})
        kinds[syntax] = measured.kind
    most: Kind = next(iter(kinds.values()), "process")  # of the most frequent syntax; volumes are worth processes
    return Decoders(count, most, {syntax: kind for syntax, kind in kinds.items() if kind != most}, engine.patience)


ENGINE = LocalEngine()
