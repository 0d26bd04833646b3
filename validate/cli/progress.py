"""How far a run is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

PLAIN_SECONDS = 10.0
WAITS = {
    "decode": "the model waits for images",
    "model": "images wait for the model",
    "cluster": "waiting for the cluster",
}


class RunProgress:
    """Shows stages, and cases done with rate, time left and failures. Writes to stderr; stdout is for results."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self._last = 0.0
        self._started = 0.0
        self._bar = None
        if self._terminal:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description:<28}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
        self._task: object | None = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, title: str) -> None:
        """A new stage begins."""
        self._started = time.monotonic()
        self._last = self._started
        if self._quiet:
            return
        if self._bar is not None:
            self._finish()
            self._task = self._bar.add_task(title, total=None, note="")
        else:
            print(title, file=sys.stderr, flush=True)  # noqa: T201

    def advance(
        self, done: int, total: int | None, failures: int = 0, *, rate: float | None = None, waiting_for: str = ""
    ) -> None:
        """`done` of `total` cases or files of this stage. Without a rate, it is reckoned from the start of the stage."""
        if self._quiet:
            return
        elapsed = max(time.monotonic() - self._started, 1e-9)
        pace = done / elapsed if rate is None else rate
        note = f"{pace:,.0f}/s" if pace >= 1 or not pace else f"{pace:,.2g}/s"
        note += (f", {failures} failed" if failures else "") + (f", {WAITS[waiting_for]}" if waiting_for else "")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, note=note)  # type: ignore[arg-type]
        elif self._bar is None and time.monotonic() - self._last >= PLAIN_SECONDS:
            self._last = time.monotonic()
            left = f", {(total - done) / pace:,.0f} s left" if total and pace > 0 else ""
            print(f"  {done:,}{f' of {total:,}' if total else ''} ({note}{left})", file=sys.stderr, flush=True)  # noqa: T201

    def say(self, line: str) -> None:
        """A fact worth a line."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201

    def _finish(self) -> None:
        if self._bar is not None and self._task is not None:
            task = self._bar.tasks[-1]
            total = task.total if task.total is not None else max(task.completed, 1)
            self._bar.update(self._task, total=total, completed=total)  # type: ignore[arg-type]
