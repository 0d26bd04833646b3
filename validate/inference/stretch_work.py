"""What one process does with stretches of the cohort: decode ahead, run every model and pass on each image, hand shards over.

Passes that disturb the image hold the decoded one, the same for all of them, until their batch is full; so each is decoded once, and
memory does not grow with the number of severities.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from validate.cohort.case import Case
from validate.errors import MachineError
from validate.inference.asking import Asking
from validate.inference.batching import Batcher, Image, Shown, named_images
from validate.inference.decode import Decoded, DecodeTask
from validate.inference.decoders import Decoders
from validate.inference.disturb import Disturbing, device_of, open_torch
from validate.inference.disturbing_threads import beside, in_turn
from validate.inference.held import Held
from validate.inference.plan import InferencePlan, Shard, Stretch
from validate.inference.readings import Reading, Readings
from validate.inference.shard_work import ShardWork, Waiting
from validate.inference.summary import Tally
from validate.inference.timings import Timing
from validate.inference.underway import Clocks, Underway
from validate.models.prediction import Failure, Inference

OnEvent = Callable[[str, dict[str, Any]], None]
Key = TypeVar("Key")
HandOver = Callable[[Shard, Sequence[Inference], Timing], None]

HELD_IMAGES = 256  # preprocessed images that wait for their batch, over all passes that disturb none


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
        show: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan, self.tally, self.batch_sizes = plan, tally, batch_sizes
        self.hand_over, self.show = hand_over, show
        self.readings = Readings(plan)
        self.asking = Asking(on_event)
        self.underway: deque[Underway] = deque()
        self.finished = tally.cases
        self.batchers = {model.id: Batcher(model.loaded, self.asking, plan.on_device_loss) for model in plan.models}
        self.elsewhere = {
            (model.id, device): Batcher(loaded, self.asking, plan.on_device_loss)
            for model in plan.models
            for device, loaded in model.elsewhere.items()
        }
        self.ahead, self.in_turn = beside(), in_turn()
        self.disturbing: dict[str, Disturbing] = {}
        self.eager = sum(pass_.volume_transform is None for pass_ in plan.passes)
        if self.eager < len(plan.passes):
            open_torch()

    @property
    def model_seconds(self) -> float:
        """Spent in models so far."""
        return sum(batcher.seconds for batcher in (*self.batchers.values(), *self.elsewhere.values()))

    @property
    def cases_done(self) -> int:
        """That every model and pass has finished with, those of earlier starts included."""
        return self.finished + sum(one.done for one in self.underway)

    def run(self, pending: Sequence[Stretch], decoders: Decoders) -> None:
        """Every case of these stretches, in order."""
        try:
            self._stretches(pending, decoders)
        except BaseException:
            self.asking.close()
            with suppress(MachineError):  # of a full disk, whose first word is the one that counts
                while self.underway and self.underway[0].done == len(self.underway[0].cases):
                    self._finish_first()  # what was computed is kept
            raise
        finally:
            self.ahead.shutdown(wait=True, cancel_futures=True)
            self.in_turn.shutdown(wait=True, cancel_futures=True)

    def _stretches(self, pending: Sequence[Stretch], decoders: Decoders) -> None:
        stream = decoders.stream(self.readings.tasks(pending))
        for stretch in pending:
            works = [self._shard_work(shard) for shard in stretch.shards]
            self.underway.append(Underway(stretch.cases, works, self._clocks()))
            for case in stretch.cases:
                self._case(case, [work for work in works if work.wants(case)], stream)
                self.show()
            for work in works:
                work.flush()
            for one in self.disturbing.values():
                one.forget()
            self.underway[-1].after = self._clocks()
            # The models are given the first images of the next stretch before the last answers of this one are waited for.
            if len(self.underway) > 1:
                self._finish_first()
        while self.underway:
            self._finish_first()

    def conclude(self) -> None:
        """When no case is left: a model that was asked elsewhere may still hear what changes an answer of its own."""
        try:
            for batcher in (*self.batchers.values(), *self.elsewhere.values()):
                batcher.conclude()
        finally:
            self.asking.close()

    def _case(self, case: Case, works: Sequence[ShardWork], stream: Iterator[tuple[DecodeTask, Decoded]]) -> None:
        wanted = [view for work in works for view in work.views.values()]
        decoded = [(reading, next(stream)[1]) for reading in self.readings.of(case, wanted)]
        for _, found in decoded:
            self.tally.decode_seconds += found.seconds
            self.tally.stages.update(found.stages)
        # Those that disturb it come first: the first of them is prepared while a model elsewhere is busy with what is not disturbed.
        for work in works:
            if work.disturbing is not None:
                self._add(work, case, decoded)
        due = [work for work in works if work.due]
        images = self._ahead(due[:1])
        for work in works:
            if work.disturbing is None:
                self._add(work, case, decoded)
        for place, work in enumerate(due):
            ready = self._prepared_in_turn(work) if images is None else images.result()
            images = self._ahead(due[place + 1 : place + 2])
            work.run(ready)

    def _add(self, work: ShardWork, case: Case, decoded: Sequence[tuple[Reading, Decoded]]) -> None:
        if not work.views:
            work.add(case, [None], {})
        elif "" in work.views:
            self._add_images(work, case, decoded, work.views[""])
        else:
            (found,) = (found for reading, found in decoded if set(work.views.values()) <= set(reading.views))
            (reading,) = (reading for reading, other in decoded if other is found)
            images = {name: found.images[reading.views.index(view)] for name, view in work.views.items()}
            work.add(case, [Waiting(images) if work.seen else named_images(_undisturbed(images))], found.source)

    def _add_images(self, work: ShardWork, case: Case, decoded: Sequence[tuple[Reading, Decoded]], view: int) -> None:
        mine = [(found, reading.views.index(view)) for reading, found in decoded if view in reading.views]
        images = {number: found.images[place] for number, (found, place) in enumerate(mine)}
        work.add(
            case,
            [Waiting({"": one}) for one in images.values()] if work.seen else list(_undisturbed(images).values()),
            mine[0][0].source if mine else {},
            [found.places[place] if found.places else None for found, place in mine],
        )

    def _ahead(self, following: Sequence[ShardWork]) -> Future[list[Image | Failure | None]] | None:
        """The batch of the next pass, prepared while models elsewhere are busy; None where that would take cores from one."""
        return None if not following or following[0].in_turn else self.ahead.submit(following[0].prepared)

    def _prepared_in_turn(self, work: ShardWork) -> list[Image | Failure | None]:
        """By all cores, once the models that want them are idle."""
        busy = [
            answer
            for one in self.underway
            for other in one.works
            if other.batcher.on_processor
            for answer in other.latest
        ]
        self.asking.settle(busy)
        return work.prepared(self.in_turn.map)

    def _shard_work(self, shard: Shard) -> ShardWork:
        size = int(shard.pass_.engine_overrides.get("batch_size", self.batch_sizes[shard.model.id]))
        if self.batchers[shard.model.id].model.fixed_batch is None and shard.pass_.volume_transform is None:
            size = min(size, max(HELD_IMAGES // self.eager, 1))
        other = shard.pass_.elsewhere
        batcher = self.batchers[shard.model.id] if other is None else self.elsewhere[shard.model.id, other]
        numbers = self.readings.numbers_of[shard.model.id, shard.pass_.id]
        seen = {name: self.readings.views[number] for name, number in numbers.items()}
        if any(view.volume_transform is not None for view in seen.values()):
            return ShardWork(shard, batcher, size, numbers, self._disturbing(batcher), seen)
        return ShardWork(shard, batcher, size, numbers)

    def _disturbing(self, batcher: Batcher) -> Disturbing:
        """One for each device that models run on."""
        device = device_of(batcher.model.identity.provider)
        if device not in self.disturbing:
            self.disturbing[device] = Disturbing(device, shared=len(self.plan.models) > 1)
        return self.disturbing[device]

    def _finish_first(self) -> None:
        one = self.underway[0]
        assert one.after is not None
        finished = [(work, work.rows()) for work in one.works]
        self.underway.popleft()  # first, as no shard is handed over twice, whatever becomes of it
        self.finished += len(one.cases)
        for work, rows in finished:
            self._hand_over(work, rows, one.before, one.after)

    def _hand_over(self, work: ShardWork, rows: Sequence[Inference], before: Clocks, now: Clocks) -> None:
        shard = work.shard
        failures = [row.result.reason if isinstance(row.result, Failure) else None for row in rows]
        self.tally.count(failures)
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

    def _clocks(self) -> Clocks:
        own: Counter[str] = sum((one.stages for one in self.disturbing.values()), Counter())
        stages = Counter(self.tally.stages) + own
        return Clocks(self.tally.decode_seconds + sum(own.values()), self.asking.idle, stages)


def _undisturbed(images: Mapping[Key, Shown | Held | Failure]) -> dict[Key, Shown | Failure]:
    """Of a pass that disturbs nothing, so that none of them is held."""
    return {name: image for name, image in images.items() if not isinstance(image, Held)}
