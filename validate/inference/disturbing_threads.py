"""Threads that disturb images: beside a model that is busy elsewhere, or in turn with one that wants every core of this machine.

Two programs on one core cost more than both alone: each finds the cache full of the other's numbers. So a model on the processor and
what disturbs its next batch take turns, each with all cores; a model on a GPU or another machine leaves the processor to us, and one
thread prepares the next batch meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

MOST = 8  # threads that disturb in turn
YIELDING = 5  # by which a thread that disturbs beside a model is nicer than what that does here, which must not wait for a core
KEPT, LARGEST_KEPT = 128 << 20, 32 << 20  # bytes that are kept when they are freed, and of the largest piece of them
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h


def beside() -> ThreadPoolExecutor:
    """One thread, which works in the gaps that others leave."""
    return ThreadPoolExecutor(1, "disturb", initializer=_beside)


def in_turn() -> ThreadPoolExecutor:
    """As many threads as there are cores, up to MOST."""
    return ThreadPoolExecutor(min(cores(), MOST), "disturb", initializer=_in_turn)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _beside() -> None:
    _in_turn()
    _yield_cores()


def _in_turn() -> None:
    _keep_freed()
    with contextlib.suppress(ImportError):  # without it each disturbance says so
        import torch

        torch.set_num_threads(1)  # of this thread: torch's own would only be in the way of the others


def _yield_cores() -> None:
    """Of this thread alone, which only Linux can."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + YIELDING, 19))


def _keep_freed() -> None:
    """What the images of one batch have freed is for the next: given back to the system and taken again, it would be cleared page by
    page each time, which takes longer than the arithmetic on it. Of the C library of GNU; others are left as they are.
    """
    with contextlib.suppress(AttributeError, OSError):
        option = ctypes.CDLL(None).mallopt
        option(M_TRIM_THRESHOLD, KEPT)
        option(M_MMAP_THRESHOLD, LARGEST_KEPT)
