"""The share of cases whose measure reaches a goal, of measures that are better when higher."""

from __future__ import annotations

from validate.metrics.segmentation.column import each_measure
from validate.metrics.segmentation.goal_share import share

METRICS = each_measure(lambda measure: share(measure, "at least"), lambda measure: measure.better == "higher")
