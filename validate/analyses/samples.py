"""One model's labelled rows of the clean pass, with failures counted as the lock says: the rows behind the estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validate.analyses.analysis import Evidence
from validate.estimation.cases import Cases, cases_of, class_strata
from validate.estimation.fit import distinct
from validate.estimation.sample import RULES, Rule, Sample, sample_under
from validate.estimation.threshold import threshold_of
from validate.protocol.model import Model
from validate.protocol.passes import CLEAN
from validate.protocol.question import Endpoint
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import class_names, target_named
from validate.results.join import stratum_attributes
from validate.stats.resample import ClusterWeights, resampling_key

MOST_REPLICATES = 2000  # of curves and differences; more serve the limits of an endpoint, and cost memory here


@dataclass(frozen=True, slots=True)
class ModelSamples:
    """locked, outputs_only : the same cases under two rules; see `sample`."""

    cases: Cases
    model: Model
    protocol: StudyProtocol
    weights: ClusterWeights

    def sample(
        self,
        *,
        unreadable: Rule,
        failure: Rule,
        condition: Mapping[str, float] | None = None,
        needs: Sequence[str] = (),
    ) -> Sample:
        """The rows under any rules. needs : where each case is measured, the measures that a row must have."""
        threshold = threshold_of(self.model, self.cases.target)
        return sample_under(
            self.cases,
            unreadable=unreadable,
            failure=failure,
            threshold=threshold,
            condition=condition or {},
            needs=needs,
        )

    def shown(self, sample: Sample, members: NDArray[np.bool_]) -> bool:
        """Whether a group has as many patients as the protocol asks for before anything is told of it."""
        return distinct(sample.patient[members]) >= (self.protocol.cohort.suppress_below or 0)

    def locked(self, condition: Mapping[str, float] | None = None, *, needs: Sequence[str] = ()) -> Sample:
        """Failures as the protocol says."""
        return self.sample(
            unreadable=RULES[self.protocol.cohort.on_unreadable],
            failure=RULES[self.protocol.inference.on_failure],
            condition=condition,
            needs=needs,
        )

    def outputs_only(self, condition: Mapping[str, float] | None = None, *, needs: Sequence[str] = ()) -> Sample:
        """Failures left out."""
        return self.sample(unreadable="excluded", failure="excluded", condition=condition, needs=needs)


def model_samples(evidence: Evidence, model: Model, target: str | None = None) -> ModelSamples:
    """The model's clean pass, and the run's resampling stream: the very replicates behind the estimates.

    target : one of several; the headline, or the only one there is, where none is named
    """
    attributes = stratum_attributes(evidence.protocol)
    units = evidence.units if target is None or evidence.every is None else evidence.every
    found = cases_of(
        units, attributes, classes=len(class_names(evidence.protocol.reference)), marked=evidence.marked,
        resampled=evidence.protocol.cohort.resampled,
    )  # fmt: skip
    cases = next(
        part for part in found if part.model == model.id and part.pass_id == CLEAN.id and target in (None, part.target)
    )
    clusters = len(evidence.units["cluster"].unique())
    replicates = min(evidence.protocol.resampling.replicates, MOST_REPLICATES)
    key = resampling_key(evidence.protocol.seed, evidence.cohort_digest)
    strata = class_strata(evidence.units) if evidence.protocol.resampling.stratify_by == "class" else None
    return ModelSamples(cases, model, evidence.protocol, ClusterWeights(clusters, replicates, key, strata))


def samples_of(evidence: Evidence, model: Model, endpoint: Endpoint) -> ModelSamples:
    """The rows that an endpoint's numbers are of, whatever its target."""
    single = evidence.protocol.task == "classification"
    return model_samples(evidence, model, None if single else target_named(evidence.protocol, endpoint.target).name)
