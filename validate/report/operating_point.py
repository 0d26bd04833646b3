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
    columns = (
        Column("At the operating point", width=26), Column("Found", width=46), Column("Estimate (limits)", width=28),
    )  # fmt: skip
    rows = tuple(
        row(study.measure(e["metric"].text), _counted(name, e), view.brief(e))
        for name, e in _found(study, model).items()
    )
    return Table(f"at-the-point-{study.key(model)}", columns, rows)


def has_ratios(study: Study, model: str) -> bool:
    """Whether likelihood ratios are among them: not against a comparator, nor in evidence of an earlier version."""
    return not OF_WHAT.keys().isdisjoint(_found(study, model))


def without(study: Study, model: str) -> list[Printed]:
    """Why those that have no limits or no value have none."""
    return view.reasons((study.measure(e["metric"].text), e) for e in _found(study, model).values())


def _found(study: Study, model: str) -> dict[str, Node]:
    """The estimate of each measure at the operating point that the protocol states; the first where endpoints share one."""
    if not study.model(model)["operating_point"]:
        return {}
    mine = [e for e in study.locked_overall if e["model"].text == model and e["target"].value == study.headline]
    found = {name: next((e for e in mine if e["metric"].text == f"classification.{name}"), None) for name in MEASURES}
    return {name: e for name, e in found.items() if e is not None}


def _counted(name: str, found: Node) -> Printed:
    if name in OF_WHAT:
        return printed(OF_WHAT[name])
    return view.fraction(found)
