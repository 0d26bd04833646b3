"""How many cases, patients, events and failures an estimate rests on, counted from the same rows."""

from __future__ import annotations

from validate.evidence import recount_masks
from validate.evidence.recount_table import Entry, Table, cases, counted_cases
from validate.evidence.recount_way import marked_cases, mask_values, of_cases, way_to_count, yes_no_rows

MARKS, MASKS = "detection.", "segmentation."
# What the precision of a measure hangs on, where it is not every case.
EVENTS = {
    **dict.fromkeys(
        ("sensitivity", "average_precision", "sensitivity_at_specificity", "case_sensitivity"), "positives"
    ),
    **dict.fromkeys(("specificity", "specificity_at_sensitivity", "case_specificity"), "negatives"),
    **dict.fromkeys(
        ("lesion_sensitivity", "sensitivity_at_rate", "mean_sensitivity", "afroc", "weighted_afroc"), "lesions"
    ),
    "ppv": "flagged",
    "npv": "unflagged",
}


def other_counts(table: Table, one: Entry) -> dict[str, int] | None:
    """Cases, patients, events and failures of a plain estimate; None where it is not counted here."""
    metric = str(one["metric"])
    if one["contrast"] is not None or way_to_count(table, one) is None:
        return None
    group = of_cases(table, one)
    kept = [row for row, _ in counted_cases(table, group)]
    named = recount_masks.statistic(metric)
    if named is not None:
        whole = mask_values(table, one, named[1])
        kept = [row for row in kept if row["unit"] in whole]
    return {
        "n_cases": len(kept),
        "n_patients": len({row["patient"] for row in kept}),
        "n_events": _events(table, one, len(kept)),
        "n_failed": sum(row["status"] != "ok" for row in cases(table, group)),
    }


def events_of(metric: str) -> str:
    """What the precision of a measure hangs on."""
    return "cases" if metric.startswith(MASKS) else EVENTS.get(metric.rpartition(".")[2], "cases")


def _events(table: Table, one: Entry, kept: int) -> int:
    metric = str(one["metric"])
    kind = events_of(metric)
    if kind == "cases":
        return kept
    if metric.startswith(MARKS):
        marked = marked_cases(table, one)
        if kind == "lesions":
            return sum(lesion.asked for case in marked for lesion in case.lesions)
        return sum(bool(case.lesions) == (kind == "positives") for case in marked)
    rows = yes_no_rows(table, one)
    if kind in {"flagged", "unflagged"}:
        return sum(bool(row.flagged) == (kind == "flagged") for row in rows)
    return sum(row.positive == (kind == "positives") for row in rows)
