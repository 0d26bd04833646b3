"""Held images → what a model sees of them in one pass: disturbed in batches on the model's device, then preprocessed.

Nothing of it outlives its batch, so memory does not grow with the number of passes. On the processor batches are small enough for
its cache; where they are cut depends on the images alone, so results do not depend on the machine. One thread does it while the
model, in a process of its own, is busy with the batch before.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from validate import registry
from validate.imaging.perturb.draw import Noise, Room, Source
from validate.imaging.plane_kernels import open_kernels
from validate.imaging.volume import DecodeFailure, Volume
from validate.inference.decode import Seen, guarded, seen
from validate.inference.held import Held
from validate.inference.view import Transform, View
from validate.models.prediction import Failure

TOGETHER = 1 << 20  # bytes of voxels in single precision that the processor disturbs at once
TOGETHER_ON_GPU = 1 << 30
YIELDING = 5  # by which the thread that disturbs is nicer than the model, which has the next batch as a rule and must not wait for a core
KEPT, LARGEST_KEPT = 128 << 20, 32 << 20  # bytes that are kept when they are freed, and of the largest piece of them
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h


@dataclass(frozen=True, slots=True)
class _Last:
    """The batch that was disturbed last, kept where another model may want it.

    held : the images themselves, each equal to itself alone: their addresses go to others when they are gone
    """

    transform: Transform
    held: tuple[Held, ...]
    changed: tuple[Volume | Failure, ...]


@dataclass(slots=True)
class _Noises:
    """What was drawn for a batch, kept where the next pass draws the same."""

    stream: tuple[int, str] = (0, "")
    of: dict[tuple[str, int], Noise] = field(default_factory=dict)
    room: Room = field(default_factory=Room)

    def source(self, by: Transform, one: Held) -> Source:
        """The noise of this image from its first number on."""
        key = (one.content, one.number)
        if key not in self.of:
            self.of[key] = Noise(partial(by.generator, *key), self.room)
        return self.of[key].again()

    def only(self, by: Transform, held: Sequence[Held]) -> None:
        """Forget what is of another stream or another batch."""
        wanted = {(one.content, one.number) for one in held}
        if self.stream != (by.seed, by.stream) or not wanted >= self.of.keys():
            self.of.clear()
            self.room = Room()
        self.stream = (by.seed, by.stream)


class Disturbing:
    """
    device : "cpu" or "cuda"
    shared : whether several models go through the same passes, so that what is disturbed for one is kept for the next
    stages : seconds so far, perturb and preprocess
    """

    def __init__(self, device: str, *, shared: bool) -> None:
        self.device, self.shared = device, shared
        self.stages: Counter[str] = Counter()
        self._last: _Last | None = None
        self._noises = _Noises()

    def images(self, view: View, held: Sequence[Held]) -> list[Seen | Failure]:
        """One for each, in order. A disturbance that fails concerns its image alone."""
        assert view.volume_transform is not None
        pieces = list(_pieces(held, TOGETHER if self.device == "cpu" else TOGETHER_ON_GPU))
        known = self._known(view.volume_transform, held)
        if known is None:
            self._noises.only(view.volume_transform, held)
            changed = [one for some in pieces for one in self._changed(view.volume_transform, some)]
            self._keep(view.volume_transform, held, changed)
        else:
            changed = list(known)
        return [self._seen(view, one, new) for one, new in zip(held, changed, strict=True)]

    def forget(self) -> None:
        """What was kept for another model or pass."""
        self._last, self._noises = None, _Noises()

    def _known(self, transform: Transform, held: Sequence[Held]) -> Sequence[Volume | Failure] | None:
        last = self._last
        same = last is not None and last.transform == transform and last.held == tuple(held)
        return last.changed if same and last is not None else None

    def _keep(self, transform: Transform, held: Sequence[Held], changed: Sequence[Volume | Failure]) -> None:
        self._last = _Last(transform, tuple(held), tuple(changed)) if self.shared else None

    def _changed(self, by: Transform, piece: Sequence[Held]) -> list[Volume | Failure]:
        clock = {"perturb": 0.0}
        found = guarded(clock, "perturb", partial(self._many, by, piece))
        if isinstance(found, Failure) and len(piece) > 1:  # of the piece; whose it is, each tells alone
            found = [one for each in piece for one in self._changed(by, [each])]
        self.stages.update(clock)
        return [found] if isinstance(found, Failure) else found

    def _many(self, by: Transform, piece: Sequence[Held]) -> list[Volume | Failure]:
        generators = [self._noises.source(by, one) for one in piece]
        found = registry.load("perturbations", by.name).many(
            [one.volume for one in piece], dict(by.options), generators=generators, device=self.device
        )
        return [Failure(one.reason, one.detail) if isinstance(one, DecodeFailure) else one for one in found]

    def _seen(self, view: View, held: Held, changed: Volume | Failure) -> Seen | Failure:
        if isinstance(changed, Failure):
            return changed
        clock = {"preprocess": 0.0}
        found = guarded(clock, "preprocess", partial(seen, changed, held.volume, view))
        self.stages.update(clock)
        return found


def open_torch() -> None:
    """Import what disturbs before any thread decodes: an import puts the filters of warnings aside, which other threads then read.
    With passes there are images enough for the machine code of preprocessing too.
    """
    import torch

    open_kernels()

    with torch.inference_mode():
        torch.ones(1).exp()


def _pieces(held: Sequence[Held], size: int) -> Iterator[list[Held]]:
    """Consecutive ones of one shape, as many as fit."""
    piece: list[Held] = []
    for one in held:
        fits = piece and one.volume.voxels.shape == piece[0].volume.voxels.shape
        if piece and not (fits and (len(piece) + 1) * one.volume.voxels.size * 4 <= size):
            yield piece
            piece = []
        piece.append(one)
    if piece:
        yield piece


def alone() -> None:
    """What the thread that disturbs starts with: the cores are the model's, so torch's own threads would only be in its way, and it
    works in the gaps that the model leaves. A layer of a network takes as long as the slowest of the model's threads.
    """
    _keep_freed()
    _yield_cores()
    with contextlib.suppress(ImportError):  # without it each disturbance says so
        import torch

        torch.set_num_threads(1)


def _yield_cores() -> None:
    """Of this thread alone, which only Linux can."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + YIELDING, 19))


def _keep_freed() -> None:
    """What the images of one batch have freed is for the next: given back to the system and taken again, it would be cleared page by
    page each time, which takes longer than the arithmetic on it. Of the C library of GNU; others are left as they are.
    """
    with contextlib.suppress(AttributeError, OSError):
        option = ctypes.CDLL(None).mallopt
        option(M_TRIM_THRESHOLD, KEPT)
        option(M_MMAP_THRESHOLD, LARGEST_KEPT)


def device_of(provider: str) -> str:
    """Where a model with this provider runs, and what it sees is disturbed: "cuda" or "cpu"."""
    if "cuda" not in provider.lower():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
