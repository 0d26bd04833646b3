"""Shares that need no truth: cases whose output moved where it must not, and foreign images that were given no answer.

Patients are the unit: Clopper and Pearson's limits on the effective number of cases (stats.proportion). Limits that hold for all
checks at once are Šidák's; only they may make a criterion FAIL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from validate.estimation.estimate import Estimate, Interval
from validate.estimation.fit import distinct, proportion_fit
from validate.metrics.metric import Fraction
from validate.protocol.compared import INPUT_GUARD, METAMORPHIC, MetamorphicOptions, input_guard_of, metamorphic_of
from validate.protocol.passes import CLEAN, COMPARED
from validate.protocol.schema import StudyProtocol

LEVEL = 0.95
METHOD = "clopper_pearson_effective_n"
NOT_RUN = ("rewrite:", "perturb:", "decode:")  # of a failure: the other file or image could not be made
STOPPED = ("preprocess:",)  # the image was refused before the model


@dataclass(frozen=True, slots=True)
class Compared:
    """One pass of one model beside the clean one, a case a place, over all targets.

    moved : largest change of a score, NaN where one of the two has none      apart : an output in one of them only
    made : whether the other image could be made at all      answered : whether there is an output in this pass
    refused : no output, and the image was made      reasons : of failures
    """

    units: tuple[str, ...]
    cluster: NDArray[np.int64]
    patient: NDArray[np.int64]
    moved: NDArray[np.float64]
    apart: NDArray[np.bool_]
    made: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    reasons: tuple[str | None, ...]
    scores: NDArray[np.float64]

    @property
    def refused(self) -> NDArray[np.bool_]:
        return self.made & ~self.answered


def compared_passes(units: pa.Table, model: str) -> tuple[str, ...]:
    """Passes of a model whose outputs are compared, in their order."""
    found = dict.fromkeys(
        name for one, name in zip(units["model"].to_pylist(), units["pass"].to_pylist(), strict=True) if one == model
    )
    return tuple(name for name in found if name.startswith(COMPARED))


def compare(units: pa.Table, model: str, pass_id: str, mirror: MetamorphicOptions | None = None) -> Compared:
    """Mirror : where a finding of one side is held against that of the other."""
    rows = units.filter(
        pa.array(
            [
                one == model and name in (CLEAN.id, pass_id)
                for one, name in zip(units["model"].to_pylist(), units["pass"].to_pylist(), strict=True)
            ]
        )
    ).to_pylist()
    clean = {(row["unit"], row["target"]): row for row in rows if row["pass"] == CLEAN.id}
    mine: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["pass"] == pass_id:
            mine.setdefault(row["unit"], []).append(row)
    moved, apart, made, answered, reasons, scores = [], [], [], [], [], []
    for unit, parts in mine.items():
        before = [
            clean[unit, mirror.counterpart(row["target"]) if mirror is not None else row["target"]] for row in parts
        ]
        changes = [
            abs(row["score"] - old["score"])
            for row, old in zip(parts, before, strict=True)
            if row["score"] is not None and old["score"] is not None
        ]
        failure = next((str(row["failure"]) for row in parts if row["failure"] is not None), None)
        whole = all(row["status"] == "ok" for row in parts)
        known = all(row["status"] == "ok" for row in before)
        moved.append(max(changes) if changes else np.nan)
        apart.append(whole != known)
        made.append(failure is None or not failure.startswith(NOT_RUN))
        answered.append(whole)
        reasons.append(failure)
        first = parts[0]["score"]
        scores.append(np.nan if first is None or not whole else float(first))
    return Compared(
        tuple(mine), _codes([parts[0]["cluster"] for parts in mine.values()]),
        _codes([parts[0]["patient"] for parts in mine.values()]),
        np.array(moved, np.float64), np.array(apart, np.bool_), np.array(made, np.bool_), np.array(answered, np.bool_),
        tuple(reasons), np.array(scores, np.float64),
    )  # fmt: skip


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    return np.asarray(np.unique(np.array(names, np.str_), return_inverse=True)[1], np.int64)


def compared(protocol: StudyProtocol, units: pa.Table) -> Iterator[Estimate]:
    """Shares of every check and of every kind of foreign image, by model, and of all kinds together."""
    metamorphic, guard = metamorphic_of(protocol), input_guard_of(protocol)
    for model in protocol.models:
        passes = compared_passes(units, model.id)
        checks = [name for name in passes if name.startswith(f"{METAMORPHIC}.")]
        kinds = [name for name in passes if name.startswith(f"{INPUT_GUARD}.")]
        for name in checks if metamorphic is not None else ():
            assert metamorphic is not None
            found = compare(units, model.id, name, metamorphic if check_of(name) == "flip" else None)
            yield _share(
                model.id, name, METAMORPHIC, found, *changed(found, metamorphic, name), level=_sidak(len(checks))
            )
        if guard is not None and kinds:
            each = [compare(units, model.id, name) for name in kinds]
            for name, found in zip(kinds, each, strict=True):
                yield _share(model.id, name, INPUT_GUARD, found, found.refused, found.made, level=_sidak(len(kinds)))


def check_of(pass_id: str) -> str:
    """The check or kind that a pass is of."""
    return pass_id.split(".")[1]


def changed(found: Compared, options: MetamorphicOptions, pass_id: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(moved, compared) by case: a score that moved too far, or an output in one of the two only; both without one are the same."""
    far = np.nan_to_num(found.moved, nan=0.0) > options.tolerance(check_of(pass_id))
    return found.made & (far | found.apart), found.made


def _sidak(count: int) -> float:
    return float(LEVEL ** (1 / max(count, 1)))


def _share(
    model: str, pass_id: str, analysis: str, found: Compared, hit: NDArray[np.bool_], of: NDArray[np.bool_], *, level: float
) -> Estimate:  # fmt: skip
    interval, value, reason = None, None, "no case could be compared."
    if of.any():
        value = float(hit[of].mean())
        fit = proportion_fit(Fraction(hit, of), found.cluster, np.ones_like(of), method=METHOD, level=LEVEL)
        assert fit.limits is not None
        alone, together = fit.limits(LEVEL), fit.limits(level)
        interval = Interval(
            float(alone.low), float(alone.high), LEVEL, METHOD, design_effect=fit.design_effect,
            effective_n=fit.effective_n, simultaneous_low=float(together.low), simultaneous_high=float(together.high),
        )  # fmt: skip
        reason = ""
    return Estimate(
        id=f"{analysis}/{model}/{pass_id}",
        endpoint=analysis,
        metric=f"{analysis}.share",
        model=model,
        pass_id=pass_id,
        target="all",
        contrast={"kind": analysis, "against": CLEAN.id, "check": check_of(pass_id)},
        value=value,
        interval=interval,
        numerator=int((hit & of).sum()),
        denominator=int(of.sum()),
        n_cases=len(found.units),
        n_patients=distinct(found.patient),
        n_events=int((hit & of).sum()),
        n_failed=int((~found.answered).sum()),
        unit="proportion",
        role="secondary",
        status="undefined" if value is None else "ok",
        reason=reason or None,
    )


def of_analysis(estimates: Sequence[Estimate], analysis: str, model: str) -> list[Estimate]:
    """The shares of one analysis and model, in their order."""
    return [e for e in estimates if e.contrast is not None and e.contrast["kind"] == analysis and e.model == model]
