"""What the resampling kernel can sum in one pass: the closed list of tallies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tally:
    """Base of Sum, Binned, Concordance, PrecisionSteps: each in a file of its own beside this one."""

    arrays: tuple[NDArray[Any], ...]
