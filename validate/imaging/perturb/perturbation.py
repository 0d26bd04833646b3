"""A perturbation: one physical cause that changes an image, as a function of a Volume. One is one file with a PERTURBATION."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator
from pydantic import BaseModel

from validate.imaging.volume import Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """
    title : as a reader knows the cause
    OPTIONS : its strengths, in physical units; checked before the lock
    apply : the disturbed image, in the units of the one it was given, which it must leave as it was; what is random comes from
        the generator alone, and nothing of the generator's state outlives the case. Raises DecodeFailure, reason perturb:…,
        where this image can't be disturbed so.
    """

    title: str
    OPTIONS: type[BaseModel]
    apply: Callable[[Volume, Any, Generator], Volume]

    def __call__(self, volume: Volume, options: dict[str, Any], generator: Generator) -> Volume:
        return self.apply(volume, self.OPTIONS.model_validate(options), generator)
