"""The study as every section sees it: the sealed documents, and the words that go with this protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from validate.analyses.wording import AGREEMENT, attribute_words, plural, sentence_case, titled
from validate.errors import ProtocolError
from validate.protocol.load import from_resolved
from validate.protocol.targets import MEASURED, Target, headline, targets_of, written
from validate.registry import load
from validate.report.digests import short_digest
from validate.report.printed import Printed, printed
from validate.report.sealed import Node, Sealed
from validate.report.standard import COMPARATOR, REFERENCE, Standard
from validate.report.view import words

if TYPE_CHECKING:
    from validate.metrics.metric import Metric
    from validate.protocol.schema import StudyProtocol
    from validate.report.house import House

SYNTHETIC = "Synthetic phantom data: not evidence about patients"
UNWITNESSED = "Inference not witnessed"
WITHOUT_PIXELS = "predictions"  # the model format whose outputs were made elsewhere
OTHER_RULE = "/missing="  # in the id of an estimate under another missing-data rule than the locked one

LONGEST_HEAD = 34  # letters of a model's name at the head of a column


@dataclass(frozen=True)
class Study:
    """profile : acceptance, submission or comparison    house : how the report is to look."""

    sealed: Sealed
    profile: str
    house: House | None = None

    @cached_property
    def protocol(self) -> Node:
        return self.sealed.protocol

    @cached_property
    def models(self) -> tuple[Node, ...]:
        return tuple(self.protocol["models"])

    @cached_property
    def locked_overall(self) -> tuple[Node, ...]:
        """The locked estimate of each endpoint and model over all cases, in the protocol's order; supporting ones last."""
        order = {endpoint["id"].text: place for place, endpoint in enumerate(self.protocol["endpoints"])}
        found = (
            e
            for e in self.sealed.estimates
            if not e["stratum"] and e["contrast"].value is None and e["pass"].text == "clean"
            and OTHER_RULE not in e["id"].text and e["condition"]["prevalence"].value is None
        )  # fmt: skip
        return tuple(sorted(found, key=lambda e: order.get(e["endpoint"].text, len(order))))

    @cached_property
    def unit(self) -> str:
        """What one row is, in the singular: image, study, patient."""
        return self.protocol["cohort"]["unit"].text or "case"

    @cached_property
    def units(self) -> str:
        return plural(2, self.unit)

    @cached_property
    def exploratory(self) -> bool:
        return self.sealed.verdict["exploratory"].value is not False

    @cached_property
    def synthetic(self) -> bool:
        return self.protocol["data_are_synthetic"].value is True

    @cached_property
    def comparator(self) -> bool:
        """The reference is no reference standard: words switch to percent agreement."""
        return self.protocol["reference"]["kind"].text == "comparator"

    @cached_property
    def standard(self) -> Standard:
        """What cases and errors are called against what the answers are held against."""
        return COMPARATOR if self.comparator else REFERENCE

    @cached_property
    def enriched(self) -> bool:
        """Predictive values of the sample are not those of practice."""
        return self.protocol["cohort"]["sampling"].text not in {"consecutive", "random"}

    @cached_property
    def restated(self) -> bool:
        """Section R15 has predictive values at the prevalences of practice."""
        return not self.comparator and bool(self.sealed.all_findings("prevalence"))

    @cached_property
    def unwitnessed(self) -> tuple[Node, ...]:
        """Models whose outputs were handed in."""
        return tuple(m for m in self.models if m["format"].text == WITHOUT_PIXELS)

    @cached_property
    def stamps(self) -> tuple[str, ...]:
        """What stands on every page."""
        stamps = ((SYNTHETIC, self.synthetic), (UNWITNESSED, bool(self.unwitnessed)))
        return tuple(words for words, holds in stamps if holds)

    @cached_property
    def question(self) -> Printed:
        """The title: the protocol's question, else its title."""
        asked = self.protocol["report"]["question"]
        return words(asked if asked else self.protocol["title"])

    @cached_property
    def report_id(self) -> Printed:
        """As in "CXR-OPACITY-ACCEPTANCE 1.0.0 · 5f3a 91c2": protocol, its version, and the evidence."""
        name = self.protocol["id"]
        evidence = printed(self.digest, "evidence/manifest.json#")
        return printed(name.text.upper(), name.address) + " " + words(self.protocol["version"]) + " · " + evidence

    @cached_property
    def digest(self) -> str:
        return short_digest(self.sealed.manifest_digest)

    def model_name(self, model: Node | str) -> Printed:
        """As in "OpacityNet 1.0.0"."""
        node = self.model(model) if isinstance(model, str) else model
        return words(node["name"]) + " " + words(node["version"])

    def short_name(self, model: str) -> str:
        """As `model_name`, cut for the head of a column where it is long; whole where two models would be called the same."""
        name = str(self.model_name(model))
        cut = {str(self.model_name(other))[:LONGEST_HEAD] for other in self.models}
        if len(name) <= LONGEST_HEAD or len(cut) < len(self.models):
            return name
        return name[: LONGEST_HEAD - 1].rstrip() + "…"

    def model(self, name: str) -> Node:
        return next((m for m in self.models if m["id"].text == name), self.protocol["models"][len(self.models)])

    def key(self, model: str) -> str:
        """A model's id made fit for file names and anchors, and still its own."""
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", model).strip("-.")
        if slug == model:
            return slug
        number = next((n for n, m in enumerate(self.models, start=1) if m["id"].text == model), 0)
        return f"{slug[:40]}-{number}"

    def endpoint(self, name: str) -> Node:
        listed = self.protocol["endpoints"]
        return next((e for e in listed if e["id"].text == name), listed[len(listed)])

    def metric(self, name: str) -> Metric | None:
        """The metric's words (title, explanation); None for one that is not installed where the report is made."""
        try:
            metric: Metric = load("metrics", name)
        except (ProtocolError, ImportError):
            return None
        return metric

    def measure(self, metric: str) -> str:
        """The title of a metric; against a comparator, as percent agreement."""
        found = self.metric(metric)
        title = found.title if found is not None else attribute_words(metric.rsplit(".", 1)[-1])
        return sentence_case(AGREEMENT.get(title, title) if self.comparator else title)

    def events(self, name: str) -> str:
        """What the precision of an endpoint hangs on, by its id: "lesions", or cases as this study calls them."""
        metric = self.metric(self.endpoint(name)["metric"].text)
        return "lesions" if metric is not None and metric.events == "lesions" else self.units

    def endpoint_title(self, name: str) -> str:
        """The measure of an endpoint, by the endpoint's id, and what it is of."""
        return str(self.endpoint_words(name))

    def endpoint_words(self, name: str) -> Printed:
        """The same as it is printed: what the protocol chose in it with its address."""
        endpoint = self.endpoint(name)
        if not endpoint["metric"]:
            return self._supporting(name)
        measure, options = self.measure(endpoint["metric"].text), endpoint["options"]
        title = titled(measure, options.value or {})
        said = printed(title, options.address) if title != measure else printed(title)
        return said + self.named_target(endpoint["target"])

    def _supporting(self, name: str) -> Printed:
        """The measure of what is estimated though it is no endpoint of the protocol."""
        found = next((e for e in self.sealed.estimates if e["endpoint"].text == name and e["metric"]), None)
        return (
            printed(name)
            if found is None
            else printed(self.measure(found["metric"].text)) + self.named_target(found["target"])
        )

    @cached_property
    def sides(self) -> tuple[str, str]:
        """What cases of the two kinds are called at the head of a column."""
        masks = self.protocol["task"].text in MEASURED
        return ("With the structure", "Without it") if masks else ("Positive", "Negative")

    @cached_property
    def _resolved(self) -> StudyProtocol:
        return from_resolved(self.protocol.value)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Classes, findings or steps that the study asks about; one where it is a single question."""
        return targets_of(self._resolved)

    @cached_property
    def headline(self) -> str:
        """Name of the target that curves and the first page speak of."""
        return headline(self._resolved).name

    def of(self, target: object) -> str:
        """Such as ", grade 2 or above"; empty where there is one question, or for all classes together."""
        found = next((one for one in self.targets if target is not None and one.name == written(target)), None)
        return "" if found is None or found.kind in {"only", "all"} else f", {found.words}"

    def named_target(self, target: Node) -> Printed:
        """The same with its address."""
        said = self.of(target.value)
        return printed(said, target.address) if said else Printed()

    @cached_property
    def about(self) -> Printed:
        """What curves, calibration and the first page speak of, where the study asks of more than one thing."""
        if len(self.targets) == 1:
            return Printed()
        asked = self.protocol["reference"]["headline"]
        return printed(self.of(asked.value).removeprefix(", "), asked.address)
