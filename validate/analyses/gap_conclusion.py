"""What the limits of a difference between groups say, with a margin or without one."""

from __future__ import annotations

from validate.estimation.estimate import Estimate


def gap_conclusion(difference: Estimate, margin: float | None) -> str:
    """By the limits that hold for all groups at once. "open" is no evidence that there is no gap."""
    interval = difference.interval
    if interval is None or interval.simultaneous_low is None or interval.simultaneous_high is None:
        return "not compared"
    low, high = interval.simultaneous_low, interval.simultaneous_high
    if margin is not None and -margin <= low and high <= margin:
        return "within"
    if margin is not None and (low > margin or high < -margin):
        return "beyond"
    return "shown" if low > 0 or high < 0 else "open"
