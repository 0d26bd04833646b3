"""Opening every model of a protocol, before anything is read by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from validate import registry
from validate.errors import ProtocolError
from validate.models.adapter import Adapter, LoadedModel
from validate.models.augmented import AugmentedModel
from validate.models.label_guard import refuse_labels
from validate.protocol.passes import Pass
from validate.protocol.schema import Model, StudyProtocol


def load_models(
    protocol: StudyProtocol, *, base: Path, device: str | None = None, threads: int = 0
) -> dict[str, LoadedModel]:
    """Open models by id, digests checked. `device` overrides the protocol's (the command line may).

    Raises ModelError or ProtocolError for the first that can't be used; those already open are closed again.
    """
    opened: dict[str, LoadedModel] = {}
    wanted = device or protocol.inference.device
    try:
        for block in protocol.models:
            opened[block.id] = load_one(block, base=base, device=wanted, threads=threads)
    except BaseException:
        for model in opened.values():
            model.close()
        raise
    return opened


def load_one(block: Model, *, base: Path, device: str, threads: int = 0) -> LoadedModel:
    """One model block, with its test-time augmentation around it. Raises ModelError or ProtocolError."""
    adapter: Adapter = registry.load("models", block.format)
    if block.inputs is not None and not getattr(adapter, "takes_inputs", False):
        raise ProtocolError(
            f"models.{block.id}.inputs: the '{block.format}' format gathers its own inputs; remove this."
        )
    model = adapter.load(block, base=base, device=device, threads=threads)
    if block.test_time_augmentation is None:
        return model
    try:
        return AugmentedModel(block, model, block.test_time_augmentation)
    except BaseException:
        model.close()
        raise


@contextmanager
def opened_elsewhere(
    protocol: StudyProtocol, base: Path, passes: Iterable[Pass], models: Mapping[str, LoadedModel]
) -> Iterator[dict[tuple[str, str], LoadedModel]]:
    """Models opened once more on the devices that passes ask for, by (model, device); closed again whatever happens.

    A model that is on that device already, or reads no pixels, is not opened twice. Raises as load_models.
    """
    found: dict[tuple[str, str], LoadedModel] = {}
    with ExitStack() as stack:
        for pass_ in passes:
            device = pass_.engine_overrides.get("device")
            for block in protocol.models if device is not None else ():
                key, here = (block.id, str(device)), models[block.id]
                if not pass_.concerns(block.id) or key in found:
                    continue
                if not (here.needs_pixels or getattr(here, "takes_inputs", False)) or (
                    device == "cpu" and here.identity.provider.lower().startswith("cpu")
                ):
                    found[key] = here
                else:
                    found[key] = load_one(block, base=base, device=str(device))
                    stack.callback(found[key].close)
        yield found


@contextmanager
def opened_models(protocol: StudyProtocol, base: Path, device: str | None) -> Iterator[dict[str, LoadedModel]]:
    """Models that are closed again whatever happens. Raises as load_models, and where one could read the labels."""
    refuse_labels(protocol, base)
    models = load_models(protocol, base=base, device=device)
    try:
        yield models
    finally:
        for model in models.values():
            model.close()
