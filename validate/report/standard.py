"""What a case, an answer and an error are called, by what the answers are held against.

Against a reference standard there are findings, found or missed. A comparator may itself be wrong, so of it only
agreement is said (FDA, Statistical Guidance on Reporting Results from Studies Evaluating Diagnostic Tests, 2007, section 6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Standard:
    """
    name, says : at the head of a table, and in a sentence      positive, negative : of cases, as in "cases with the finding"
    missed, false_alarms : titles of the two kinds of error     missed_of : of one group of patients
    sensitivity, specificity : in a sentence                    others : phrases of a metric's explanation, and what stands for each
    """

    name: str
    says: str
    positive: str
    negative: str
    sensitivity: str
    specificity: str
    missed: str
    false_alarms: str
    missed_of: str
    both_right: str
    both_wrong: str
    others: Mapping[str, str] = field(default_factory=dict)

    def explained(self, explanation: str) -> str:
        """A metric's explanation in these words."""
        if not self.others:
            return explanation
        phrases = "|".join(map(re.escape, sorted(self.others, key=len, reverse=True)))
        return re.sub(rf"\b(?:{phrases})\b", lambda found: self.others[found.group()], explanation)


REFERENCE = Standard(
    name="Reference",
    says="the reference",
    positive="with the finding",
    negative="without it",
    sensitivity="sensitivity",
    specificity="specificity",
    missed="Missed findings",
    false_alarms="False alarms",
    missed_of="Missed of those with the finding",
    both_right="Both right",
    both_wrong="Both wrong",
)
COMPARATOR = Standard(
    name="Comparator",
    says="the comparator",
    positive="positive by the comparator",
    negative="negative by it",
    sensitivity="positive percent agreement",
    specificity="negative percent agreement",
    missed="Positive by the comparator, not flagged",
    false_alarms="Flagged, negative by the comparator",
    missed_of="Not flagged of those positive by the comparator",
    both_right="Both as the comparator",
    both_wrong="Neither",
    others={
        "who have the finding": "whom the comparator calls positive",
        "who do not have the finding": "whom the comparator calls negative",
        "with the finding": "positive by the comparator",
        "without the finding": "negative by the comparator",
        "without it": "negative by it",
        "has the finding": "is positive by the comparator",
        "does not have the finding": "is negative by the comparator",
        "how common the finding is": "how often the comparator is positive",
        "that the model gets right": "in which the model answers as the comparator does",
        "flags and findings": "flags and positives of the comparator",
    },
)
