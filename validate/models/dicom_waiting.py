"""A case on its way to a node: how much of it has been sent, and what has come back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from validate.cohort.case import Case
from validate.models.dicom_peer import Arrival
from validate.models.prediction import Failure


@dataclass(slots=True)
class Waiting:
    """
    left : images not yet sent      sent : when the last was, by the monotonic clock
    answers : by SOP instance UID, so that one sent twice is one
    """

    case: Case
    left: int
    failure: Failure | None = None
    sent: float | None = None
    answers: dict[str, Arrival] = field(default_factory=dict)

    @property
    def first(self) -> float | None:
        return min((one.time for one in self.answers.values()), default=None)

    def note(self, status: int | None) -> None:
        """That one of its images has been sent, and with what status."""
        self.left -= 1
        if status != 0:
            said = "no status came back" if status is None else f"status {status:04X}"
            self.failure = self.failure or Failure(
                "send_refused", f"The node did not take an image of this case: {said}."
            )
        if self.left == 0:
            self.sent = time.monotonic()
