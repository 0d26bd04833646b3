"""A model of a run: its block of the protocol, the open model that belongs to it, and what it is shown of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from validate.imaging.chosen import Choice
from validate.imaging.device_steps import TOLERANCE
from validate.inference.view import Steps, View, transform_of
from validate.inference.volume_model import VolumeModel
from validate.models.adapter import LoadedModel, NamedModel
from validate.models.marks import SHAPES
from validate.models.named_inputs import choice
from validate.protocol.model import Aggregate, Model
from validate.protocol.passes import CLEAN, Pass
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import mask_values, scored

PREPROCESSED_THERE = (
    f"on the model's device, by torch; grey values differ from those of the processor by at most {TOLERANCE:f}, and only where an image "
    "is resized"
)


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model block of the protocol and the open model that belongs to it.

    targets : what its scores are for: the label of the protocol, or each class, grade, finding or structure in its order
    values : of structures, the value of each in a mask
    on_device : whether its images are preprocessed where it runs (imaging/unfinished.py)
    elsewhere : the same model on other devices or in full precision, where passes ask for it, by Pass.elsewhere
    geometry : of a model of volumes, what may be done where slices make no regular box (protocol/geometry.py)
    """

    block: Model
    loaded: LoadedModel = field(repr=False)
    targets: tuple[str, ...]
    values: Mapping[str, int] = field(default_factory=dict)
    geometry: Mapping[str, Any] = field(default_factory=dict)
    on_device: bool = False
    elsewhere: Mapping[str, LoadedModel] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        return self.block.id

    def views(self, pass_: Pass) -> dict[str, View]:
        """What the model sees of a case in this pass, by input; "" of one that takes one image, {} of one that is shown none."""
        if isinstance(self.loaded, NamedModel) and self.loaded.takes_inputs:
            given = (self.block.inputs or {}).items()
            return {
                name: self._view(pass_, one.preprocess, series=one.input == "series", choice=choice(one))
                for name, one in given
                if one.columns is None
            }
        if not self.loaded.needs_pixels:
            return {}
        view = self._view(pass_, self.block.preprocess, series=self.block.input == "series")
        return {"": replace(view, on_device=self.on_device)}

    @property
    def is_shown(self) -> bool:
        """Whether images are decoded for it here, so that what a pass does to them reaches it."""
        return bool(self.views(CLEAN))

    def _view(self, pass_: Pass, steps: Steps, *, series: bool, choice: Choice | None = None) -> View:
        return View(
            steps=steps,
            reader="series" if series else "image",
            geometry=self.geometry if series else {},
            file_transform=transform_of(pass_.file_transform, pass_.id),
            volume_transform=transform_of(pass_.volume_transform, pass_.id),
            choice=choice,
        )

    @property
    def aggregate(self) -> Aggregate | None:
        """How the scores of a unit's images become one; None where a unit is one image."""
        return self.block.input["aggregate"] if isinstance(self.block.input, dict) else None


def planned_model(
    protocol: StudyProtocol, block: Model, loaded: LoadedModel, elsewhere: Mapping[str, LoadedModel]
) -> PlannedModel:
    """A block with its open model, which gives masks or marks where they are made here of what it says of each voxel."""
    rules = getattr(protocol.cohort, "geometry", None)
    return PlannedModel(
        block,
        _answering(block, loaded),
        targets=scored(protocol, block),
        values=mask_values(protocol),
        geometry={} if rules is None else rules.model_dump(mode="json"),
        on_device=_on_device(protocol.inference.preprocess_on, block, loaded),
        elsewhere={device: _answering(block, model) for device, model in elsewhere.items()},
    )


def _on_device(wanted: str, block: Model, loaded: LoadedModel) -> bool:
    finishes = getattr(loaded, "finishes", None)
    if wanted == "processor" or finishes is None or block.input == "series" or _by_voxel(block):
        return False
    if wanted == "auto" and not (finishes == "always" and "cuda" in loaded.identity.provider):
        return False
    from validate.imaging.deciding import can_wait

    return can_wait(block.preprocess)


def _answering(block: Model, loaded: LoadedModel) -> LoadedModel:
    return VolumeModel(block, loaded) if loaded.needs_pixels and _by_voxel(block) else loaded


def _by_voxel(block: Model) -> bool:
    return block.output.kind == "mask" or (block.output.kind in SHAPES and bool(block.postprocess))
