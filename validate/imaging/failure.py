"""Why the pixels or the header of one file can't be read."""

from __future__ import annotations


class DecodeFailure(Exception):
    """The pixels of one case can't be read. `reason` is a code ("decode:truncated"), `detail` a sentence without identifiers."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}")
