"""A limit on the time that one file may take, by the system's own timers: a header that keeps a reader busy for ever is a file with
a reason, and the run goes on. Where there are none, or somebody else has them, a thread keeps the time (imaging/in_time.py).

Two timers. The clock's interrupts what runs in Python or waits for the system, and that file gets a reason. The processor's ends a
process that does not listen, as inside a library, and is set only in processes that read for another, which notices.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from validate.imaging.in_time import TookTooLong


@contextmanager
def interruptible(*, helper: bool) -> Iterator[bool]:
    """Within, `limited` counts. Gives whether it can: only in a main thread, where the system has timers and nobody else uses them.

    helper : whether this process reads for another and may be ended
    """
    if not _free():
        yield False
        return
    before = signal.signal(signal.SIGALRM, _interrupt)
    if helper:
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    try:
        yield True
    finally:
        limit(0.0, helper=helper)
        signal.signal(signal.SIGALRM, before)


def limit(seconds: float, *, helper: bool) -> None:
    """Start the clock of one file; 0 stops it."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if helper:
        signal.setitimer(signal.ITIMER_VIRTUAL, 2 * seconds)


def _free() -> bool:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0) and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def _interrupt(_number: int, _frame: Any) -> None:
    raise TookTooLong
