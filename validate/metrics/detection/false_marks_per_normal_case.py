"""False marks per case at the operating point, over cases without a lesion."""

from __future__ import annotations

import numpy as np

from validate.metrics.detection.per_case import false_marks

METRIC = false_marks(
    "case without lesions",
    lambda rows: np.asarray(~rows["abnormal"]),
    "How many marks at or above the threshold stand in a case that has nothing to be marked.",
)
