"""Up to which severity a model holds, and from which on it breaks: by limits, never by the value alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from validate.estimation.drops import DROP
from validate.estimation.estimate import Estimate

State = Literal["holds", "breaks", "open"]


@dataclass(frozen=True, slots=True)
class Holding:
    """
    up_to : the highest severity at which, and at all milder ones, the limits of the drop lie within the tolerance; 0 where not
        even the mildest holds      breaks_at : the mildest whose limits lie wholly beyond it, or None
    """

    up_to: int
    breaks_at: int | None


def state(drop: Estimate, tolerance: float, *, either: bool = False) -> State:
    """Where the limits of one drop lie. A drop without limits is open: a small sample never looks robust.

    either : a change to either side counts, of a measure that has no better one
    """
    interval = drop.interval
    if drop.status != "ok" or interval is None or not interval.low < interval.high:
        return "open"
    if interval.high <= tolerance and (not either or interval.low >= -tolerance):
        return "holds"
    return "breaks" if interval.low > tolerance or (either and interval.high < -tolerance) else "open"


def holding(drops: Sequence[Estimate], tolerance: float, *, either: bool = False) -> Holding:
    """Drops : of one endpoint and cause, in the order of severity."""
    up_to, breaks_at, whole = 0, None, True
    for drop in drops:
        severity = int(drop.condition["severity"])
        found = state(drop, tolerance, either=either)
        whole = whole and found == "holds"
        up_to = severity if whole else up_to
        breaks_at = severity if breaks_at is None and found == "breaks" else breaks_at
    return Holding(up_to, breaks_at)


def drops_of(estimates: Sequence[Estimate], endpoint: str, model: str, cause: str) -> list[Estimate]:
    """Over all cases, in the order of severity."""
    found = [
        e for e in estimates
        if e.endpoint == endpoint and e.model == model and not e.stratum and e.contrast is not None
        and e.contrast["kind"] == DROP and e.contrast.get("cause") == cause
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.condition["severity"])
