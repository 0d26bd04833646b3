"""Opening every model of a protocol, before anything is read by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from validate import registry
from validate.errors import ProtocolError
from validate.models.adapter import Adapter, LoadedModel
from validate.models.augmented import AugmentedModel
from validate.models.label_guard import label_folders, refuse_labels
from validate.processes.sandbox import hiding
from validate.protocol.model import Model
from validate.protocol.passes import FULL, Pass
from validate.protocol.schema import StudyProtocol


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
            opened[block.id] = load_one(
                block, base=base, device=wanted, threads=threads, precision=protocol.inference.precision
            )
    except BaseException:
        for model in opened.values():
            model.close()
        raise
    return opened


def load_one(block: Model, *, base: Path, device: str, threads: int = 0, precision: str = FULL) -> LoadedModel:
    """One model block, with its test-time augmentation around it. Raises ModelError or ProtocolError."""
    adapter: Adapter = registry.load("models", block.format)
    if block.inputs is not None and not getattr(adapter, "takes_inputs", False):
        raise ProtocolError(
            f"models.{block.id}.inputs: the '{block.format}' format gathers its own inputs; remove this."
        )
    if precision == FULL or not adapter.needs_pixels:  # what is not computed here has no precision of ours
        model = adapter.load(block, base=base, device=device, threads=threads)
    elif getattr(adapter, "halves", False):
        model = adapter.load(block, base=base, device=device, threads=threads, precision=precision)  # type: ignore[call-arg]
    else:
        raise ProtocolError(
            f"inference.precision: got '{precision}', but models.{block.id} of format '{block.format}' computes in the precision that "
            "it was made in; only torch models can be run in half. Say float32."
        )
    if block.test_time_augmentation is None:
        return model
    try:
        return AugmentedModel(block, model, block.test_time_augmentation)
    except BaseException:
        model.close()
        raise


@contextmanager
def opened_elsewhere(
    protocol: StudyProtocol,
    base: Path,
    passes: Iterable[Pass],
    models: Mapping[str, LoadedModel],
    *,
    device: str | None = None,
) -> Iterator[dict[tuple[str, str], LoadedModel]]:
    """Models opened once more, on the devices or in the precision that passes ask for, by (model, Pass.elsewhere); closed again
    whatever happens.

    A model that is on that device already, or reads no pixels, is not opened twice. `device` : of `models`, where it is not the
    protocol's. Raises as load_models.
    """
    found: dict[tuple[str, str], LoadedModel] = {}
    with ExitStack() as stack:
        for pass_ in passes:
            wanted, other = pass_.elsewhere, pass_.engine_overrides.get("device")
            precision = FULL if pass_.engine_overrides.get("precision") == FULL else protocol.inference.precision
            if wanted is None:
                continue
            for block in protocol.models:
                key, here = (block.id, wanted), models[block.id]
                if not pass_.concerns(block.id) or key in found:
                    continue
                images = here.needs_pixels or getattr(here, "takes_inputs", False)
                there = other == "cpu" and here.identity.provider.lower().startswith("cpu")
                if not images or (there and precision == protocol.inference.precision):
                    found[key] = here
                else:
                    on = str(other or device or protocol.inference.device)
                    found[key] = load_one(block, base=base, device=on, precision=precision)
                    stack.callback(found[key].close)
        yield found


@contextmanager
def opened_models(protocol: StudyProtocol, base: Path, device: str | None) -> Iterator[dict[str, LoadedModel]]:
    """Models that are closed again whatever happens. Raises as load_models, and where one could read the labels."""
    refuse_labels(protocol, base)
    with hiding(label_folders(protocol.reference, base)):
        models = load_models(protocol, base=base, device=device)
        try:
            yield models
        finally:
            for model in models.values():
                model.close()
