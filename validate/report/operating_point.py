"""What the model is worth at its operating point: sensitivity, specificity and both likelihood ratios, endpoints or not."""

from __future__ import annotations

from validate.report import view
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row

MEASURES = ("sensitivity", "specificity", "positive_likelihood_ratio", "negative_likelihood_ratio")
# What a likelihood ratio is a ratio of: the estimate has no fraction.
OF_WHAT = {
    "positive_likelihood_ratio": "sensitivity / (1 − specificity)",
    "negative_likelihood_ratio": "(1 − sensitivity) / specificity",
}


def at_the_point(study: Study, model: str) -> Table:
    """Of one model and the headline, in a fixed order; without rows where the protocol states no operating point."""
    headline = study.headline
    found = {
        e["metric"].text.rpartition(".")[2]: e
        for e in study.locked_overall
        if e["model"].text == model and e["target"].value == headline and e["metric"].text.startswith("classification.")
    }
    columns = (
        Column("At the operating point", width=26), Column("Found", width=46), Column("Estimate (limits)", width=28),
    )  # fmt: skip
    stated = bool(study.model(model)["operating_point"])
    rows = tuple(
        row(study.measure(f"classification.{name}"), _counted(name, found[name]), view.brief(found[name]))
        for name in MEASURES
        if stated and name in found
    )
    return Table(f"at-the-point-{study.key(model)}", columns, rows)


def has_ratios(study: Study, model: str) -> bool:
    """Whether likelihood ratios are among them: not against a comparator, nor in evidence of an earlier version."""
    return any(
        e["model"].text == model and e["metric"].text.rpartition(".")[2] in OF_WHAT for e in study.locked_overall
    )


def _counted(name: str, found: Node) -> Printed:
    if name in OF_WHAT:
        return printed(OF_WHAT[name])
    return view.fraction(found)


def without(study: Study, model: str) -> list[Printed]:
    """Why those that have no limits or no value have none."""
    return view.reasons(
        (study.measure(e["metric"].text), e)
        for e in study.locked_overall
        if e["model"].text == model and e["metric"].text.rpartition(".")[2] in OF_WHAT
    )
