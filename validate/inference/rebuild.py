"""What another process needs to open the same models once more: plain data, and the path that everything is relative to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from validate.models.adapter import ModelIdentity
from validate.protocol.schema import StudyProtocol


@dataclass(frozen=True, slots=True)
class Rebuild:
    """
    base : folder of the protocol, the same on every machine      device : as asked for on the command line, or None
    identities : what the models must turn out to be
    """

    protocol: StudyProtocol
    base: Path
    device: str | None
    identities: tuple[ModelIdentity, ...]
