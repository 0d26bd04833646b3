"""A pass is one more time through the model: asked for before the lock, plain data, never after looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of some models over some cases.

    id : "clean", or such as "quantum_noise-3"; part of file names, so [a-z0-9_.-]+
    models : ids of the models concerned; empty means all
    selector : which cases, as {attribute: level}; empty means all
    file_transform, volume_transform : name and options of a transform, or None
    engine_overrides : such as {"batch_size": 1}
    """

    id: str
    models: tuple[str, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    file_transform: Mapping[str, Any] | None = None
    volume_transform: Mapping[str, Any] | None = None
    engine_overrides: Mapping[str, Any] = field(default_factory=dict)


CLEAN = Pass("clean")
