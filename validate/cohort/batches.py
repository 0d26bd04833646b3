"""Files read in batches, in this process or in others, one of which may die: what it was reading is read again, file by file."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from validate.cohort.candidate import Facts, Question, read_facts, refused
from validate.cohort.time_limit import interruptible, limit
from validate.cohort.tree import Entry
from validate.imaging.in_time import TookTooLong, in_time, seconds_for

TRIES = 2  # of a file alone: a process may die of what others do to the machine
TIME = refused("time_limit", "Reading the header took longer than a file may take.")
DIED = refused("reader_died", "The process that read the header died of it, twice.")
PASSING = frozenset({TIME.own, DIED.own})  # may be better another time, and is not remembered

Asked = tuple[Entry, Facts | None]  # a file, and what was once read of it
Reading = Future[list[Facts]] | list[Facts]
Read = Callable[[Entry, Question, Facts | None], Facts]


class BatchReader:
    """Reads batches; other processes are started when the first batch needs them."""

    def __init__(self, question: Question, workers: int, *, read: Read | None = None) -> None:
        """A batch reader; `read` reads one file, in whatever process."""
        self._question, self._workers, self._read = question, workers, read or read_facts
        self._pool: ProcessPoolExecutor | None = None

    def begun(self, batch: Sequence[Asked]) -> Reading:
        """The batch being read, or read already."""
        if not batch:
            return []
        if self._workers < 2:
            return read_batch(self._read, self._question, batch)
        try:
            return self._submitted(self._workers, batch)
        except BrokenProcessPool:
            self._give_up()
            return self._submitted(self._workers, batch)

    def finished(self, batch: Sequence[Asked], reading: Reading) -> list[Facts]:
        """What each file of the batch says, in its order."""
        if isinstance(reading, list):
            return reading
        try:
            return reading.result()
        except BrokenProcessPool:
            self._give_up()
            return [self._alone(asked) for asked in batch]

    def _alone(self, asked: Asked) -> Facts:
        for _ in range(TRIES):
            try:
                return self._submitted(1, [asked]).result()[0]
            except BrokenProcessPool:
                self._give_up()
        return DIED

    def _submitted(self, workers: int, batch: Sequence[Asked]) -> Future[list[Facts]]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        return self._pool.submit(partial(read_batch, self._read, self._question, helper=True), list(batch))

    def _give_up(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Stop what is still being read."""
        self._give_up()


def read_batch(read: Read, question: Question, batch: Sequence[Asked], *, helper: bool = False) -> list[Facts]:
    """The facts of each file, TIME of those that took too long.

    What a batch makes is freed at once; looking for cycles in it all the while would take a third of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with interruptible(helper=helper) as timed:
            within = partial(_limited, helper=helper) if timed else in_time
            return [_in_time(within, partial(read, entry, question, earlier), entry) for entry, earlier in batch]
    finally:
        if collecting:
            gc.enable()


def _in_time(within: Callable[[Callable[[], Facts], float], Facts], read: Callable[[], Facts], entry: Entry) -> Facts:
    try:
        return within(read, seconds_for(entry.stamp[0] if entry.stamp is not None else 0))
    except TookTooLong:
        return TIME


def _limited(read: Callable[[], Facts], seconds: float, *, helper: bool) -> Facts:
    try:
        limit(seconds, helper=helper)
        return read()
    finally:
        limit(0.0, helper=helper)
