"""Trying again, ever later, what may go well the next time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Result = TypeVar("Result")


class Backoff(BaseModel):
    """
    attempts : in all      first : seconds before the second one; then `factor` times as long, at most `longest`
    seconds : that one attempt may take
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    attempts: Annotated[int, Field(ge=1, le=20)] = 4
    first: Annotated[float, Field(ge=0)] = 0.5
    factor: Annotated[float, Field(ge=1)] = 2.0
    longest: Annotated[float, Field(gt=0)] = 30.0
    seconds: Annotated[float, Field(gt=0)] = 30.0

    def pauses(self) -> list[float]:
        """Seconds between one attempt and the next."""
        return [min(self.first * self.factor**number, self.longest) for number in range(self.attempts - 1)]


def retried(
    attempt: Callable[[], Result],
    backoff: Backoff,
    *,
    on: tuple[type[Exception], ...],
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """What the first attempt that goes well returns; raises what the last one raised. Other exceptions are not tried again."""
    for pause in backoff.pauses():
        try:
            return attempt()
        except on:
            sleep(pause)
    return attempt()
