"""The time until an event, in R13: the curves of flagged and other patients, what is read off them, and the score's C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from validate.report import view
from validate.report.figures.canvas import Figure
from validate.report.figures.kaplan_meier import Group, kaplan_meier
from validate.report.printed import Printed, printed
from validate.report.sealed import Node
from validate.report.study import Study
from validate.report.table import Column, Table, row


def survival_content(study: Study) -> list[Mapping[str, Any]]:
    """One entry per model; none where the protocol does not ask for it."""
    findings = study.sealed.all_findings("survival")
    return [_model(study, finding, several=len(findings) > 1) for finding in findings]


def _model(study: Study, finding: Node, *, several: bool) -> Mapping[str, Any]:
    data, key = finding["data"], study.key(finding["model"].text)
    groups = data["groups"] if data["groups"] else ()
    return {
        "name": study.model_name(finding["model"].text) if several else Printed(),
        "statement": view.words(finding["statement"]),
        "figure": _figure(data, f"survival-{key}") if groups else None,
        "banded": not data["why_no_band"].text,
        "level": view.level(data) if groups else Printed(),
        "table": _table(data, f"survival-{key}") if groups else None,
        "test": _test(data["log_rank"]) if data["log_rank"] else Printed(),
        "why_no_test": view.words(data["why_no_test"]) if data["why_no_test"].text else Printed(),
        "why_no_groups": view.words(data["why_no_groups"]) if data["why_no_groups"].text else Printed(),
        "of": view.words(data["of"]) if groups else Printed(),
    }


def _figure(data: Node, name: str) -> Figure:
    groups = [
        Group(
            label=view.words(group["label"])
            + ": "
            + view.count(group["events"])
            + " of "
            + view.count(group["patients"])
            + " had it",
            times=group["times"].value,
            survival=group["survival"].value,
            low=group["low"].value,
            high=group["high"].value,
            censored=[(time, share) for time, share in group["censored"].value],
            at_risk=[view.count(number) for number in group["at_risk"]],
            short=view.words(group["label"]),
        )
        for group in data["groups"]
    ]
    spoken = "; ".join(str(group.label) for group in groups)
    return kaplan_meier(
        name, groups, last=float(data["last"].value), at=[0.0, *data["at"].value], x_title=data["unit"].text.capitalize(),
        y_title=f"Without {data['of'].text}", description=f"Share of patients without the event over time. {spoken}.",
    )  # fmt: skip


def _table(data: Node, name: str) -> Table:
    """A line for each group: how many, how many with the event, the share without it at each time, and when half had it."""
    unit = data["unit"].text
    columns = (
        Column("Patients"), Column("All", numeric=True), Column("With the event", numeric=True),
        *(Column("Without it after " + printed(f"{time.value:g}", time.address) + f" {unit}") for time in data["at"]),
        Column(f"Half had it after ({unit})"),
    )  # fmt: skip
    rows = (
        row(
            view.words(group["label"]), view.count(group["patients"]), view.count(group["events"]),
            *(_share(one) for one in group["read"]), _median(group),
        )
        for group in data["groups"]
    )  # fmt: skip
    return Table(name, columns, tuple(rows))


def _share(read: Node) -> Printed:
    value = view.number(read["survival"], "proportion")
    between = view.limits(read, "proportion")
    return value + (" (" + between + ")" if between else "")


def _median(group: Node) -> Printed:
    """As in "426 (348 to 550)"; a side that the curve does not reach is said."""
    if group["median"].value is None:
        return printed("not reached", group["median"].address)
    low, high = (_time(group[end]) for end in ("median_low", "median_high"))
    return _time(group["median"]) + " (" + low + " to " + high + ")"


def _time(node: Node) -> Printed:
    return printed("not reached" if node.value is None else f"{node.value:.4g}", node.address)


def _test(test: Node) -> Printed:
    return (
        printed("log-rank test: chi-squared ") + view.plain(test["statistic"], 2) + ", " + view.p_value(test["p"]) + "; "
        + view.count(test["observed"]) + " flagged patients had it, "
        + view.plain(test["expected"], 1) + " would have if both groups were alike"
    )  # fmt: skip
