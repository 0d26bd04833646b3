"""Which estimate is meant: the locked one of an endpoint, model and group, or its neighbours under other rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from validate.estimation.estimate import Estimate
from validate.protocol.passes import CLEAN
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import headline

OTHER_RULE = "/missing="  # in the id of an estimate under another missing-data rule than the locked one


def about_headline(protocol: StudyProtocol, estimates: Iterable[Estimate]) -> Selection:
    """Only what is of the headline, where there are several targets."""
    if protocol.task == "classification":
        return Selection(tuple(estimates))
    name = headline(protocol).name
    return Selection(tuple(estimate for estimate in estimates if estimate.target == name))


@dataclass(frozen=True, slots=True)
class Selection:
    """Estimates of the clean pass that are values, not contrasts."""

    estimates: tuple[Estimate, ...]

    def overall(self, endpoint: str, model: str) -> Estimate | None:
        """The locked estimate over all cases."""
        return self._one(endpoint, model, {})

    def of_metric(self, metric: str, model: str) -> Estimate | None:
        """The locked estimate of a metric over all cases: an endpoint of the protocol, or one computed beside them."""
        endpoints = dict.fromkeys(e.endpoint for e in self.estimates if e.metric == metric)
        return next((e for name in endpoints if (e := self.overall(name, model)) is not None), None)

    def level(self, endpoint: str, model: str, attribute: str, level: str) -> Estimate | None:
        """The locked estimate in one group."""
        return self._one(endpoint, model, {attribute: level})

    def levels(self, endpoint: str, model: str, attribute: str) -> tuple[Estimate, ...]:
        """The locked estimates of every level of one attribute, in their order."""
        wanted = (e for e in self._locked(endpoint, model) if set(e.stratum) == {attribute})
        return tuple(wanted)

    def other_rules(self, endpoint: str, model: str) -> tuple[Estimate, ...]:
        """The overall estimates under missing-data rules that are not the locked one."""
        return tuple(
            e
            for e in self._of(endpoint, model)
            if OTHER_RULE in e.id and not e.stratum and "prevalence" not in e.condition
        )

    def restated(self, metric: str, model: str, prevalence: float) -> Estimate | None:
        """The overall estimate of a metric, restated at this prevalence of the protocol."""
        endpoints = dict.fromkeys(e.endpoint for e in self.estimates if e.metric == metric)
        found = (e for name in endpoints for e in self._of(name, model) if e.condition.get("prevalence") == prevalence)
        return next((e for e in found if not e.stratum and OTHER_RULE not in e.id), None)

    def _one(self, endpoint: str, model: str, stratum: Mapping[str, str]) -> Estimate | None:
        return next((e for e in self._locked(endpoint, model) if dict(e.stratum) == dict(stratum)), None)

    def _locked(self, endpoint: str, model: str) -> Iterable[Estimate]:
        found = self._of(endpoint, model)
        return (e for e in found if OTHER_RULE not in e.id and "prevalence" not in e.condition)

    def _of(self, endpoint: str, model: str) -> Iterable[Estimate]:
        return (
            e
            for e in self.estimates
            if e.endpoint == endpoint and e.model == model and e.pass_id == CLEAN.id and e.contrast is None
        )


def ids(estimates: Iterable[Estimate | None]) -> tuple[str, ...]:
    """The ids of those that exist."""
    return tuple(estimate.id for estimate in estimates if estimate is not None)
