"""Noise that is normal, white and added: what electronics add to every pixel, whatever the exposure."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.random import Generator
from pydantic import BaseModel, ConfigDict, Field

from validate.imaging.perturb.perturbation import Perturbation
from validate.imaging.volume import Volume


class Options(BaseModel):
    """sigma : standard deviation, in the unit of the image."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sigma: Annotated[float, Field(gt=0)]


def noisy(volume: Volume, options: Options, generator: Generator) -> Volume:
    """The voxels + N(0, sigma²), independent from voxel to voxel, as float32."""
    noise = generator.standard_normal(volume.voxels.shape, dtype=np.float32)
    return replace(volume, voxels=volume.voxels.astype(np.float32) + np.float32(options.sigma) * noise)


PERTURBATION = Perturbation(title="Additive Gaussian noise", OPTIONS=Options, apply=noisy)
