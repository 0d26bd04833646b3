"""What one process does with stretches of the cohort: decode ahead, run every model and pass on each image, hand shards over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from validate.cohort.case import Case
from validate.inference.batching import Batcher, named_images
from validate.inference.decode import Decoded, DecodeTask
from validate.inference.decoders import Decoders
from validate.inference.plan import InferencePlan, Shard, Stretch
from validate.inference.shard_work import ShardWork
from validate.inference.store import Timing
from validate.inference.summary import Tally
from validate.inference.view import View
from validate.models.prediction import Failure, Inference

OnEvent = Callable[[str, dict[str, Any]], None]
HandOver = Callable[[Shard, Sequence[Inference], Timing], None]

HELD_IMAGES = (
    256  # preprocessed images that wait for their batch, over all passes: memory must not grow with their number
)


@dataclass(frozen=True, slots=True)
class Reading:
    """paths : decoded together      number : of the image in its case      views : numbers of what is wanted of it"""

    paths: tuple[Path, ...]
    number: int
    views: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds so far; a shard's timing is the difference of two."""

    decode: float
    waited: float
    stages: Counter[str]


class StretchWork:
    """
    batch_sizes : by model      hand_over : is given each finished shard      show : is called after each case
    """

    def __init__(
        self,
        plan: InferencePlan,
        *,
        tally: Tally,
        batch_sizes: Mapping[str, int],
        on_event: OnEvent,
        hand_over: HandOver,
        show: Callable[[Decoders], None] = lambda _: None,
    ) -> None:
        self.plan, self.tally, self.batch_sizes = plan, tally, batch_sizes
        self.hand_over, self.show = hand_over, show
        self.views, self.numbers_of = _views(plan)
        self.together: dict[tuple[int, ...], tuple[View, ...]] = {}
        self.batchers = {model.id: Batcher(model.loaded, on_event, plan.on_device_loss) for model in plan.models}
        self.elsewhere = {
            (model.id, device): Batcher(loaded, on_event, plan.on_device_loss)
            for model in plan.models
            for device, loaded in model.elsewhere.items()
        }

    @property
    def model_seconds(self) -> float:
        """Spent in models so far."""
        return sum(batcher.seconds for batcher in (*self.batchers.values(), *self.elsewhere.values()))

    def run(self, pending: Sequence[Stretch], decoders: Decoders) -> None:
        """Every case of these stretches, in order."""
        stream = decoders.stream(self._tasks(pending))
        for stretch in pending:
            before = self._clocks(decoders)
            works = [self._shard_work(shard) for shard in stretch.shards]
            for case in stretch.cases:
                self._case(case, [work for work in works if work.wants(case)], stream)
                self.show(decoders)
            for work in works:
                self._finish(work, before, decoders)

    def conclude(self) -> None:
        """When no case is left: a model that was asked elsewhere may still hear what changes an answer of its own."""
        for batcher in (*self.batchers.values(), *self.elsewhere.values()):
            batcher.conclude()

    def _tasks(self, pending: Sequence[Stretch]) -> Iterator[DecodeTask]:
        """What to decode, in exactly the order in which `_work` asks for it."""
        place = 0
        for stretch in pending:
            works = [
                (self.numbers_of[shard.model.id, shard.pass_.id].values(), {case.unit for case in shard.cases})
                for shard in stretch.shards
            ]
            for case in stretch.cases:
                wanted = [view for views, units in works if case.unit in units for view in views]
                for reading in self._readings(case, wanted):
                    yield DecodeTask(place, reading.paths, self._seen(reading.views), case.unit, reading.number)
                    place += 1

    def _seen(self, numbers: tuple[int, ...]) -> tuple[View, ...]:
        """These views, always as the same object: a decoding child is told only what is new."""
        if numbers not in self.together:
            self.together[numbers] = tuple(self.views[number] for number in numbers)
        return self.together[numbers]

    def _readings(self, case: Case, wanted: Iterable[int]) -> Iterator[Reading]:
        """What is decoded together of a case: each image by itself, all of them as one volume, and those that are inputs by name."""
        of_image: list[int] = []
        of_series: list[int] = []
        named: list[int] = []
        for number in sorted(set(wanted)):
            view = self.views[number]
            kind = named if view.choice is not None else of_series if view.reader == "series" else of_image
            kind.append(number)
        if named:
            yield Reading(case.files, 0, tuple(named))
        if of_series and case.files:
            yield Reading(case.files, 0, tuple(of_series))
        for number, path in enumerate(case.files if of_image else ()):
            yield Reading((path,), number, tuple(of_image))

    def _case(self, case: Case, works: Sequence[ShardWork], stream: Iterator[tuple[DecodeTask, Decoded]]) -> None:
        wanted = [view for work in works for view in work.views.values()]
        decoded = [(reading, next(stream)[1]) for reading in self._readings(case, wanted)]
        for _, found in decoded:
            self.tally.decode_seconds += found.seconds
            self.tally.stages.update(found.stages)
        for work in works:
            if not work.views:
                work.add(case, [None], {})
            elif "" in work.views:
                self._add_images(work, case, decoded, work.views[""])
            else:
                (found,) = (found for reading, found in decoded if set(work.views.values()) <= set(reading.views))
                (reading,) = (reading for reading, other in decoded if other is found)
                images = {name: found.images[reading.views.index(view)] for name, view in work.views.items()}
                work.add(case, [named_images(images)], found.source)
        self.tally.cases += 1

    def _add_images(self, work: ShardWork, case: Case, decoded: Sequence[tuple[Reading, Decoded]], view: int) -> None:
        mine = [(found, reading.views.index(view)) for reading, found in decoded if view in reading.views]
        work.add(
            case,
            [found.images[place] for found, place in mine],
            mine[0][0].source if mine else {},
            [found.places[place] if found.places else None for found, place in mine],
        )

    def _shard_work(self, shard: Shard) -> ShardWork:
        size = int(shard.pass_.engine_overrides.get("batch_size", self.batch_sizes[shard.model.id]))
        if self.batchers[shard.model.id].model.fixed_batch is None:
            size = min(size, max(HELD_IMAGES // len(self.plan.passes), 1))
        device = shard.pass_.engine_overrides.get("device")
        batcher = self.batchers[shard.model.id] if device is None else self.elsewhere[shard.model.id, str(device)]
        return ShardWork(shard, batcher, size, self.numbers_of[shard.model.id, shard.pass_.id])

    def _finish(self, work: ShardWork, before: Clocks, decoders: Decoders) -> None:
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
        self.hand_over(shard, rows, timing)

    def _clocks(self, decoders: Decoders) -> Clocks:
        return Clocks(self.tally.decode_seconds, decoders.waited, Counter(self.tally.stages))


def _views(plan: InferencePlan) -> tuple[list[View], dict[tuple[str, str], dict[str, int]]]:
    """The distinct views of a run, and the numbers of those that each model has in each pass, by input."""
    distinct: dict[bytes, int] = {}
    views: list[View] = []
    numbers_of: dict[tuple[str, str], dict[str, int]] = {}
    for model in plan.models:
        for pass_ in plan.passes:
            numbers_of[model.id, pass_.id] = {}
            for name, view in model.views(pass_).items():
                if view.key not in distinct:
                    distinct[view.key] = len(views)
                    views.append(view)
                numbers_of[model.id, pass_.id][name] = distinct[view.key]
    return views, numbers_of
