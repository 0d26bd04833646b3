"""A rewriting: the bytes of a file → those of another that says the same, or that says a known other thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator
from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """
    title : what is done to the file
    apply : the file's bytes → the new file's. Raises DecodeFailure, reason rewrite:…, where this file can't be rewritten so.
    """

    title: str
    OPTIONS: type[BaseModel]
    apply: Callable[[bytes, Any, Generator], bytes]

    def __call__(self, content: bytes, options: dict[str, Any], generator: Generator) -> bytes:
        return self.apply(content, self.OPTIONS.model_validate(options), generator)
