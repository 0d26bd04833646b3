"""The participant flow once more for each site and each class of the reference, counted in units of the study, with its sums checked.

by: [{"attribute": "site"|"institution"|"reference", "words", "total": counts, "rows": [{"level", …counts}]}], where counts are
{"identified", "excluded", "eligible", "unreadable", "readable", "not_sent", "sent", "no_output", "output", "no_label",
"labelled", "returned", "analysed"}. "identified" and "excluded" are null where the run wrote no list of what it identified.
What is no image, or names nobody, is of no site and no class, and stands in the flow of all together only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.analyses.rows import ModelRows
from validate.cohort.identified import GRADED, NO_LABEL, SITES, class_words
from validate.errors import EvidenceError
from validate.protocol.targets import ALL
from validate.results.levels import level_text

NOT_SAID = "not said"
PATH = (
    ("identified", "excluded", "eligible"),
    ("eligible", "unreadable", "readable"),
    ("readable", "not_sent", "sent"),
    ("sent", "no_output", "output"),
    ("output", "no_label", "labelled"),
)
Boxes = Mapping[str, NDArray[np.bool_]]


def breakdowns(evidence: Evidence, rows: ModelRows, boxes: Boxes) -> list[dict[str, Any]]:
    """By site, where any is known, whether or not it is a stratum; and by class of the reference."""
    found = []
    sites = _sites(evidence, rows)
    if sites is not None:
        attribute, here = sites
        found.append(_breakdown(attribute, "Site", here, _left(evidence, "site"), boxes))
    found.append(_breakdown("reference", "Reference", _classes(evidence, rows), _left(evidence, "reference"), boxes))
    return found


def _sites(evidence: Evidence, rows: ModelRows) -> tuple[str, list[str]] | None:
    """(attribute, site of each row); None where no site is known of anybody."""
    cases, listed = evidence.cases, evidence.identified
    attribute = next((name for name in SITES if name in cases.column_names), None)
    if attribute is not None:
        at = dict(zip(cases["unit"].to_pylist(), cases[attribute].to_pylist(), strict=True))
    elif listed is not None and listed["site"].null_count < listed.num_rows:
        attribute, at = SITES[-1], dict(zip(listed["unit"].to_pylist(), listed["site"].to_pylist(), strict=True))
    else:
        return None
    return attribute, [NOT_SAID if (level := at[unit]) is None else level_text(level) for unit in rows.text("unit")]


def _classes(evidence: Evidence, rows: ModelRows) -> list[str]:
    """The class of the reference of each row."""
    labels = rows.table["label"].to_pylist()
    if (
        evidence.protocol.task in GRADED and evidence.every is not None
    ):  # the headline's rows say only on which side it is
        every = evidence.every.filter(pa.array([target == ALL for target in evidence.every["target"].to_pylist()]))
        known = dict(zip(every["unit"].to_pylist(), every["label"].to_pylist(), strict=False))
        labels = [known.get(unit) for unit in rows.text("unit")]
    return class_words(evidence.protocol, rows.text("label_status"), labels)


def _left(evidence: Evidence, column: str) -> list[str] | None:
    """Of the units that are not in the study; None where the run wrote no list of them."""
    if evidence.identified is None:
        return None
    left = evidence.identified.filter(
        pa.array([not inside for inside in evidence.identified["in_study"].to_pylist()], pa.bool_())
    )
    return [NOT_SAID if value is None else str(value) for value in left[column].to_pylist()]


def _breakdown(
    attribute: str, words: str, levels: Sequence[str], left: Sequence[str] | None, boxes: Boxes
) -> dict[str, Any]:
    of, excluded = np.array(levels, dtype=object), Counter(left or ())
    ordered = sorted({*levels, *excluded}, key=lambda level: (level in {NOT_SAID, NO_LABEL}, level))
    rows: list[dict[str, Any]] = [
        {"level": level, **_counts({name: int((box & (of == level)).sum()) for name, box in boxes.items()},
                                   None if left is None else excluded[level])}
        for level in ordered
    ]  # fmt: skip
    total = _counts({name: int(box.sum()) for name, box in boxes.items()}, None if left is None else len(left))
    for row in (total, *rows):
        _check(attribute, row)
    torn = [name for name, count in total.items() if count is not None and count != sum(row[name] for row in rows)]
    if torn:
        raise EvidenceError(f"participant flow by {attribute}: '{torn[0]}' does not add up to that of all together.")
    return {"attribute": attribute, "words": words, "total": total, "rows": rows}


def _counts(counts: Mapping[str, int], excluded: int | None) -> dict[str, int | None]:
    identified = None if excluded is None else excluded + counts["eligible"]
    return {"identified": identified, "excluded": excluded, **counts}


def _check(attribute: str, row: Mapping[str, Any]) -> None:
    """What remains is what came in less what left; the analysed are those with output and label, and those who come back."""
    for before, left, after in PATH:
        if row[before] is not None and row[before] - row[left] != row[after]:
            raise EvidenceError(
                f"participant flow by {attribute}: {row[before]} {before} less {row[left]} {left} are not {row[after]} {after}. "
                "The results are not of one run."
            )
    if row["labelled"] + row["returned"] != row["analysed"]:
        raise EvidenceError(
            f"participant flow by {attribute}: {row['labelled']} with output and label and {row['returned']} that are counted "
            f"as the protocol says are not {row['analysed']} analysed."
        )
