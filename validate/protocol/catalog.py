"""What the plug-ins of this installation offer, as plain data: filled above (validate.catalog), read by lint.

The protocol may not import metrics, models or analyses: data flows the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """What lint must know of one metric (metrics/metric.py says what each means); options : keys an endpoint may set, and
    check_options what is wrong with their values."""

    title: str
    tasks: frozenset[str]
    condition: tuple[str, ...]
    intervals: tuple[str, ...]
    bounds: tuple[float, float]
    prevalence_dependent: bool
    outputs_only: bool
    better: str = "higher"
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    check_options: Callable[[Mapping[str, float]], str | None] | None = None


@dataclass(frozen=True, slots=True)
class FormatEntry:
    """One model format: the keys of a model block that only it knows; whether it is given pixels, or the files of a case; whether it
    can compute in half precision; whether a second output, an embedding, can be had of it."""

    options: type[BaseModel]
    needs_pixels: bool
    reads_files: bool = False
    halves: bool = False
    embeds: bool = False


@dataclass(frozen=True, slots=True)
class AnalysisEntry:
    """One analysis. `always`: computed in every run, so that a protocol need not ask; tasks : of which it says something."""

    options: type[BaseModel]
    always: bool
    tasks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Catalog:
    """metrics, formats, analyses by name; steps : preprocessing step → its options; mask_steps : the same of
    postprocessing, and mask_chain and mark_chain what is wrong with a chain of them; attributes : harvested names;
    perturbations : name → the suites that it belongs to; strengths : name → the options of one severity
    """

    metrics: Mapping[str, MetricEntry] = field(default_factory=dict)
    formats: Mapping[str, FormatEntry] = field(default_factory=dict)
    analyses: Mapping[str, AnalysisEntry] = field(default_factory=dict)
    steps: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    mask_steps: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    mask_chain: Callable[[Sequence[Mapping[str, Mapping[str, Any]]]], Iterable[tuple[int | None, str]]] = lambda _: ()
    mark_chain: Callable[[Sequence[Mapping[str, Mapping[str, Any]]]], Iterable[tuple[int | None, str]]] = lambda _: ()
    attributes: frozenset[str] = frozenset()
    perturbations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    strengths: Mapping[str, type[BaseModel]] = field(default_factory=dict)
