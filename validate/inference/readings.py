"""What is read of each case: the distinct views of a run, and which files are decoded together for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from validate.cohort.case import Case
from validate.inference.decode import DecodeTask
from validate.inference.plan import InferencePlan, Stretch
from validate.inference.view import View
from validate.inference.worker_kind import syntax_of


@dataclass(frozen=True, slots=True)
class Reading:
    """paths : decoded together      number : of the image in its case      views : numbers of what is wanted of it"""

    paths: tuple[Path, ...]
    number: int
    views: tuple[int, ...]


class Readings:
    """
    views : the distinct ones of a run
    numbers_of : of those that each model has in each pass, by input
    """

    def __init__(self, plan: InferencePlan) -> None:
        self.views, self.numbers_of = _views(plan)
        self._together: dict[tuple[int, ...], tuple[View, ...]] = {}

    def tasks(self, pending: Sequence[Stretch]) -> Iterator[DecodeTask]:
        """What to decode, in exactly the order in which a stretch asks for it."""
        place = 0
        for stretch in pending:
            works = [
                (self.numbers_of[shard.model.id, shard.pass_.id].values(), {case.unit for case in shard.cases})
                for shard in stretch.shards
            ]
            for case in stretch.cases:
                wanted = [view for views, units in works if case.unit in units for view in views]
                for reading in self.of(case, wanted):
                    yield DecodeTask(
                        place, reading.paths, self._seen(reading.views), case.digest, reading.number, syntax_of(case)
                    )
                    place += 1

    def _seen(self, numbers: tuple[int, ...]) -> tuple[View, ...]:
        """These views, always as the same object: a decoding child is told only what is new."""
        if numbers not in self._together:
            self._together[numbers] = tuple(self.views[number] for number in numbers)
        return self._together[numbers]

    def of(self, case: Case, wanted: Iterable[int]) -> Iterator[Reading]:
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
