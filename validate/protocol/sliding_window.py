"""How a model that sees a window of a volume goes over it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[int, Field(ge=1, le=4096)]


class SlidingWindow(BaseModel):
    """
    size : (z, y, x) of what the model sees at once; (y, x) for a model of planes, which then sees each slice by itself
    overlap : of neighbouring windows, along each axis
    blending : gaussian, weights that fall towards a window's border; constant, the plain mean
    sigma : of the Gaussian, as a share of the window's side
    padding : value around a volume that is smaller than the window      batch : windows at a time
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: tuple[Size, Size, Size] | tuple[Size, Size]
    overlap: Annotated[float, Field(ge=0, lt=1)]
    blending: Literal["gaussian", "constant"]
    sigma: Annotated[float, Field(gt=0, le=1)] = 0.125
    padding: float = 0.0
    batch: Annotated[int, Field(ge=1, le=256)] = 4

    @property
    def planar(self) -> bool:
        """Whether the model sees planes."""
        return len(self.size) == 2

    @property
    def window(self) -> tuple[int, int, int]:
        """(z, y, x)."""
        return (1, *self.size) if len(self.size) == 2 else self.size
