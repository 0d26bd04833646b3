"""One way to compile with numba: cached where a cache can be written, uncached where it can't.

numba is imported at the first call: a run reads its cohort and begins inference without it, half a second earlier.
"""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

HERE = Path(__file__).parent
LANES = 64  # replicates in a block: what one sweep over the rows carries side by side


def _cache_folder() -> bool:
    """Whether numba may cache. It raises at import where its folder can't be written, so that is settled first."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        return True
    beside = HERE / "__pycache__"
    if os.access(beside if beside.exists() else HERE, os.W_OK):
        return True
    owner = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"validate-numba-{owner}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if hasattr(os, "getuid") and folder.stat().st_uid != owner:
            return False  # somebody else's folder: compiled code from there is not ours to run
    except OSError:
        return False
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return True


class Compiled:
    """A function that is machine code from its first call on. It may call others of its kind, by their names in its module."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self._machine_code: Callable[..., Any] | None = None
        functools.update_wrapper(self, function)

    def __call__(self, *values: Any) -> Any:
        return (self._machine_code or self.machine_code())(*values)

    def machine_code(self) -> Callable[..., Any]:
        """What numba makes of the function, once for all threads."""
        with _COMPILING:
            if self._machine_code is None:
                cached = _cache_folder()
                from numba import njit  # the cache's folder is read when numba is imported

                compile_ = njit(nogil=True, cache=cached, error_model="numpy", boundscheck=False)
                self._machine_code = compile_(self._with_machine_code())
        return self._machine_code

    def _with_machine_code(self) -> FunctionType:
        """The function with others of its kind in its module as numba knows them."""
        own = self.function
        names = {
            name: value.machine_code() if isinstance(value, Compiled) else value
            for name, value in own.__globals__.items()
            if not isinstance(value, Compiled) or name in own.__code__.co_names
        }
        same = FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)
        same.__module__, same.__qualname__, same.__doc__ = own.__module__, own.__qualname__, own.__doc__
        return same


_COMPILING = threading.RLock()


def compiled(function: Callable[..., Any]) -> Compiled:
    """Compile to machine code that lets other threads run. Arithmetic stays as written (no fastmath)."""
    return Compiled(cast(FunctionType, function))
