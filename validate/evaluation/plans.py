"""Which metric `evaluate` is asked for, with which interval and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import get_args

from validate.errors import DataError
from validate.estimation.plan import Plan, plan_for
from validate.protocol.question import Interval
from validate.protocol.targets import FITTING
from validate.registry import names

METHODS = get_args(Interval.model_fields["method"].annotation)
INTERVALS = (*METHODS, "bootstrap_bca", "bootstrap_studentised")


def _full_name(name: str, task: str) -> str:
    """A metric without its prefix is the task's own, else the one of a class against the rest."""
    known = names("metrics")
    if name in known:
        return name
    return next((full for room in (task, "multiclass", "classification") if (full := f"{room}.{name}") in known), name)


def plan_named(
    name: str, task: str, *, interval: str | None, level: float, options: Mapping[str, Mapping[str, float]] | None
) -> Plan:
    """The plan of one metric, with its own options. Raises DataError, in a sentence, for what does not fit."""
    full, rooms = _full_name(name, task), FITTING[task]
    if full not in names("metrics") or full.partition(".")[0] not in rooms:
        known = [other.partition(".")[2] for other in names("metrics") if other.partition(".")[0] in rooms]
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DataError(f"metrics: no metric '{name}'; there are {', '.join(known)}.{hint}")
    if interval is not None and interval not in INTERVALS:
        raise DataError(f"interval: no method '{interval}'; there are {', '.join(INTERVALS)}.")
    method, kind = interval, None
    if interval is not None and interval.startswith("bootstrap"):
        method, _, rest = interval.partition("_")
        kind = rest or None
    plan = plan_for(full, endpoint=name, role="exploratory", level=level, prespecified=False)
    if method is not None and method not in plan.metric.intervals:
        raise DataError(
            f"interval: '{interval}' does not fit {name}; valid for it are {', '.join(plan.metric.intervals)}. Leave "
            "interval out to take each metric's own."
        )
    return plan_for(
        full,
        endpoint=name,
        role="exploratory",
        method=method or None,
        kind=kind or None,
        level=level,
        options=_options(plan, (options or {}).get(name, {})),
        prespecified=False,
    )


def refuse_unasked(options: Mapping[str, Mapping[str, float]] | None, asked: Iterable[str]) -> None:
    """Raise DataError for options of a metric that is not among those asked for."""
    for name in options or {}:
        if name not in set(asked):
            raise DataError(f"options: '{name}' is none of the metrics asked for: {', '.join(asked)}.")


def _options(plan: Plan, given: Mapping[str, float]) -> dict[str, float]:
    for name in given:
        if name not in plan.metric.options:
            known = ", ".join(plan.metric.options) or "none"
            raise DataError(f"options: {plan.endpoint} has no option '{name}'; it has {known}.")
    if plan.metric.check_options is not None and (wrong := plan.metric.check_options(given)):
        raise DataError(f"metrics: {plan.endpoint} needs options={{'{plan.endpoint}': {{…}}}}: {wrong}.")
    return {name: float(value) for name, value in given.items()}
