"""How far a run is: what the command line draws and what a notebook may print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Update:
    """One look at the run.

    done, total : cases that every model and pass has finished with, and all cases; resumed ones count as done
    rate : cases per second since this start, over what this start did itself; 0 before the first
    seconds_left : None until there is a rate
    failures : failed rows so far, over all models and passes
    waiting_for : "decode" or "model": what the slower side is just now
    """

    done: int
    total: int
    rate: float
    seconds_left: float | None
    failures: int
    waiting_for: str


Progress = Callable[[Update], None]
