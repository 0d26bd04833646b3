"""What the resampling kernel can sum in one pass: the closed list."""

from __future__ import annotations

from validate.stats.tallies.binned import Binned
from validate.stats.tallies.concordance import Concordance
from validate.stats.tallies.curve import Curve
from validate.stats.tallies.precision_steps import PrecisionSteps
from validate.stats.tallies.sum import Sum

Tally = Binned | Concordance | Curve | PrecisionSteps

__all__ = ["Binned", "Concordance", "Curve", "PrecisionSteps", "Sum", "Tally"]
