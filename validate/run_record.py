"""What every stage of a run works on: its protocol, its folder, and where is noted what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from validate.protocol.load import LoadedProtocol
from validate.protocol.schema import StudyProtocol
from validate.provenance.audit import AuditTrail
from validate.provenance.ledger import Ledger
from validate.provenance.states import Progress
from validate.reporter import Reporter


@dataclass(frozen=True, slots=True)
class RunRecord:
    """clock : of what is sealed"""

    loaded: LoadedProtocol
    folder: Path
    trail: AuditTrail
    progress: Progress
    ledger: Ledger
    reporter: Reporter
    clock: Callable[[], datetime]

    @property
    def protocol(self) -> StudyProtocol:
        return self.loaded.protocol

    @property
    def shared(self) -> dict[str, Any]:
        """The same for the stages that follow."""
        return {one.name: getattr(self, one.name) for one in fields(RunRecord)}
