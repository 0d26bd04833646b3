"""A pass is one more time through the model: asked for before the lock, plain data, never after looking."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of some models over some cases.

    id : "clean", or such as "quantum_noise-3"; part of file names, so [a-z0-9_.-]+
    models : ids of the models concerned; empty means all
    selector : which cases, as {attribute: level}; empty means all
    file_transform : {"name": of a module of imaging/rewrite, "options": {…}, "seed": n}, or None
    volume_transform : {"name": of a module of imaging/perturb, "options": {…}, "seed": n}, or None; what is random in it is
        drawn anew for each case from (seed, stream, digest of its files), where "stream" is the pass's id unless the transform
        names another: passes that share a stream share their noise
    engine_overrides : such as {"batch_size": 1}
    sample : how many of the selected cases, the same ones for every pass that asks for so many; 0 for all
    """

    id: str
    models: tuple[str, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    file_transform: Mapping[str, Any] | None = None
    volume_transform: Mapping[str, Any] | None = None
    engine_overrides: Mapping[str, Any] = field(default_factory=dict)
    sample: int = 0

    @property
    def elsewhere(self) -> str | None:
        """The name of another opening of its models, on another device or in full precision; None where the run's own will do."""
        device, precision = self.engine_overrides.get("device"), self.engine_overrides.get("precision")
        parts = [str(device)] if device is not None else []
        parts += [FULL] if precision == FULL else []
        return " ".join(parts) or None

    def concerns(self, model: str) -> bool:
        """Whether this model goes through the pass."""
        return not self.models or model in self.models

    def chosen(
        self, units: Sequence[str], contents: Sequence[str], column: Callable[[str], Sequence[Any]]
    ) -> frozenset[str]:
        """The units of the cohort that are in the pass.

        contents : digest of the files of each unit      column : values of an attribute, one per unit
        A sample takes the units whose hashed content comes first: neither their order, nor what is known of them, nor the key of
        the site matters.
        """
        kept = list(units)
        for name, level in self.selector.items():
            value = dict(zip(units, column(name), strict=True))
            kept = [unit for unit in kept if value[unit] == level]
        if self.sample and len(kept) > self.sample:
            content = dict(zip(units, contents, strict=True))
            kept = sorted(kept, key=lambda unit: (hashlib.sha256(content[unit].encode()).digest(), unit))[: self.sample]
        return frozenset(kept)


FULL = "float32"
CLEAN = Pass("clean")
COMPARED = (
    "metamorphic.",
    "input_guard.",
)  # how ids of passes begin whose outputs are compared, and of which nothing is estimated
