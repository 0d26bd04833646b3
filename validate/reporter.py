"""Who is told how far a run is: a progress bar, a log, or nobody."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Who is told how far a run is."""

    def stage(self, title: str) -> None: ...

    def advance(
        self, done: int, total: int | None, failures: int = 0, *, rate: float | None = None, waiting_for: str = ""
    ) -> None:
        """`done` of `total`; rate : a second, since this start, where it is known; waiting_for : "decode", "model" or "cluster"."""
        ...

    def say(self, line: str) -> None: ...


class Silent:
    """Tells nobody."""

    def stage(self, title: str) -> None:
        """Say nothing."""

    def advance(
        self, done: int, total: int | None, failures: int = 0, *, rate: float | None = None, waiting_for: str = ""
    ) -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""
