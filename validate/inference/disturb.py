"""Held images → what a model sees of them in one pass: disturbed in batches on the model's device, then preprocessed.

Nothing of it outlives its batch, so memory does not grow with the number of passes. On the processor batches are small enough for
its cache; where they are cut depends on the images alone, so results do not depend on the machine or on how many threads share them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
AT_ONCE = 64 << 20  # the same of all threads that disturb at once


Piece = Sequence[Held]
Mapped = Callable[[Callable[[Piece], "_Done"], Sequence[Piece]], Iterable["_Done"]]


@dataclass(frozen=True, slots=True)
class _Last:
    """The batch that was disturbed last, kept where another model may want it.

    held : the images themselves, each equal to itself alone: their addresses go to others when they are gone
    """

    transform: Transform
    held: tuple[Held, ...]
    changed: tuple[Volume | Failure, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a piece of a batch. clock : seconds by stage"""

    changed: Sequence[Volume | Failure]
    images: Sequence[Seen | Failure]
    clock: dict[str, float]


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

    def images(self, view: View, held: Sequence[Held], by: Mapped = map) -> list[Seen | Failure]:
        """One for each, in order. A disturbance that fails concerns its image alone.

        by : how pieces of the batch are gone through: one after the other, or by threads side by side
        """
        assert view.volume_transform is not None
        known = self._known(view.volume_transform, held)
        if known is None:
            self._noises.only(view.volume_transform, held)
        done: list[_Done] = []
        for some in _rounds(_pieces(held, TOGETHER if self.device == "cpu" else TOGETHER_ON_GPU)):
            done += by(partial(self._piece, view, {} if known is None else known), some)
        for one in done:
            self.stages.update(one.clock)
        if known is None:
            self._keep(view.volume_transform, held, [volume for one in done for volume in one.changed])
        return [image for one in done for image in one.images]

    def forget(self) -> None:
        """What was kept for another model or pass."""
        self._last, self._noises = None, _Noises()

    def _known(self, transform: Transform, held: Sequence[Held]) -> dict[Held, Volume | Failure] | None:
        last = self._last
        same = last is not None and last.transform == transform and last.held == tuple(held)
        return dict(zip(last.held, last.changed, strict=True)) if same and last is not None else None

    def _keep(self, transform: Transform, held: Sequence[Held], changed: Sequence[Volume | Failure]) -> None:
        self._last = _Last(transform, tuple(held), tuple(changed)) if self.shared else None

    def _piece(self, view: View, known: Mapping[Held, Volume | Failure], piece: Sequence[Held]) -> _Done:
        """Disturbed and then preprocessed while it is in the cache."""
        clock = {"perturb": 0.0, "preprocess": 0.0}
        assert view.volume_transform is not None
        changed = [known[one] for one in piece] if known else self._changed(view.volume_transform, piece, clock)
        images = [
            new if isinstance(new, Failure) else guarded(clock, "preprocess", partial(seen, new, one.volume, view))
            for one, new in zip(piece, changed, strict=True)
        ]
        return _Done(changed, images, clock)

    def _changed(self, by: Transform, piece: Sequence[Held], clock: dict[str, float]) -> list[Volume | Failure]:
        found = guarded(clock, "perturb", partial(self._many, by, piece))
        if isinstance(found, Failure) and len(piece) > 1:  # of the piece; whose it is, each tells alone
            return [one for each in piece for one in self._changed(by, [each], clock)]
        return [found] if isinstance(found, Failure) else found

    def _many(self, by: Transform, piece: Sequence[Held]) -> list[Volume | Failure]:
        generators = [self._noises.source(by, one) for one in piece]
        found = registry.load("perturbations", by.name).many(
            [one.volume for one in piece], dict(by.options), generators=generators, device=self.device
        )
        return [Failure(one.reason, one.detail) if isinstance(one, DecodeFailure) else one for one in found]


def open_torch() -> None:
    """Import what disturbs before any thread decodes: an import puts the filters of warnings aside, which other threads then read.
    With passes there are images enough for the machine code of preprocessing too.
    """
    import torch

    open_kernels()

    with torch.inference_mode():
        torch.ones(1).exp()


def _rounds(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Consecutive ones that may be on their way at once."""
    some: list[Piece] = []
    size = 0
    for piece in pieces:
        own = sum(one.volume.voxels.size * 4 for one in piece)
        if some and size + own > AT_ONCE:
            yield some
            some, size = [], 0
        some.append(piece)
        size += own
    if some:
        yield some


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


def device_of(provider: str) -> str:
    """Where a model with this provider runs, and what it sees is disturbed: "cuda" or "cpu"."""
    if "cuda" not in provider.lower():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
