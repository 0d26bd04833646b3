"""pyarrow, told before its first array that nobody here hands it a pandas object."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any


class Refusal:
    """A finder of modules that finds no pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """None, so that others look for the module. Raises ModuleNotFoundError for pandas."""
        if name == "pandas":
            raise ModuleNotFoundError(f"{name} is left out while pyarrow asks for it", name=name)


def leave_pandas_out() -> None:
    """Spare a command the import of pandas, 0.8 s of its start.

    `pyarrow.array` of a list asks first whether the list is a pandas object, and imports pandas to find out (its
    pandas-shim, which asks once in a process and keeps the answer). Here it asks while pandas can't be imported, so the
    answer is no; `to_pandas()` of a table imports pandas nevertheless, because pyarrow tries again for whoever needs it.

    Only for commands: in a library's caller's own process, a series that he makes later has to be known as one.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    sys.meta_path.insert(0, Refusal)
    try:
        pa.array([None])
    finally:
        sys.meta_path.remove(Refusal)


def without_pandas(command: Callable[..., None]) -> Callable[..., None]:
    """The same command, begun so."""

    @functools.wraps(command)
    def begun(*arguments: Any, **options: Any) -> None:
        leave_pandas_out()
        command(*arguments, **options)

    return begun
