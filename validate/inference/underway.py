"""A stretch of the cohort on its way: how far its cases are, and when it was begun and handed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from validate.cohort.case import Case
from validate.inference.shard_work import ShardWork


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds so far; a shard's timing is the difference of two. waited : the models, for a batch"""

    decode: float
    waited: float
    stages: Counter[str]


@dataclass(slots=True)
class Underway:
    """A stretch on its way.

    before, after : when its first image was asked for, and when its last had been handed to the models
    """

    cases: Sequence[Case]
    works: Sequence[ShardWork]
    before: Clocks
    after: Clocks | None = None

    @property
    def done(self) -> int:
        """Cases that every model and pass has finished with."""
        answered = [(work.shard.cases, work.answered) for work in self.works]
        following = [cases[count].unit for cases, count in answered if count < len(cases)]
        if not following:
            return len(self.cases) if self.after is not None else 0
        place = {case.unit: place for place, case in enumerate(self.cases)}
        return min(place[unit] for unit in following)
