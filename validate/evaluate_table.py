"""A notebook's way in: metrics with honest intervals from a table of predictions, without a protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.cases import Sample, Threshold, groups_of
from validate.estimation.estimate import Estimate
from validate.estimation.estimates import Estimates
from validate.estimation.estimator import estimate_sample
from validate.estimation.plan import Plan, plan_for, refuse_naive
from validate.estimation.replicates import Resampling
from validate.metrics.metric import Rows
from validate.protocol.passes import CLEAN
from validate.registry import names
from validate.results.levels import level_texts
from validate.stats.resample import resampling_key

DEFAULT_METRICS = ("auroc", "average_precision", "brier")
INTERVALS = (
    *("bootstrap", "bootstrap_bca", "bootstrap_studentised", "delong", "delong_logit", "obuchowski"),
    *(
        "wilson",
        "wilson_effective_n",
        "clopper_pearson",
        "clopper_pearson_effective_n",
        "jeffreys",
        "jeffreys_effective_n",
        "cluster_robust",
    ),
)


def evaluate(
    frame: Any,
    *,
    truth: str,
    score: str,
    task: str = "classification",
    threshold: float | None = None,
    threshold_rule: str = ">=",
    positive: object = 1,
    cluster: str | None = None,
    by: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    interval: str | None = None,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    workers: int = 0,
) -> Estimates:
    """Each metric, overall and in every level of every column in `by`, overall first.

    frame : any pandas, polars or Arrow table, one row per case
    truth : column that says whether the finding is there: `positive` means yes, one other value no
    score : column of the model's numbers; threshold, threshold_rule (">=" or ">") turn them into flags
    cluster : column of patients, so that intervals respect several rows of one; None where rows are patients
    metrics : names such as "auroc"; interval : one method for all, or each metric's own default
    Everything here is exploratory: nothing was locked before it was looked at.
    Raises DataError, in a sentence, for anything that can't be evaluated honestly.
    """
    _check_arguments(task, threshold_rule, replicates, level)
    table = _arrow(frame)
    plans = [_plan(name, task, interval, level) for name in (metrics or _defaults(threshold))]
    cases = _cases(table, truth, score, positive)
    _check_fit(plans, cases, threshold)
    columns = dict(cases)
    if threshold is not None:
        columns["flagged"] = Threshold(float(threshold), inclusive=threshold_rule == ">=").flags(columns["score"])
    patients = _patients(table, cluster)
    for plan in plans:
        refuse_naive(
            plan.method, rows=patients.size, clusters=int(patients.max()) + 1, where=f"metric '{plan.endpoint}'"
        )
    groups = groups_of({name: level_texts(name, _column(table, name).to_pylist()) for name in by}, patients.size)
    condition = {} if threshold is None else {"threshold": float(threshold)}
    failed = np.zeros(len(groups.levels), np.int64)
    sample = Sample(Rows(columns, condition), patients, patients, groups, failed)
    resampling = Resampling(
        int(patients.max()) + 1, replicates, resampling_key(seed, _digest(columns, patients)), workers
    )
    numbers = estimate_sample(plans, sample, model="model", resampling=resampling)
    estimates = []
    for plan, of_plan in zip(plans, numbers, strict=True):
        shown = condition if "threshold" in plan.metric.condition else {}
        for place, one in enumerate(of_plan):
            stratum = groups.stratum(place)
            estimates.append(
                Estimate(
                    id="/".join([plan.endpoint, *(f"{name}={value}" for name, value in stratum.items())]),
                    endpoint=plan.endpoint,
                    metric=plan.name,
                    model="model",
                    pass_id=CLEAN.id,
                    target=truth,
                    stratum=stratum,
                    condition=shown,
                    missing_rule="none",
                    value=one.value,
                    interval=one.interval,
                    numerator=one.numerator,
                    denominator=one.denominator,
                    n_cases=one.n_cases,
                    n_patients=one.n_patients,
                    n_events=one.n_events,
                    unit=plan.metric.unit,
                    role="exploratory",
                    prespecified=False,
                    status=one.status,
                    reason=one.reason,
                    flags=one.flags,
                )
            )
    return Estimates(tuple(estimates))


def _check_arguments(task: str, threshold_rule: str, replicates: object, level: float) -> None:
    tasks = sorted({name.split(".")[0] for name in names("metrics")})
    if task not in tasks:
        raise DataError(f"task: got '{task}', expected {' or '.join(tasks)}.")
    if threshold_rule not in {">=", ">"}:
        raise DataError(f"threshold_rule: got '{threshold_rule}', expected '>=' or '>'.")
    if not isinstance(replicates, int) or not 200 <= replicates <= 1_000_000:
        raise DataError(f"replicates: got {replicates}, expected a whole number from 200 to 1,000,000.")
    if not 0 < level < 1:
        raise DataError(f"level: got {level}, expected a number between 0 and 1, such as 0.95.")


def _defaults(threshold: float | None) -> tuple[str, ...]:
    return DEFAULT_METRICS if threshold is None else (*DEFAULT_METRICS, "sensitivity", "specificity")


def _plan(name: str, task: str, interval: str | None, level: float) -> Plan:
    full = name if "." in name else f"{task}.{name}"
    if full not in names("metrics"):
        known = [other.removeprefix(f"{task}.") for other in names("metrics")]
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
        prespecified=False,
    )


def _arrow(frame: Any) -> pa.Table:
    """Any table that speaks Arrow, or a dict of columns, without importing the library it came from."""
    if isinstance(frame, pa.Table):
        table = frame
    elif hasattr(frame, "__arrow_c_stream__"):
        table = pa.table(frame)
    elif isinstance(frame, dict):
        table = _from_lists(frame)
    else:
        raise DataError(f"frame: got {type(frame).__name__}, expected a pandas, polars or Arrow table.")
    if table.num_rows == 0:
        raise DataError("frame: the table has no rows.")
    return table


def _from_lists(frame: dict[str, Any]) -> pa.Table:
    columns = {}
    for name, values in frame.items():
        try:
            columns[name] = pa.array(values, from_pandas=True)
        except (pa.ArrowException, TypeError) as error:
            raise DataError(f"column '{name}': values of different kinds ({error}).") from error
    return pa.table(columns)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        near = get_close_matches(name, table.column_names, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DataError(f"frame: no column '{name}'; its columns are {', '.join(map(repr, table.column_names))}.{hint}")
    if table.column_names.count(name) > 1:
        raise DataError(f"frame: {table.column_names.count(name)} columns are called '{name}'; leave one.")
    return table[name]


def _cases(table: pa.Table, truth: str, score: str, positive: object) -> dict[str, NDArray[Any]]:
    return {
        "score": _scores(_column(table, score), score),
        "positive": _positives(_column(table, truth), truth, positive),
    }


def _scores(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        raise DataError(f"column '{name}': got {column.type}, expected numbers.")
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    missing, infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if missing:
        raise DataError(
            f"column '{name}': {missing} of {values.size} rows have no number (empty or NaN). Cases without an output "
            "must not vanish: a protocol counts them by a rule (validate run); here, decide and pass complete rows."
        )
    if infinite:
        raise DataError(f"column '{name}': {infinite} of {values.size} rows are infinite; expected finite numbers.")
    return values


def _positives(column: pa.ChunkedArray, name: str, positive: object) -> NDArray[np.bool_]:
    values = column.to_pylist()
    missing = sum(value is None or value != value for value in values)  # noqa: PLR0124 (NaN is not itself)
    if missing:
        raise DataError(
            f"column '{name}': {missing} of {len(values)} rows have no label. Leave them out, and say how many."
        )
    levels = sorted(set(values), key=str)
    others = [level for level in levels if level != positive]
    if len(others) > 1 or (len(levels) > 1 and positive not in levels):
        shown = ", ".join(repr(level) for level in levels[:6])
        raise DataError(
            f"column '{name}': holds {shown}; expected {positive!r} and one other value. Say which is positive: positive=…"
        )
    return np.array([value == positive for value in values], dtype=np.bool_)


def _check_fit(plans: Sequence[Plan], cases: dict[str, NDArray[Any]], threshold: float | None) -> None:
    for plan in plans:
        if "threshold" in plan.metric.condition and threshold is None:
            raise DataError(f"metrics: {plan.endpoint} needs a threshold; pass threshold=…")
        outside = cases["score"][(cases["score"] < 0) | (cases["score"] > 1)]
        if plan.outputs_only and outside.size:
            raise DataError(
                f"metrics: {plan.endpoint} needs probabilities, and {outside.size} of {cases['score'].size} scores lie outside "
                f"[0, 1], the first being {outside[0]:g}."
            )


def _patients(table: pa.Table, cluster: str | None) -> NDArray[np.int64]:
    """Patients numbered in the order they first appear; every row its own where no column is named."""
    if cluster is None:
        return np.arange(table.num_rows, dtype=np.int64)
    column = _column(table, cluster)
    if column.null_count:
        raise DataError(f"column '{cluster}': {column.null_count} of {table.num_rows} rows do not say whose they are.")
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _digest(columns: dict[str, NDArray[Any]], patients: NDArray[np.int64]) -> str:
    content = hashlib.sha256(patients.tobytes())
    for name in ("score", "positive"):
        content.update(np.ascontiguousarray(columns[name]).tobytes())
    return content.hexdigest()
