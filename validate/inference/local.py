"""The engine of one machine: decode ahead on workers, run every model and pass on each image, store shard by shard."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from validate.cohort.case import Case
from validate.errors import MachineError, ValidateError
from validate.inference.batching import Batcher
from validate.inference.decode import Decoded, DecodeTask
from validate.inference.decoders import PATIENCE, Decoders, Kind
from validate.inference.first_look import Look, first_look
from validate.inference.plan import InferencePlan, Shard, Stretch
from validate.inference.probe import UNKNOWN, probed_batch_size
from validate.inference.progress import Progress
from validate.inference.shard_work import ShardWork
from validate.inference.store import Store, Timing, open_store, stored_batch_sizes
from validate.inference.summary import InferenceSummary, Tally
from validate.inference.view import View
from validate.inference.writer import Writer
from validate.models.prediction import Failure

OnEvent = Callable[[str, dict[str, Any]], None]

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
        for model in plan.models:
            if coverage := model.loaded.coverage(plan.cases):
                on_event("predictions_joined", dict(coverage))
        try:
            return _Run(plan, self, progress, on_event).results(out, resume=resume)
        except MemoryError as error:
            raise MachineError(
                "This machine's memory is exhausted. Every finished shard is kept: free memory or lower "
                "inference.workers, then run again with --resume."
            ) from error


@dataclass(frozen=True, slots=True)
class _Reading:
    """paths : decoded together      number : of the image in its case      views : numbers of what is wanted of it"""

    paths: tuple[Path, ...]
    number: int
    views: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Clocks:
    """Seconds so far; a shard's timing is the difference of two."""

    decode: float
    waited: float
    stages: Counter[str]


class _Run:
    """One start of the engine."""

    def __init__(self, plan: InferencePlan, engine: LocalEngine, progress: Progress | None, on_event: OnEvent) -> None:
        self.plan, self.engine, self.progress, self.on_event = plan, engine, progress, on_event
        self.tally = Tally(len(plan.cases))
        self.views, self.number_of = _views(plan)
        self.together: dict[tuple[int, ...], tuple[View, ...]] = {}
        self.batchers = {model.id: Batcher(model.loaded, on_event) for model in plan.models}
        self.elsewhere = {
            (model.id, device): Batcher(loaded, on_event)
            for model in plan.models
            for device, loaded in model.elsewhere.items()
        }

    def results(self, out: Path, *, resume: bool) -> InferenceSummary:
        sizes = stored_batch_sizes(out, self.plan.document(), resume=resume)
        look = first_look(self.plan)
        if sizes is None:
            sizes = {model.id: self._batch_size(model.id, look) for model in self.plan.models}
        store = open_store(out, self.plan.document(), sizes)
        pending = self._pending(store)
        decoders = self._decoders(pending, look)
        writer = Writer(store, self.on_event)
        self.on_event("inference_started", self._start_facts(pending, store, decoders))
        try:
            self._work(pending, decoders, writer)
            writer.finish()
        except (ValidateError, MemoryError, KeyboardInterrupt) as error:
            with contextlib.suppress(MachineError):
                writer.finish()
            self.on_event("inference_stopped", {"cause": type(error).__name__, "cases_done": self.tally.cases})
            raise
        finally:
            decoders.close()
            writer.close()
        summary = self._summary(store, decoders)
        self.on_event("inference_finished", {"rows": summary.rows, "failures": dict(summary.failures)})
        return summary

    def _batch_size(self, model_id: str, look: Look) -> int:
        loaded = self.batchers[model_id].model
        if loaded.fixed_batch is not None:
            return loaded.fixed_batch
        if not loaded.needs_pixels:
            return self.plan.shard_size
        if self.plan.batch_size != "auto":
            return self.plan.batch_size
        if model_id not in look.samples:
            return UNKNOWN
        case, image = look.samples[model_id]
        size, measured = probed_batch_size(loaded, case, image, at_most=min(self.plan.shard_size, len(self.plan.cases)))
        milliseconds = {str(tried): round(each, 4) for tried, each in measured.items()}
        self.on_event(
            "batch_size_probed", {"model": model_id, "batch_size": size, "milliseconds_per_case": milliseconds}
        )
        return size

    def _pending(self, store: Store) -> list[Stretch]:
        """What is left of every stretch; shards that are finished are counted."""
        pending = []
        for stretch in self.plan.stretches():
            found = [(shard, store.rows_of(shard)) for shard in stretch.shards]
            for shard, rows in found:
                if rows is not None:
                    self.tally.resumed_shards += 1
                    self.tally.count(rows.column("failure").to_pylist()[:: len(shard.model.targets)])
            left = stretch.only([shard for shard, rows in found if rows is None])
            self.tally.shards += len(found)
            if left.shards:
                pending.append(left)
        self.tally.cases = self.tally.resumed = len(self.plan.cases) - sum(len(stretch.cases) for stretch in pending)
        return pending

    def _decoders(self, pending: Sequence[Stretch], look: Look) -> Decoders:
        images = sum(len(case.files) for stretch in pending for case in stretch.cases)
        count = _cores() if self.plan.workers == "auto" else self.plan.workers
        kind = self.engine.kind
        if kind == "auto":
            kind = "process" if images * look.decode_seconds > LONG_RUN else "thread"
        return Decoders(count, kind, patience=self.engine.patience)

    def _tasks(self, pending: Sequence[Stretch]) -> Iterator[DecodeTask]:
        """What to decode, in exactly the order in which `_work` asks for it."""
        place = 0
        for stretch in pending:
            works = [
                (self.number_of[shard.model.id, shard.pass_.id], {case.unit for case in shard.cases})
                for shard in stretch.shards
            ]
            for case in stretch.cases:
                for reading in self._readings(case, [view for view, units in works if case.unit in units]):
                    yield DecodeTask(place, reading.paths, self._seen(reading.views), case.unit, reading.number)
                    place += 1

    def _seen(self, numbers: tuple[int, ...]) -> tuple[View, ...]:
        """These views, always as the same object: a decoding child is told only what is new."""
        if numbers not in self.together:
            self.together[numbers] = tuple(self.views[number] for number in numbers)
        return self.together[numbers]

    def _readings(self, case: Case, wanted: Iterable[int | None]) -> Iterator[_Reading]:
        """What is decoded together of a case: each image by itself, and all of them as one volume."""
        of_image: list[int] = []
        of_series: list[int] = []
        for view in _distinct(wanted):
            (of_series if self.views[view].reader == "series" else of_image).append(view)
        if of_series and case.files:
            yield _Reading(case.files, 0, tuple(of_series))
        for number, path in enumerate(case.files if of_image else ()):
            yield _Reading((path,), number, tuple(of_image))

    def _work(self, pending: Sequence[Stretch], decoders: Decoders, writer: Writer) -> None:
        stream = decoders.stream(self._tasks(pending))
        for stretch in pending:
            before = self._clocks(decoders)
            works = [self._shard_work(shard, writer.store) for shard in stretch.shards]
            for case in stretch.cases:
                self._case(case, [work for work in works if work.wants(case)], stream)
                self._show(decoders)
            for work in works:
                self._hand_over(work, before, decoders, writer)
        self._show(decoders, last=True)

    def _case(self, case: Case, works: Sequence[ShardWork], stream: Iterator[tuple[DecodeTask, Decoded]]) -> None:
        decoded = [(reading, next(stream)[1]) for reading in self._readings(case, [work.view for work in works])]
        for _, found in decoded:
            self.tally.decode_seconds += found.seconds
            self.tally.stages.update(found.stages)
        for work in works:
            if work.view is None:
                work.add(case, [None], {})
                continue
            mine = [(found, reading.views.index(work.view)) for reading, found in decoded if work.view in reading.views]
            work.add(
                case,
                [found.images[place] for found, place in mine],
                mine[0][0].source if mine else {},
                [found.places[place] if found.places else None for found, place in mine],
            )
        self.tally.cases += 1

    def _shard_work(self, shard: Shard, store: Store) -> ShardWork:
        size = int(shard.pass_.engine_overrides.get("batch_size", store.batch_sizes[shard.model.id]))
        device = shard.pass_.engine_overrides.get("device")
        batcher = self.batchers[shard.model.id] if device is None else self.elsewhere[shard.model.id, str(device)]
        return ShardWork(shard, batcher, size, self.number_of[shard.model.id, shard.pass_.id])

    def _hand_over(self, work: ShardWork, before: _Clocks, decoders: Decoders, writer: Writer) -> None:
        shard, rows = work.shard, work.rows()
        failures = [row.result.reason if isinstance(row.result, Failure) else None for row in rows]
        self.tally.count(failures)
        now = self._clocks(decoders)
        timing = Timing(
            shard=shard.index,
            cases=len(rows),
            failures=len(rows) - failures.count(None),
            batch_size=work.batch_size,
            decode_seconds=now.decode - before.decode,
            wait_seconds=now.waited - before.waited,
            predict_seconds=work.seconds,
            perturb_seconds=now.stages["perturb"] - before.stages["perturb"],
            preprocess_seconds=now.stages["preprocess"] - before.stages["preprocess"],
            postprocess_seconds=work.postprocess_seconds,
        )
        writer.put(shard, rows, timing)

    def _clocks(self, decoders: Decoders) -> _Clocks:
        return _Clocks(self.tally.decode_seconds, decoders.waited, Counter(self.tally.stages))

    def _show(self, decoders: Decoders, *, last: bool = False) -> None:
        model_seconds = sum(batcher.seconds for batcher in self.batchers.values())
        waiting_for = "decode" if decoders.waited > model_seconds else "model"
        self.tally.show(self.progress, waiting_for=waiting_for, last=last)

    def _start_facts(self, pending: Sequence[Stretch], store: Store, decoders: Decoders) -> dict[str, Any]:
        return {
            "plan": store.plan,
            "cases": len(self.plan.cases),
            "shards": self.tally.shards,
            "shards_resumed": self.tally.resumed_shards,
            "shards_pending": sum(len(stretch.shards) for stretch in pending),
            "batch_sizes": dict(store.batch_sizes),
            "workers": decoders.count,
            "worker_kind": decoders.kind,
        }

    def _summary(self, store: Store, decoders: Decoders) -> InferenceSummary:
        return InferenceSummary(
            cases=len(self.plan.cases),
            rows=self.tally.rows,
            failures=dict(sorted(self.tally.failures.items())),
            shards=self.tally.shards,
            resumed_shards=self.tally.resumed_shards,
            batch_sizes=dict(store.batch_sizes),
            workers=decoders.count,
            worker_kind=decoders.kind,
            seconds=self.tally.seconds,
            decode_seconds=self.tally.decode_seconds,
            wait_seconds=decoders.waited,
            predict_seconds=sum(batcher.seconds for batcher in self.batchers.values()),
        )


def _views(plan: InferencePlan) -> tuple[list[View], dict[tuple[str, str], int | None]]:
    """The distinct views of a run, and the number of the one that each model has in each pass."""
    distinct: dict[bytes, int] = {}
    views: list[View] = []
    number_of: dict[tuple[str, str], int | None] = {}
    for model in plan.models:
        for pass_ in plan.passes:
            view = model.view(pass_)
            if view is not None and view.key not in distinct:
                distinct[view.key] = len(views)
                views.append(view)
            number_of[model.id, pass_.id] = None if view is None else distinct[view.key]
    return views, number_of


def _distinct(numbers: Iterable[int | None]) -> list[int]:
    return sorted({number for number in numbers if number is not None})


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


ENGINE = LocalEngine()
