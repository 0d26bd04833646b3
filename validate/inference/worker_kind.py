"""Threads or processes for decoding: measured on the study's own files, since that depends on who decodes their syntax.

Threads share memory and start at once, but most Python decoders hold the interpreter lock, so that threads wait for each other;
processes go side by side whatever they do, and cost a start and a copy of the pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from validate.inference.decode import DecodeTask, decode

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


def measured_kind(
    tasks: Sequence[DecodeTask], *, threads: int, clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """Tasks : some of the run's own, each decoded twice"""
    count = min(threads, MOST_THREADS)
    start, done = clock(), list[DecodeTask]()
    for task in tasks[:SAMPLE]:
        decode(task)
        done.append(task)
        if clock() - start > SECONDS:
            break
    alone, start = clock() - start, clock()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(decode, done))
    together = clock() - start
    speedup = alone / together if together > 0 else 0.0
    return Measured("thread" if speedup >= GOOD * count else "process", count, speedup, len(done))
