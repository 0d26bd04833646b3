"""The clock that runs, trails, locks and keys go by unless a test gives its own."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, in UTC, as this machine's clock has it."""
    return datetime.now(UTC)
