"""One printed number with everything a reader may ask of it. The layout of estimates.json (contracts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["ok", "undefined", "too_few"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Two-sided limits at `level`; None limits never occur: no interval is Estimate.interval = None.

    simultaneous_low, simultaneous_high : limits that hold for all levels of one stratifying attribute at once
    (max-statistic bootstrap); only these may make a worst_of criterion FAIL.
    """

    low: float
    high: float
    level: float
    method: str
    replicates: int | None = None
    undefined_replicates: int | None = None
    monte_carlo_error: float | None = None  # of the limit, same unit as the value
    design_effect: float | None = None
    effective_n: float | None = None
    simultaneous_low: float | None = None
    simultaneous_high: float | None = None


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """One-sided test of a declared comparison; the null is "not better than the margin allows".

    p : of an equivalence the larger of its two      statistic : None where p comes from the replicates
    """

    hypothesis: str
    margin: float
    alpha_one_sided: float
    p: float
    method: str
    statistic: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """value is None exactly when status is "undefined"; interval may be None with "too_few" too. NaN never occurs."""

    id: str  # "auroc/candidate/clean", "sensitivity/candidate/clean/manufacturer=GE", "…/missing=excluded"
    endpoint: str
    metric: str
    model: str
    pass_id: str  # "pass" in JSON
    target: str
    stratum: Mapping[str, str] = field(default_factory=dict)
    contrast: Mapping[str, str] | None = None
    condition: Mapping[str, float] = field(default_factory=dict)
    missing_rule: str = "worst_case"
    value: float | None
    interval: Interval | None
    numerator: int | None = None
    denominator: int | None = None
    n_cases: int
    n_patients: int
    n_events: int
    n_failed: int = 0
    unit: str
    role: str
    prespecified: bool = True
    status: Status = "ok"
    reason: str | None = None
    test: HypothesisTest | None = None  # of a declared comparison
    flags: tuple[str, ...] = ()  # such as "enriched_prevalence"
