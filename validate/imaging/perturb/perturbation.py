"""A perturbation: one physical cause, its strength in physical units, and what becomes of a decoded image in native units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.imaging.perturb.bounds import within
from validate.imaging.perturb.draw import Draw, Source
from validate.imaging.perturb.grey import ends
from validate.imaging.perturb.stack import Later, Stack
from validate.imaging.volume import DecodeFailure, Volume

SUITES = ("radiography", "mammography", "ct", "mr", "ultrasound", "fundus", "dermoscopy", "any")
NO_SPACING = "perturb:no_spacing"
NO_VOLUME = "perturb:no_volume"


class Strength(BaseModel):
    """Options of one perturbation, in physical units; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """
    suites : of SUITES, those that it belongs to; none of what only other analyses ask for
    severities : options of the five anchored strengths, mild to severe      anchor : what they stand for in a clinic
    strength, unit : the option that is drawn along the axis, and its unit
    validity : for the report, what it imitates and what it leaves out      source : who says so
    change : a stack of images, which it may write on → the same, changed; seeded draws and nothing else are random
    needs_spacing : pixels must have a size in mm      least_slices : under which it has no meaning
    """

    title: str
    suites: frozenset[str]
    OPTIONS: type[Strength]
    severities: tuple[Mapping[str, Any], ...]
    anchor: str
    strength: str
    unit: str
    validity: str
    source: str
    change: Callable[[Stack, Any, Draw], Stack] = field(repr=False)
    needs_spacing: bool = False
    least_slices: int = 1

    def __call__(self, volume: Volume, options: Mapping[str, Any], generator: Source, *, device: str = "cpu") -> Volume:
        """One image, changed: voxels float32 in the same units and within what could be stored, geometry as it then is.

        generator : what is random comes from it alone, the same numbers on any device

        Raises DecodeFailure, reason perturb:…, where this image can't be disturbed so.
        """
        (found,) = self.many([volume], options, generators=[generator], device=device)
        if isinstance(found, DecodeFailure):
            raise found
        return found

    def many(
        self,
        volumes: Sequence[Volume],
        options: Mapping[str, Any],
        *,
        generators: Sequence[Source],
        device: str = "cpu",
    ) -> list[Volume | DecodeFailure]:
        """Each image, changed by its own generator; those of one shape and geometry go through the device together."""
        checked = self.OPTIONS.model_validate(dict(options))
        found: list[Volume | DecodeFailure] = [DecodeFailure("perturb:error", "not reached")] * len(volumes)
        together: dict[Any, list[int]] = {}
        for place, volume in enumerate(volumes):
            failure = self._impossible(volume)
            if failure is not None:
                found[place] = failure
            else:
                key = (volume.voxels.shape, volume.spacing, volume.unit)
                together.setdefault(key, []).append(place)
        for places in together.values():
            changed = self._changed([volumes[i] for i in places], checked, [generators[i] for i in places], device)
            for place, one in zip(places, changed, strict=True):
                found[place] = one
        return found

    def _impossible(self, volume: Volume) -> DecodeFailure | None:
        if self.needs_spacing and volume.spacing is None:
            return DecodeFailure(NO_SPACING, f"{self.title}: the file does not say how large its pixels are.")
        if volume.voxels.shape[0] < self.least_slices:
            detail = f"{self.title} needs {self.least_slices} slices or more; there are {volume.voxels.shape[0]}."
            return DecodeFailure(NO_VOLUME, detail)
        return None

    def _changed(
        self, volumes: Sequence[Volume], options: Any, generators: Sequence[Source], device: str
    ) -> list[Volume | DecodeFailure]:
        import torch

        greys = [ends(volume) for volume in volumes]
        first = volumes[0]
        colour = first.voxels.ndim == 4
        images = [volume.voxels for volume in volumes]
        shape = (len(volumes), *first.voxels.shape, *(() if colour else (1,)))
        stack = Stack(
            Later(shape, lambda: torch.from_numpy(_planes(volumes)).movedim(2, -1).to(device), images),
            unit=first.unit, spacing=first.spacing, affines=tuple(volume.affine for volume in volumes),
            black=_column([grey[0] for grey in greys], device), white=_column([grey[1] for grey in greys], device),
        )  # fmt: skip
        with torch.inference_mode():
            done = self.change(stack, options, Draw(generators, device, images))
        out = done.voxels.to("cpu").numpy()
        return [
            self._volume(volume, one, done, place, colour)
            for place, (volume, one) in enumerate(zip(volumes, out, strict=True))
        ]

    def _volume(self, volume: Volume, voxels: Any, done: Stack, place: int, colour: bool) -> Volume | DecodeFailure:  # noqa: FBT001
        low, high = volume.source.get("range", (-np.inf, np.inf))
        planes = np.moveaxis(voxels, 3, 1)  # how they lie in memory, unless a cause has turned them
        flat = planes.reshape(-1) if planes.flags.c_contiguous else None
        if flat is None:
            voxels = np.ascontiguousarray(voxels)
            flat = voxels.reshape(-1)
        if not within(flat, np.float32(low), np.float32(high)):
            return DecodeFailure("perturb:not_finite", f"{self.title} left values that are not numbers.")
        return replace(
            volume, voxels=voxels if colour else voxels[..., 0], spacing=done.spacing, affine=done.affines[place]
        )


def _planes(volumes: Sequence[Volume]) -> NDArray[np.float32]:
    """(n, z, channel, y, x) a copy: each channel lies in one piece, which is what all that works along y and x is quickest on."""
    first = volumes[0].voxels
    found = np.empty(
        (len(volumes), first.shape[0], first.shape[3] if first.ndim == 4 else 1, *first.shape[1:3]), np.float32
    )
    for place, volume in zip(found, volumes, strict=True):
        voxels = volume.voxels
        place[:] = np.moveaxis(voxels, 3, 1) if voxels.ndim == 4 else voxels[:, None]
    return found


def _column(values: Sequence[float], device: str) -> Any:
    """(n, 1, 1, 1, 1) beside the voxels."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=device).reshape(-1, 1, 1, 1, 1)
