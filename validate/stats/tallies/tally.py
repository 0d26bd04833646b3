"""What the resampling kernel can sum in one pass: the closed list."""

from __future__ import annotations

from validate.stats.tallies.binned import Binned
from validate.stats.tallies.concordance import Concordance
from validate.stats.tallies.curve import Curve
from validate.stats.tallies.marked import Marked
from validate.stats.tallies.precision_steps import PrecisionSteps
from validate.stats.tallies.sum import Sum
from validate.stats.tallies.weighted_concordance import WeightedConcordance

Tally = Binned | Concordance | Curve | Marked | PrecisionSteps | WeightedConcordance

__all__ = ["Binned", "Concordance", "Curve", "Marked", "PrecisionSteps", "Sum", "Tally", "WeightedConcordance"]
