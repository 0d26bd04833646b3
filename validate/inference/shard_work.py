"""One shard on its way: images come in one by one in the cohort's order, rows come out at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from validate.cohort.case import Case
from validate.imaging.placed import Placement
from validate.inference.aggregate import aggregated
from validate.inference.batching import Batcher, Image, Named, Pixels, Result
from validate.inference.plan import Shard
from validate.models.prediction import Failure, Inference


@dataclass(slots=True)
class ShardWork:
    """
    batch_size : images per planned batch; failed ones keep their place, so that no border depends on them
    seconds, postprocess_seconds : in the model so far, and of them in making masks
    views : numbers of the views that this model wants in this pass, by input; "" of the only one, {} where it is shown none
    """

    shard: Shard
    batcher: Batcher
    batch_size: int
    views: Mapping[str, int]
    seconds: float = 0.0
    postprocess_seconds: float = 0.0
    _cases: list[Case] = field(default_factory=list)
    _images: list[Image | Failure | None] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)
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
        images: Sequence[Image | Failure | None],
        source: Mapping[str, str],
        places: Sequence[Placement | None] = (),
    ) -> None:
        """Take the images of the next case; runs the model whenever a planned batch is full."""
        self._counts.append(len(images))
        self._sources.append(source)
        for image, place in zip_longest(images, places):
            self._cases.append(case)
            self._images.append(image)
            self._places.append(place)
            if len(self._images) == self.batch_size:
                self._run()

    def rows(self) -> list[Inference]:
        """The finished shard: one row per case, in order."""
        if self._images:
            self._run()
        rows, start = [], 0
        for case, count, source in zip(self.shard.cases, self._counts, self._sources, strict=True):
            result = aggregated(self._results[start : start + count], self.shard.model.aggregate)
            rows.append(Inference(case.unit, self.shard.model.id, self.shard.pass_.id, result, source))
            start += count
        return rows

    def _run(self) -> None:
        images = [_halved(image) for image in self._images] if self.half else self._images
        before = self.batcher.seconds, self._postprocessed
        self._results += self.batcher.results(self._cases, images, self._places)
        self.seconds += self.batcher.seconds - before[0]
        self.postprocess_seconds += self._postprocessed - before[1]
        self._cases.clear()
        self._images.clear()
        self._places.clear()


def _halved(image: Image | Failure | None) -> Image | Failure | None:
    """Rounded to the 11 significant bits of half precision, and given as single precision again."""
    if image is None or isinstance(image, Failure):
        return image
    if isinstance(image, Named):
        return Named({name: _rounded(one) for name, one in image.images.items()})
    return _rounded(image)


def _rounded(pixels: Pixels) -> Pixels:
    return pixels.astype(np.float16).astype(np.float32)
