"""Estimates as a notebook holds them: a sequence with a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from validate.errors import MissingLibrary
from validate.estimation.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "metric", "stratum", "value", "low", "high", "level", "method", "n_cases", "n_patients", "n_events", "unit",
    "status", "reason",
)  # fmt: skip
MORE = (
    "endpoint",
    "model",
    "pass",
    "target",
    "missing_rule",
    "condition",
    "numerator",
    "denominator",
    "n_failed",
    "role",
    "id",
)


@dataclass(frozen=True, slots=True)
class Estimates(Sequence[Estimate]):
    """A sequence of Estimate; `to_pandas()` is its table."""

    items: tuple[Estimate, ...]

    @overload
    def __getitem__(self, index: int) -> Estimate: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Estimate, ...]: ...
    def __getitem__(self, index: int | slice) -> Estimate | tuple[Estimate, ...]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.items)

    def to_pandas(self) -> pd.DataFrame:
        """One row per estimate, in order. What is undefined is None, with the reason beside it."""
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingLibrary("pandas", "Estimates.to_pandas()", "pip install pandas") from error
        rows = [_row(estimate) for estimate in self.items]
        return pd.DataFrame(
            {name: pd.Series([row[name] for row in rows], dtype=_dtype(name)) for name in (*COLUMNS, *MORE)}
        )


def _row(estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    return {
        "metric": estimate.metric.partition(".")[2],
        "stratum": dict(estimate.stratum),
        "value": estimate.value,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "level": None if interval is None else interval.level,
        "method": None if interval is None else interval.method,
        "n_cases": estimate.n_cases,
        "n_patients": estimate.n_patients,
        "n_events": estimate.n_events,
        "unit": estimate.unit,
        "status": estimate.status,
        "reason": estimate.reason,
        "endpoint": estimate.endpoint,
        "model": estimate.model,
        "pass": estimate.pass_id,
        "target": estimate.target,
        "missing_rule": estimate.missing_rule,
        "condition": dict(estimate.condition),
        "numerator": estimate.numerator,
        "denominator": estimate.denominator,
        "n_failed": estimate.n_failed,
        "role": estimate.role,
        "id": estimate.id,
    }


def _dtype(name: str) -> str:
    if name in ("value", "low", "high", "level"):
        return "float64"
    if name in ("n_cases", "n_patients", "n_events", "n_failed"):
        return "int64"
    return "Int64" if name in ("numerator", "denominator") else "object"
