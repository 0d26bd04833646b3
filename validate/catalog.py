"""What the plug-ins of this installation offer, gathered for lint, the JSON Schema and the editor."""

from __future__ import annotations

from functools import cache

from validate.cohort.attributes import HARVESTED
from validate.imaging.mark_components import STEPS as MARK_STEPS
from validate.imaging.mark_components import mark_chain_problems
from validate.imaging.postprocess import STEPS as MASK_STEPS
from validate.imaging.postprocess import chain_problems
from validate.imaging.preprocess import STEPS
from validate.protocol.catalog import AnalysisEntry, Catalog, FormatEntry, MetricEntry
from validate.registry import load, names


@cache
def shipped_catalog() -> Catalog:
    """Every plug-in that the registry finds, as plain data."""
    metrics = {name: load("metrics", name) for name in names("metrics")}
    formats = {name: load("models", name) for name in names("models")}
    analyses = {name: load("analyses", name) for name in names("analyses")}
    return Catalog(
        metrics={
            name: MetricEntry(
                title=metric.title,
                tasks=metric.tasks,
                condition=metric.condition,
                intervals=metric.intervals,
                bounds=metric.bounds,
                prevalence_dependent=metric.prevalence_dependent,
                better=metric.better,
                outputs_only=metric.failures == "outputs_only",
                options=(*metric.condition, *metric.options),
                needs=metric.needs,
                check_options=metric.check_options,
            )
            for name, metric in metrics.items()
        },
        formats={
            name: FormatEntry(
                adapter.OPTIONS,
                adapter.needs_pixels,
                getattr(adapter, "reads_files", False),
                getattr(adapter, "halves", False),
                getattr(adapter, "embeds", False),
            )
            for name, adapter in formats.items()
        },
        analyses={
            name: AnalysisEntry(analysis.OPTIONS, analysis.always, analysis.tasks)
            for name, analysis in analyses.items()
        },
        steps=STEPS,
        mask_steps={**MASK_STEPS, **MARK_STEPS},
        mask_chain=chain_problems,
        mark_chain=mark_chain_problems,
        attributes=frozenset(HARVESTED),
        perturbations={name: load("perturbations", name).suites for name in names("perturbations")},
        strengths={name: load("perturbations", name).OPTIONS for name in names("perturbations")},
    )
