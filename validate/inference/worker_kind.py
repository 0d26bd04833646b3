"""Threads or processes for decoding: measured on the study's own files, syntax by syntax, since that depends on who decodes it.

Threads share memory and start at once, but most Python decoders hold the interpreter lock, so that threads wait for each other;
processes go side by side whatever they do, and cost a start and a copy of the pixels.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from validate.cohort.case import Case
from validate.inference.decode import DecodeTask, decode_in_time
from validate.inference.view import View

SAMPLE = 12  # images
MOST_THREADS = 4
GOOD = 0.75  # of as many times faster as there are threads, from which threads are taken
SECONDS = 5.0  # after which no more images are tried


@dataclass(frozen=True, slots=True)
class Measured:
    """speedup : of `threads` threads over one, on the same images"""

    kind: Literal["thread", "process"]
    threads: int
    speedup: float
    images: int

    def document(self) -> dict[str, Any]:
        """For the audit trail."""
        return {"kind": self.kind, "threads": self.threads, "speedup": round(self.speedup, 2), "images": self.images}


def syntax_of(case: Case) -> str:
    """How a case's images are compressed, as the cohort found it; "" where it does not say."""
    return str(case.attributes.get("transfer_syntax") or "")


def samples(cases: Iterable[Case], views: tuple[View, ...]) -> dict[str, list[DecodeTask]]:
    """By transfer syntax, the first images of it; the most frequent syntax first. One of a few images is not measured apart."""
    found: dict[str, list[DecodeTask]] = {}
    count: Counter[str] = Counter()
    for case in cases:
        syntax = syntax_of(case)
        count[syntax] += len(case.files)
        if case.files and len(found.setdefault(syntax, [])) < SAMPLE:
            found[syntax].append(DecodeTask(0, case.files[:1], views, case.digest))
    order = [syntax for syntax, _ in count.most_common() if found.get(syntax)]
    return {syntax: found[syntax] for syntax in order if syntax == order[0] or len(found[syntax]) == SAMPLE}


def measured_kind(
    tasks: Sequence[DecodeTask], *, threads: int, clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """Tasks : some of the run's own, each decoded twice"""
    count = min(threads, MOST_THREADS)
    start, done = clock(), list[DecodeTask]()
    for task in tasks[:SAMPLE]:
        decode_in_time(task)
        done.append(task)
        if clock() - start > SECONDS:
            break
    alone, start = clock() - start, clock()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(decode_in_time, done))
    together = clock() - start
    speedup = alone / together if together > 0 else 0.0
    return Measured("thread" if speedup >= GOOD * count else "process", count, speedup, len(done))
