"""Images of one shape on one device, as perturbations see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.imaging.volume import DecodeFailure

MILLION = 1e6


@dataclass(slots=True)
class Later:
    """Voxels that are made when they are first asked for: a cause that keeps what follows from them need not ask again.

    images : of which they are made, (z, y, x) or (z, y, x, c), for who looks at one plane after the other
    """

    shape: tuple[int, ...]
    make: Callable[[], Any]
    images: Sequence[NDArray[Any]] = ()
    made: Any = None

    def voxels(self) -> Any:
        """The same each time."""
        if self.made is None:
            self.made = self.make()
        return self.made


@dataclass(frozen=True, slots=True)
class Stack:
    """
    given : the voxels, now or later        spacing : (z, y, x) in mm, the same for all
    black, white : (n, 1, 1, 1, 1), the native values that are shown black and white
    affines : of each image, as Volume has it
    """

    given: Any
    black: Any
    white: Any
    unit: str = "stored"
    spacing: tuple[float, float, float] | None = None
    affines: tuple[NDArray[np.float64] | None, ...] = ()

    @property
    def voxels(self) -> Any:
        """(n, z, y, x, c) float32 tensor, native units, a copy that may be written on."""
        return self.given.voxels() if isinstance(self.given, Later) else self.given

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, z, y, x, c), without asking for them."""
        return tuple(self.given.shape)

    def planes(self) -> Iterator[NDArray[Any]]:
        """(y, x) on the processor, of each image, slice and channel in turn, float32 or bytes, to be looked at before the next one
        and never written on.

        Where none are made yet, no copy of all is made, which would push everything else out of the caches.
        """
        if isinstance(self.given, Later) and self.given.made is None and self.given.images:
            room = np.empty(self.shape[2:4], np.float32)
            for image in self.given.images:
                for place in image if image.ndim == 4 else image[..., None]:
                    for plane in np.moveaxis(place, 2, 0):
                        if plane.dtype == np.uint8:
                            yield plane
                        else:
                            room[:] = plane
                            yield room
        else:
            n, z, rows, columns, c = self.shape
            yield from self.voxels.movedim(-1, 2).reshape(n * z * c, rows, columns).contiguous().numpy()

    @property
    def grey(self) -> Any:
        """Brightness, 0 black to 1 white; what is brighter or darker than the display shows lies outside."""
        return (self.voxels - self.black).div_(self.white - self.black)

    def into_grey(self) -> Any:
        """The same, written over the voxels: for who has no more use for them."""
        return self.voxels.sub_(self.black).div_(self.white - self.black)

    def lit(self, grey: Any) -> Any:
        """1 where something is shown, 0 where the image is black or darker; the first millionth of the range is a slope."""
        return (grey * MILLION).clamp_(0, 1)

    def shown(self, grey: Any) -> Stack:
        """The same images with this brightness, which is written over, in native units again."""
        return replace(self, given=grey.mul_(self.white - self.black).add_(self.black))

    def having(self, voxels: Any) -> Stack:
        """The same with other voxels on the same grid."""
        return replace(self, given=voxels)

    @property
    def millimetres(self) -> tuple[float, float, float]:
        """(z, y, x). Raises DecodeFailure where the file does not say."""
        if self.spacing is None:
            raise DecodeFailure("perturb:no_spacing", "The file does not say how large its pixels are.")
        return self.spacing
