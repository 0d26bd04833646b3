"""A limit on the time that a piece of work may take, wherever it is done: it is done in a thread, which is waited for so long and no more.

Work in Python ends there. Work inside a library that gives the interpreter's lock back goes on unheard until the library ends it, and holds
nothing up. A library that keeps the lock can only be ended with its process: such decoders have one of their own (reference_process.py).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from validate.imaging.failure import DecodeFailure

Made = TypeVar("Made")

SECONDS = 30.0
DECODING = 120.0  # seconds that one image may take
BYTES_A_SECOND = 4 << 20  # of a file that is read whole, from the slowest store


class TookTooLong(BaseException):
    """The time of one file is over. No Exception: what a hostile header may break is caught far and wide, and this must not be."""


def seconds_for(size: int) -> float:
    """How long a file of so many bytes may take."""
    return SECONDS + size / BYTES_A_SECOND


def in_time(work: Callable[[], Made], seconds: float) -> Made:
    """What `work` returns, or raises; TookTooLong where it does neither in this time."""
    made: list[Made] = []
    raised: list[BaseException] = []
    over = threading.Event()

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:  # noqa: BLE001 (raised again where it was asked for)
            raised.append(error)
        over.set()

    thread = threading.Thread(target=run, daemon=True, name="in time")
    thread.start()
    if not over.wait(seconds):
        _interrupt(thread)
        raise TookTooLong
    if raised:
        raise raised[0]
    return made[0]


def decoded_in_time(work: Callable[[], Made], seconds: float = DECODING) -> Made:
    """The same of an image that is decoded where nobody else keeps the time. Raises DecodeFailure (decode:timeout)."""
    try:
        return in_time(work, seconds)
    except TookTooLong:
        raise DecodeFailure("decode:timeout", "Decoding took longer than the time allowed for one image.") from None


def _interrupt(thread: threading.Thread) -> None:
    """Raised in the thread before its next step in Python; nothing where it is over by now."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TookTooLong))
