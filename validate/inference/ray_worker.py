"""What runs on each node of a cluster: the models opened once, then stretch after stretch; nothing is stored here.

A worker says what it found as plain values; an error is an answer, so that no exception of ours must survive the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from validate.cohort.case import Case, Cohort
from validate.errors import ValidateError
from validate.inference.decoders import Decoders
from validate.inference.disturbing_threads import cores
from validate.inference.plan import InferencePlan, Shard, Stretch, make_plan
from validate.inference.rebuild import Rebuild
from validate.inference.stretch_work import StretchWork
from validate.inference.summary import Tally
from validate.inference.timings import Timing
from validate.models.load import opened_elsewhere, opened_models
from validate.models.prediction import Inference
from validate.protocol.passes import Pass

SAME = ("digest", "provider", "runtime")


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch as it travels: cases, and of each shard its number, model, pass and which of the cases."""

    number: int
    cases: tuple[Case, ...] = field(repr=False)
    shards: tuple[tuple[int, str, str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """
    shards : (number, model, pass, rows, timing)      events : what the audit trail must know
    error : kind and message of what concerns the run and not a case
    """

    shards: tuple[tuple[int, str, str, tuple[Inference, ...], Timing], ...] = ()
    events: tuple[tuple[str, dict[str, Any]], ...] = ()
    decode_seconds: float = 0.0
    error: tuple[str, str] | None = None


def piece_of(number: int, stretch: Stretch) -> Piece:
    """A stretch without its open models."""
    place = {case.unit: index for index, case in enumerate(stretch.cases)}
    shards = tuple(
        (shard.index, shard.model.id, shard.pass_.id, tuple(place[case.unit] for case in shard.cases))
        for shard in stretch.shards
    )
    return Piece(number, stretch.cases, shards)


class Worker:
    """Lives in a process of the cluster's."""

    def __init__(self, rebuild: Rebuild, passes: Sequence[Pass], cohort_digest: str) -> None:
        self._rebuild, self._passes, self._digest = rebuild, tuple(passes), cohort_digest
        self._open = ExitStack()
        self._models: Any = None
        self._elsewhere: Any = None

    def ready(self) -> str | None:
        """Open the models. Returns what is wrong with them here, or None."""
        protocol, base, device = self._rebuild.protocol, self._rebuild.base, self._rebuild.device
        try:
            self._models = self._open.enter_context(opened_models(protocol, base, device))
            others = opened_elsewhere(protocol, base, self._passes, self._models, device=device)
            self._elsewhere = self._open.enter_context(others)
        except ValidateError as error:
            return str(error)
        for wanted in self._rebuild.identities:
            found = self._models[wanted.id].identity
            different = [name for name in SAME if getattr(found, name) != getattr(wanted, name)]
            if different:
                got = ", ".join(f"{name} {getattr(found, name)}" for name in different)
                expected = ", ".join(f"{name} {getattr(wanted, name)}" for name in different)
                return f"models.{wanted.id}: on a node of the cluster it has {got}, here {expected}; they must be the same."
        return None

    def work(self, piece: Piece, batch_sizes: dict[str, int]) -> Answer:
        """One stretch."""
        found: list[tuple[int, str, str, tuple[Inference, ...], Timing]] = []
        events: list[tuple[str, dict[str, Any]]] = []

        def keep(shard: Shard, rows: Sequence[Inference], timing: Timing) -> None:
            found.append((shard.index, shard.model.id, shard.pass_.id, tuple(rows), timing))

        tally = Tally(len(piece.cases))
        try:
            plan = self._plan(piece.cases)
            decoders = Decoders(cores() if plan.workers == "auto" else plan.workers, "thread")
            work = StretchWork(
                plan, tally=tally, batch_sizes=batch_sizes, on_event=lambda name, data: events.append((name, data)),
                hand_over=keep,
            )  # fmt: skip
            try:
                work.run([_stretch(plan, piece)], decoders)
                work.conclude()
            finally:
                decoders.close()
        except ValidateError as error:
            return Answer(error=(type(error).__name__, str(error)))
        except MemoryError:
            return Answer(error=("MachineError", "a node's memory is exhausted"))
        return Answer(tuple(found), tuple(events), tally.decode_seconds)

    def _plan(self, cases: tuple[Case, ...]) -> InferencePlan:
        cohort = Cohort(cases, (), (), self._digest)
        return make_plan(self._rebuild.protocol, cohort, self._models, self._passes, elsewhere=self._elsewhere)


def _stretch(plan: InferencePlan, piece: Piece) -> Stretch:
    models = {model.id: model for model in plan.models}
    passes = {pass_.id: pass_ for pass_ in plan.passes}
    shards = tuple(
        Shard(number, models[model], passes[pass_id], tuple(piece.cases[place] for place in places))
        for number, model, pass_id, places in piece.shards
    )
    return Stretch(piece.cases, shards)
