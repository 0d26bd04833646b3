"""What a run has done so far, and what it did in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from validate.inference.progress import Progress, Update

PROGRESS_EVERY = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class InferenceSummary:
    """What a run did.

    rows, failures : of all shards, resumed ones included; failures by reason code
    resumed_shards : found finished and kept
    seconds, decode_seconds, wait_seconds, predict_seconds : of this start alone; decode summed over workers
    """

    cases: int
    rows: int
    failures: Mapping[str, int]
    shards: int
    resumed_shards: int
    batch_sizes: Mapping[str, int]
    workers: int
    worker_kind: str
    seconds: float
    decode_seconds: float
    wait_seconds: float
    predict_seconds: float


@dataclass(slots=True)
class Tally:
    """Counts that grow while the run goes on.

    cases, resumed : finished with, over all models and passes; and how many of them an earlier start had finished
    """

    total: int
    started: float = field(default_factory=time.perf_counter)
    cases: int = 0
    resumed: int = 0
    shards: int = 0
    resumed_shards: int = 0
    rows: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    decode_seconds: float = 0.0
    stages: Counter[str] = field(default_factory=Counter)
    shown: float = 0.0

    def count(self, failures: Sequence[str | None]) -> None:
        """Count one shard's rows: a reason code per failed row, None per good one."""
        self.rows += len(failures)
        self.failures.update(reason for reason in failures if reason is not None)

    def due(self, progress: Progress | None) -> bool:
        """Whether `progress` is to be told again."""
        return progress is not None and time.perf_counter() - self.shown >= PROGRESS_EVERY

    def show(self, progress: Progress | None, *, waiting_for: str, last: bool = False) -> None:
        """Tell `progress`, at most ten times a second, and at the end."""
        if progress is None or not (last or self.due(progress)):
            return
        self.shown = now = time.perf_counter()
        rate = (self.cases - self.resumed) / max(now - self.started, 1e-9)
        left = (self.total - self.cases) / rate if rate > 0 else None
        progress(Update(self.cases, self.total, rate, left, sum(self.failures.values()), waiting_for))

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started
