"""Case sensitivity: cases with a lesion that hold a mark at or above the threshold, wherever it stands."""

from __future__ import annotations

from validate.metrics.detection.flagged_cases import share_of_cases

METRIC = share_of_cases(
    "Case sensitivity",
    "abnormal",
    "Of the cases with a lesion, the share in which something is marked at or above the threshold, wherever it stands.",
)
