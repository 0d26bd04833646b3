"""One way to compile with numba: cached where a cache can be written, uncached where it can't."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


CACHED = _cache_folder()

from numba import njit  # noqa: E402 (the cache's folder is read when numba is imported)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile to machine code that lets other threads run. Arithmetic stays as written (no fastmath)."""
    result: Callable[..., Any] = njit(nogil=True, cache=CACHED, error_model="numpy", boundscheck=False)(function)
    return result
