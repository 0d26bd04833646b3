"""Every estimate of a study: of each model, pass and target its own, then what becomes of them when disturbed, and pairs of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from validate.estimation.cases import Cases, cases_of, class_strata
from validate.estimation.compared import compared
from validate.estimation.contrasts import contrasts
from validate.estimation.estimate import Estimate
from validate.estimation.marked import Tables
from validate.estimation.pair import pairs_of
from validate.estimation.pass_estimates import PassEstimates
from validate.estimation.plan import Plan, plans_of
from validate.estimation.replicates import Resampling
from validate.estimation.shared_draws import SharedDraws
from validate.protocol.passes import CLEAN, COMPARED
from validate.protocol.robustness import robustness_of
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import class_names
from validate.results.join import stratum_attributes
from validate.stats.resample import resampling_key

MOST_DOUBLED = 8  # times the replicates asked for, where a limit lies too near to its goal


def estimate_all(
    protocol: StudyProtocol, units: pa.Table, *, cohort_digest: str, marked: Tables | None = None, workers: int = 0
) -> tuple[Estimate, ...]:
    """For each model, pass and target: endpoints and supporting metrics, overall and by level, under the locked rule;
    then overall under the other rules; then PPV and NPV at the stated prevalences. Then each pair of models by their
    paired differences. Of passes besides the clean one: the endpoints alone, under the locked rule; of disturbed ones, those that
    the robustness analysis names, and their drops. Passes in which the output itself is compared have none.

    units : results.units.UNITS plus "by.<attribute>"; only rows with a label enter      workers : 0 for one per core
    marked : of a study of marks, its tables
    Raises DataError where a naive interval meets clustered rows, ProtocolError where an operating point is missing.
    """
    plans = plans_of(protocol)
    models = {model.id: model for model in protocol.models}
    resampling = Resampling(
        clusters=len(units["cluster"].unique()),
        replicates=protocol.resampling.replicates,
        key=resampling_key(protocol.seed, cohort_digest),
        workers=workers,
        at_most=protocol.resampling.at_most or MOST_DOUBLED * protocol.resampling.replicates,
        settle=protocol.resampling.settle,
        strata=class_strata(units) if protocol.resampling.stratify_by == "class" else None,
    )
    estimates: list[Estimate] = []
    together: dict[tuple[str, str], dict[str, Cases]] = {}
    studies: dict[tuple[str, str], PassEstimates] = {}
    classes = len(class_names(protocol.reference))
    for cases in cases_of(
        units, stratum_attributes(protocol), classes=classes, marked=marked, resampled=protocol.cohort.resampled
    ):
        if cases.pass_id.startswith(COMPARED):
            continue
        together.setdefault((cases.pass_id, cases.target), {})[cases.model] = cases
        asked = tuple(plan for plan in plans if plan.target == cases.target)
        study = PassEstimates(protocol, models[cases.model], asked, cases, resampling)
        if cases.pass_id == CLEAN.id:
            studies[cases.model, cases.target] = study
        estimates += study.estimates()
    options = robustness_of(protocol)
    if options is not None:
        for (model, target), study in studies.items():
            passes = {name: found[model] for (name, of), found in together.items() if of == target and model in found}
            estimates += study.drops(options, passes)
    estimates += compared(protocol, units)
    for (pass_id, target), by_model in together.items():
        if pass_id != CLEAN.id:
            continue
        estimates += _contrasts(protocol, plans, target, by_model, resampling)
    return tuple(estimates)


def _contrasts(
    protocol: StudyProtocol, plans: Sequence[Plan], target: str, by_model: Mapping[str, Cases], resampling: Resampling
) -> Iterator[Estimate]:
    pairs = tuple(pair for pair in pairs_of(protocol, plans) if pair.plan.target == target)
    shared = SharedDraws(resampling, pairs)
    for pair in pairs:
        if pair.test.id in by_model and pair.reference.id in by_model:
            cases = by_model[pair.test.id], by_model[pair.reference.id]
            yield from contrasts(protocol, pair, *cases, shared=shared)
