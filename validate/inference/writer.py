"""Finished shards go to disk on a thread of their own, so that the model does not wait for the disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from validate.inference.plan import Shard
from validate.inference.store import Store
from validate.inference.timings import Timing
from validate.models.prediction import Inference

UNWRITTEN = 4  # shards that may wait for the disk; beyond, the run waits for it


@dataclass(slots=True)
class Writer:
    """One thread, so shards are written in the order they are handed over, and reported in that order."""

    store: Store
    on_event: Callable[[str, dict[str, Any]], None]
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="store"))
    _written: deque[Future[dict[str, Any]]] = field(default_factory=deque)

    def put(self, shard: Shard, rows: Sequence[Inference], timing: Timing) -> None:
        """Hand over a finished shard. Raises MachineError when an earlier one could not be written."""
        self._written.append(self._thread.submit(self._write, shard, rows, timing))
        while self._written and (len(self._written) > UNWRITTEN or self._written[0].done()):
            self._report()

    def finish(self) -> None:
        """Wait until everything is on disk. Raises MachineError when something is not."""
        while self._written:
            self._report()

    def close(self) -> None:
        """End the thread after what it has been given; what failed there has been or will be said by `finish`."""
        self._thread.shutdown(wait=True)

    def _report(self) -> None:
        self.on_event("shard_written", self._written.popleft().result())

    def _write(self, shard: Shard, rows: Sequence[Inference], timing: Timing) -> dict[str, Any]:
        start = time.perf_counter()
        content = self.store.write(shard, rows)
        self.store.add_timing(shard, replace(timing, store_seconds=time.perf_counter() - start))
        name = {"model": shard.model.id, "pass": shard.pass_.id, "shard": shard.index}
        return {**name, "rows": len(rows), "digest": content}
