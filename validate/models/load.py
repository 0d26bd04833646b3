"""Opening every model of a protocol, before anything is read by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from validate import registry
from validate.models.adapter import Adapter, LoadedModel
from validate.protocol.schema import StudyProtocol


def load_models(
    protocol: StudyProtocol, *, base: Path, device: str | None = None, threads: int = 0
) -> dict[str, LoadedModel]:
    """Open models by id, digests checked. `device` overrides the protocol's (the command line may).

    Raises ModelError or ProtocolError for the first that can't be used; those already open are closed again.
    """
    opened: dict[str, LoadedModel] = {}
    try:
        for block in protocol.models:
            adapter: Adapter = registry.load("models", block.format)
            wanted = device or protocol.inference.device
            opened[block.id] = adapter.load(block, base=base, device=wanted, threads=threads)
    except BaseException:
        for model in opened.values():
            model.close()
        raise
    return opened


@contextmanager
def opened_models(protocol: StudyProtocol, base: Path, device: str | None) -> Iterator[dict[str, LoadedModel]]:
    """Models that are closed again whatever happens. Raises as load_models."""
    models = load_models(protocol, base=base, device=device)
    try:
        yield models
    finally:
        for model in models.values():
            model.close()
