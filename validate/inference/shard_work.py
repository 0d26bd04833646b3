"""One shard on its way: images come in one by one in the cohort's order, rows come out at the end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

import numpy as np

from validate.cohort.case import Case
from validate.imaging.placed import Placement
from validate.imaging.unfinished import Unfinished
from validate.inference.aggregate import aggregated
from validate.inference.batching import Batcher, Image, Named, Pixels, Result, Shown, named_images
from validate.inference.disturb import Disturbing, Mapped
from validate.inference.held import Held, held_bytes
from validate.inference.plan import Shard
from validate.inference.view import View
from validate.models.begun import Begun
from validate.models.prediction import Failure, Inference

HELD_BYTES = 256 << 20  # of images that wait to be disturbed, from which a batch goes without waiting for more


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a pass that disturbs images holds of a case, by input; "" of the only one."""

    images: Mapping[str, Shown | Held | Failure]


@dataclass(slots=True)
class ShardWork:
    """
    batch_size : images per planned batch; failed ones keep their place, so that no border depends on them. Where images that
        wait to be disturbed fill HELD_BYTES, a batch ends there: by their own sizes, so at the same place in every run
    disturbing, seen : what disturbs images, and as which view of each input, where the pass disturbs them
    seconds, postprocess_seconds : in the model so far, and of them in making masks
    views : numbers of the views that this model wants in this pass, by input; "" of the only one, {} where it is shown none
    """

    shard: Shard
    batcher: Batcher
    batch_size: int
    views: Mapping[str, int]
    disturbing: Disturbing | None = None
    seen: Mapping[str, View] = field(default_factory=dict)
    seconds: float = 0.0
    postprocess_seconds: float = 0.0
    _cases: list[Case] = field(default_factory=list)
    _images: list[Image | Waiting | Failure | None] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _answers: list[Future[list[Result]]] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    _returned: int = 0
    _places: list[Placement | None] = field(default_factory=list)
    _sources: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def _postprocessed(self) -> float:
        return float(getattr(self.batcher.model, "postprocess_seconds", 0.0))

    @property
    def half(self) -> bool:
        """Whether this pass gives the model its input in half precision."""
        return bool(self.shard.pass_.engine_overrides.get("precision") == "float16")

    def wants(self, case: Case) -> bool:
        """Whether this case is the next of the shard. Cases come in the cohort's order."""
        place = len(self._counts)
        return place < len(self.shard.cases) and self.shard.cases[place] is case

    def add(
        self,
        case: Case,
        images: Sequence[Image | Waiting | Failure | None],
        source: Mapping[str, str],
        places: Sequence[Placement | None] = (),
    ) -> None:
        """Take the images of the next case; asks the model whenever a planned batch is full, unless its pass disturbs images:
        whoever adds then looks at `due`, and prepares one pass while the model is busy with another.
        """
        self._counts.append(len(images))
        self._ends.append((self._ends[-1] if self._ends else 0) + len(images))
        self._sources.append(source)
        for image, place in zip_longest(images, places):
            self._cases.append(case)
            self._images.append(image)
            self._places.append(place)
            if self.disturbing is None and len(self._images) == self.batch_size:
                self.run(self.prepared())

    @property
    def due(self) -> bool:
        """Whether a batch waits to be prepared and run."""
        if self.disturbing is None or not self._images:
            return False
        complete = len(self._counts) == len(self.shard.cases)
        return complete or len(self._images) >= self.batch_size or self._held_bytes() >= HELD_BYTES

    def _held_bytes(self) -> int:
        return held_bytes(
            [one for image in self._images if isinstance(image, Waiting) for one in image.images.values()]
        )

    def flush(self) -> None:
        """Send what waits, as no case is left."""
        if self._images:
            self.run(self.prepared())

    @property
    def answered(self) -> int:
        """Cases of which every image has come back from the model."""
        return bisect_right(self._ends, self._returned)

    def rows(self) -> list[Inference]:
        """The finished shard: one row per case, in order. Waits for its batches; raises what ended the run in one of them."""
        self.batcher.asking.settle(self._answers)
        self._results += [result for answer in self._answers for result in answer.result()]
        self._answers.clear()
        rows, start = [], 0
        for case, count, source in zip(self.shard.cases, self._counts, self._sources, strict=True):
            result = aggregated(self._results[start : start + count], self.shard.model.aggregate)
            rows.append(Inference(case.unit, self.shard.model.id, self.shard.pass_.id, result, source))
            start += count
        return rows

    def run(self, images: Sequence[Image | Failure | None]) -> None:
        """Send the batch that waits, as `prepared` gives it, to the model."""
        begin = partial(self.batcher.begin, self._cases, images, self._places)
        self._answers.append(self.batcher.asking.put(lambda: self._asked(begin()), of=self.batcher))
        self._cases, self._images, self._places = [], [], []

    def _asked(self, begun: Begun[list[Result]]) -> Begun[list[Result]]:
        """On the thread of the models."""

        def answer() -> list[Result]:
            before = self.batcher.seconds, self._postprocessed
            results = begun.answer()
            self.seconds += self.batcher.seconds - before[0]
            self.postprocess_seconds += self._postprocessed - before[1]
            self._returned += len(results)
            return results

        return Begun(answer, begun.wait)

    @property
    def in_turn(self) -> bool:
        """Whether images are disturbed on the cores that the model wants too, and so while it is idle."""
        return self.disturbing is not None and self.disturbing.device == "cpu" and self.batcher.on_processor

    @property
    def latest(self) -> list[Future[list[Result]]]:
        """The batch that the model was given last, where there is one."""
        return self._answers[-1:]

    def prepared(self, by: Mapped = map) -> list[Image | Failure | None]:
        """The images that wait, with nothing left to do before the model; held ones learn their places as they are made.

        by : how pieces of the batch are gone through
        """
        waiting = {place: dict(image.images) for place, image in enumerate(self._images) if isinstance(image, Waiting)}
        for name, view in self.seen.items():
            self._disturb(name, view, waiting, by)
        images = [
            _whole(waiting[place]) if isinstance(image, Waiting) else image for place, image in enumerate(self._images)
        ]
        return [_halved(image) for image in images] if self.half else images

    def _disturb(
        self, name: str, view: View, waiting: Mapping[int, dict[str, Shown | Held | Failure]], by: Mapped
    ) -> None:
        held = {place: one for place, images in waiting.items() if isinstance(one := images.get(name), Held)}
        if not held:
            return
        assert self.disturbing is not None
        for place, found in zip(held, self.disturbing.images(view, list(held.values()), by), strict=True):
            waiting[place][name] = found if isinstance(found, Failure) else found.image
            if not name:
                self._places[place] = None if isinstance(found, Failure) else found.placement


def _whole(images: Mapping[str, Shown | Held | Failure]) -> Image | Failure:
    ready = {name: image for name, image in images.items() if not isinstance(image, Held)}
    return ready[""] if "" in ready else named_images(ready)


def _halved(image: Image | Failure | None) -> Image | Failure | None:
    """Rounded to the 11 significant bits of half precision, and given as single precision again."""
    if image is None or isinstance(image, Failure):
        return image
    if isinstance(image, Unfinished):
        return image.halved()
    if isinstance(image, Named):
        return Named({name: _rounded(one) for name, one in image.images.items()})
    return _rounded(image)


def _rounded(pixels: Pixels) -> Pixels:
    return pixels.astype(np.float16).astype(np.float32)
